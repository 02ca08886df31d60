//! Known browsers: those that have signed in to an account before and can prove it
//! (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
//!
//! A security duty: the proof opens nothing. Whoever shows it still needs the password;
//! it only spares them the limits that strangers' failures have set. It is good for the
//! account, the name and the password that it was made for.
//!
//! Nothing is stored: the proof is a token with a MAC. Its MAC covers the username too,
//! so that it can be checked against the name that was typed before the database is
//! asked.

use axum::http::HeaderMap;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{KNOWN_BROWSER_HEADER, MOST_KNOWN_BROWSERS};
use sha2::Sha256;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::keys::Keys;
use crate::random;

/// What a token begins with, so that a person and a secret scanner can tell it.
const PREFIX: &str = "hfb_";

const PURPOSE: &[u8] = b"holdfast known browser";

/// How long a token is good, in seconds.
const YEAR: u64 = 365 * 24 * 60 * 60;

/// How long the tokens of the last password stay good after a change, in seconds: the
/// person's other browsers have just been signed out.
const AFTER_A_CHANGE: i64 = 10 * 60;

const BODY: usize = 48;
const MAC: usize = 16;

/// A browser that has signed in under this name before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBrowser {
    account_id: Uuid,
    /// When the password was set that it signed in with, in Unix microseconds.
    password_changed_at: i64,
    /// Tells this browser's tokens apart from all others.
    id: [u8; 16],
}

impl KnownBrowser {
    /// What its failures are counted under.
    pub fn id(&self) -> [u8; 16] {
        self.id
    }

    /// Whether it is known to this account still. A new password makes it a stranger,
    /// after ten minutes.
    pub fn is_known_to(
        &self,
        account_id: Uuid,
        password_changed_at: OffsetDateTime,
        now: u64,
    ) -> bool {
        let same_password = self.password_changed_at == micros(password_changed_at);
        let since = i64::try_from(now).unwrap_or(i64::MAX) - password_changed_at.unix_timestamp();
        self.account_id == account_id && (same_password || since < AFTER_A_CHANGE)
    }
}

/// Makes a browser known to this account. Answers the token that it keeps; `None` when
/// every secret of this instance is forbidden, and it is about to stop.
pub fn make(
    keys: &Keys,
    account_id: Uuid,
    username: &Username,
    password_changed_at: OffsetDateTime,
    now: u64,
) -> Option<Secret> {
    let mut token = Vec::with_capacity(BODY + MAC);
    token.extend(account_id.as_bytes());
    token.extend(micros(password_changed_at).to_be_bytes());
    token.extend(now.to_be_bytes());
    token.extend(random::bytes::<16>());
    let key = keys.for_purpose::<32>(PURPOSE).next()?;
    let mac = mac(&*key, &token, username).finalize().into_bytes();
    token.extend(&mac[..MAC]);
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(token));
    Some(Secret::from(token))
}

/// The token of these headers that was made for this name. Others, and what is no
/// token of ours, count for nothing.
pub fn find(
    keys: &Keys,
    headers: &HeaderMap,
    username: &Username,
    now: u64,
) -> Option<KnownBrowser> {
    headers
        .get_all(KNOWN_BROWSER_HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(MOST_KNOWN_BROWSERS)
        .find_map(|token| verify(keys, token.trim(), username, now))
}

fn verify(keys: &Keys, token: &str, username: &Username, now: u64) -> Option<KnownBrowser> {
    let token = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (body, tag) = token.split_at_checked(BODY)?;
    if tag.len() != MAC {
        return None;
    }
    let genuine = keys.for_purpose::<32>(PURPOSE).any(|key| {
        mac(&*key, body, username)
            .verify_truncated_left(tag)
            .is_ok()
    });
    if !genuine {
        return None;
    }
    let number = |at: usize| <[u8; 8]>::try_from(&body[at..at + 8]).ok();
    let made_at = u64::from_be_bytes(number(24)?);
    if now.saturating_sub(made_at) > YEAR {
        return None;
    }
    Some(KnownBrowser {
        account_id: Uuid::from_slice(&body[..16]).ok()?,
        password_changed_at: i64::from_be_bytes(number(16)?),
        id: body[32..].try_into().ok()?,
    })
}

fn mac(key: &[u8], body: &[u8], username: &Username) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(body);
    mac.update(username.key().as_bytes());
    mac
}

/// As Postgres keeps it.
fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    fn keys(secrets: &[u8]) -> Keys {
        let secrets = secrets.iter().map(|s| Zeroizing::new(vec![*s; 32]));
        Keys::new(secrets.collect(), NOW)
    }

    fn name(text: &str) -> Username {
        Username::parse(text).unwrap()
    }

    fn changed(ago: i64) -> OffsetDateTime {
        let at = i64::try_from(NOW).unwrap() - ago;
        OffsetDateTime::from_unix_timestamp(at).unwrap()
    }

    fn headers(tokens: &[&str]) -> HeaderMap {
        let value = HeaderValue::from_str(&tokens.join(", ")).unwrap();
        HeaderMap::from_iter([(KNOWN_BROWSER_HEADER.parse().unwrap(), value)])
    }

    #[test]
    fn the_server_picks_the_one_that_fits_the_name() {
        let keys = keys(&[1]);
        let (ada, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let for_ada = make(&keys, ada, &name("Ada"), changed(0), NOW).unwrap();
        let for_eve = make(&keys, eve, &name("eve"), changed(0), NOW).unwrap();
        let headers = headers(&["nonsense", for_ada.expose(), for_eve.expose()]);
        let found = |name: &Username| find(&keys, &headers, name, NOW).map(|b| b.account_id);
        assert_eq!(found(&name("ADA")), Some(ada));
        assert_eq!(found(&name("eve")), Some(eve));
        assert_eq!(found(&name("bob")), None);
    }

    #[test]
    fn no_more_than_five_are_looked_at() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), NOW).unwrap();
        let fifth = headers(&["a", "b", "c", "d", token.expose()]);
        assert!(find(&keys, &fifth, &name("ada"), NOW).is_some());
        let sixth = headers(&["a", "b", "c", "d", "e", token.expose()]);
        assert!(find(&keys, &sixth, &name("ada"), NOW).is_none());
    }

    #[test]
    fn any_accepted_secret_may_have_made_it_and_no_other() {
        let token = make(&keys(&[1]), Uuid::nil(), &name("ada"), changed(0), NOW).unwrap();
        let found = |keys| find(&keys, &headers(&[token.expose()]), &name("ada"), NOW);
        assert!(found(keys(&[2, 1])).is_some());
        assert!(found(keys(&[2])).is_none());
    }

    #[test]
    fn one_that_was_changed_anywhere_is_not_ours() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), NOW).unwrap();
        let bytes = URL_SAFE_NO_PAD
            .decode(token.expose().strip_prefix(PREFIX).unwrap())
            .unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let other = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(other));
            assert!(find(&keys, &headers(&[&other]), &name("ada"), NOW).is_none());
        }
    }

    #[test]
    fn it_is_good_for_a_year() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), NOW).unwrap();
        let found = |now| find(&keys, &headers(&[token.expose()]), &name("ada"), now);
        assert!(found(NOW + YEAR).is_some());
        assert!(found(NOW + YEAR + 1).is_none());
    }

    #[test]
    fn a_new_password_makes_it_a_stranger_after_ten_minutes() {
        let keys = keys(&[1]);
        let account = Uuid::from_u128(1);
        let token = make(&keys, account, &name("ada"), changed(5000), NOW).unwrap();
        let browser = find(&keys, &headers(&[token.expose()]), &name("ada"), NOW).unwrap();
        assert!(browser.is_known_to(account, changed(5000), NOW));
        assert!(browser.is_known_to(account, changed(599), NOW));
        assert!(!browser.is_known_to(account, changed(600), NOW));
        // The name was given to another account meanwhile.
        assert!(!browser.is_known_to(Uuid::from_u128(2), changed(5000), NOW));
    }
}
