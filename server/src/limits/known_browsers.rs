//! Known browsers: browsers that have signed in to an account before and can prove it
//! (OWASP, "Slow Down Online Guessing Attacks with Device Cookies").
//!
//! A security duty: the proof alone does not sign a person in. A client with the proof still needs
//! the password; it only avoids the limits that strangers' failures have caused. The proof is
//! valid for the account, the name and the password for which it was made. For ten minutes
//! after a change, the tokens of the previous password are also valid. All of them together may
//! fail ten times. Tokens of older passwords have no effect.
//!
//! A token has the id of its browser. The browser keeps the id when it signs in again, so all of its tokens
//! have the same one. If the person ends a session of this browser from another browser, the server stores
//! the id (`store/revoked_browsers.rs`), and all these tokens are void.
//!
//! Otherwise the server stores nothing: the proof is a token with two MACs. The first one also covers the
//! username, so the server can check it with the typed name before it makes a query. If a person
//! changes the username, the tokens of their browsers have the old name. For these, the second MAC
//! shows that the server has made the token. After the query, the server sees whether the token
//! belongs to the account of the typed name. Such a browser waits for its turn with the strangers, but
//! strangers' failures do not keep it out.

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

use crate::keys::{Keys, Obstacle};
use crate::lifetimes::BROWSER_KNOWN_FOR;

/// The start of a token, so that a person and a secret scanner can recognise it.
const PREFIX: &str = "hfb_";

const PURPOSE: &[u8] = b"holdfast known browser";

/// The purpose of the key of the second MAC.
const PURPOSE_OF_ANY_NAME: &[u8] = b"holdfast known browser of any name";

/// How long the tokens of the previous password stay valid after a change, in seconds. The
/// change has just signed the person's other browsers out, and they need their tokens.
const AFTER_A_CHANGE: i64 = 10 * 60;

const BODY: usize = 48;
const MAC: usize = 16;

/// The tokens that a sign-in has, in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FoundTokens {
    /// Those that were made for the typed name.
    pub of_name: Vec<KnownBrowser>,
    /// Those that were made for other names: of other people who use the browser, or of this account,
    /// if it has changed its name.
    pub of_other_names: Vec<KnownBrowser>,
}

/// A browser that has signed in to an account before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownBrowser {
    account_id: Uuid,
    /// When the password with which it signed in was set, in Unix microseconds.
    password_changed_at: i64,
    /// The browser. All its tokens for this account have the same id.
    browser_id: Uuid,
    /// When the token was made, in Unix seconds.
    made_at: u64,
}

/// Which password of the account a browser has signed in with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// The one that the account has.
    ByPassword,
    /// The one before, which was changed a moment ago.
    ByPasswordBefore,
}

impl KnownBrowser {
    /// The id under which its failures are counted. Each token of a browser has its own, so a thief with
    /// an older token does not use up the failures of the newest one.
    pub fn id(&self) -> [u8; 24] {
        let mut id = [0; 24];
        id[..16].copy_from_slice(self.browser_id.as_bytes());
        id[16..].copy_from_slice(&self.made_at.to_be_bytes());
        id
    }

    /// The browser.
    pub fn browser_id(&self) -> Uuid {
        self.browser_id
    }

    /// The account.
    pub fn account_id(&self) -> Uuid {
        self.account_id
    }

    /// The id that all browsers share that have signed in with the same password.
    pub fn password_id(&self) -> [u8; 24] {
        let mut id = [0; 24];
        id[..16].copy_from_slice(self.account_id.as_bytes());
        id[16..].copy_from_slice(&self.password_changed_at.to_be_bytes());
        id
    }

    /// Whether this account still knows it. A new password makes it a stranger after ten
    /// minutes, and a second new password makes it a stranger at once.
    pub fn known_to(&self, account: &Passwords, now: u64) -> Option<Known> {
        if self.account_id != account.account_id {
            return None;
        }
        if self.password_changed_at == micros(account.changed_at) {
            return Some(Known::ByPassword);
        }
        let since = i64::try_from(now).unwrap_or(i64::MAX) - account.changed_at.unix_timestamp();
        let before = account.previous_changed_at?;
        (self.password_changed_at == micros(before) && since < AFTER_A_CHANGE)
            .then_some(Known::ByPasswordBefore)
    }
}

/// Which passwords an account has had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passwords {
    /// The account.
    pub account_id: Uuid,
    /// When its password was set.
    pub changed_at: OffsetDateTime,
    /// When the password before was set, if there was one.
    pub previous_changed_at: Option<OffsetDateTime>,
}

/// Makes a browser known to this account. Returns the token that the browser keeps.
///
/// # Errors
/// When the current secret is forbidden.
pub fn make(
    keys: &Keys,
    account_id: Uuid,
    username: &Username,
    password_changed_at: OffsetDateTime,
    browser_id: Uuid,
    now: u64,
) -> Result<Secret, Obstacle> {
    let mut token = Vec::with_capacity(BODY + 2 * MAC);
    token.extend(account_id.as_bytes());
    token.extend(micros(password_changed_at).to_be_bytes());
    token.extend(now.to_be_bytes());
    token.extend(browser_id.as_bytes());
    let key = keys.current_for_purpose::<32>(PURPOSE)?;
    let name = username.key();
    let mac = mac_of(&*key, &[&token, name.as_bytes()])
        .finalize()
        .into_bytes();
    token.extend(&mac[..MAC]);
    let key = keys.current_for_purpose::<32>(PURPOSE_OF_ANY_NAME)?;
    let mac = mac_of(&*key, &[&token]).finalize().into_bytes();
    token.extend(&mac[..MAC]);
    let token = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(token));
    Ok(Secret::from(token))
}

/// The tokens in these headers. All other text in the headers is ignored.
pub fn find(keys: &Keys, headers: &HeaderMap, username: &Username, now: u64) -> FoundTokens {
    let mut found = FoundTokens::default();
    let tokens = headers
        .get_all(KNOWN_BROWSER_HEADER)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .take(MOST_KNOWN_BROWSERS);
    for token in tokens {
        match verify(keys, token.trim(), username, now) {
            Some((browser, true)) => found.of_name.push(browser),
            Some((browser, false)) => found.of_other_names.push(browser),
            None => {}
        }
    }
    found
}

/// The browser of a genuine token, and whether the token was made for this name.
fn verify(keys: &Keys, token: &str, username: &Username, now: u64) -> Option<(KnownBrowser, bool)> {
    let token = URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX)?).ok()?;
    let (body, tags) = token.split_at_checked(BODY)?;
    let (tag, tag_of_any_name) = tags.split_at_checked(MAC)?;
    let is_genuine = |purpose, parts: &[&[u8]], tag: &[u8]| {
        keys.for_purpose::<32>(purpose)
            .any(|key| mac_of(&*key, parts).verify_truncated_left(tag).is_ok())
    };
    let name = username.key();
    let is_of_name = is_genuine(PURPOSE, &[body, name.as_bytes()], tag);
    let is_genuine = match tag_of_any_name.len() {
        // An earlier version has made the token.
        0 => is_of_name,
        MAC => is_genuine(PURPOSE_OF_ANY_NAME, &[body, tag], tag_of_any_name),
        _ => false,
    };
    if !is_genuine {
        return None;
    }
    let number = |at: usize| <[u8; 8]>::try_from(&body[at..at + 8]).ok();
    let made_at = u64::from_be_bytes(number(24)?);
    if now.saturating_sub(made_at) > BROWSER_KNOWN_FOR.as_secs() {
        return None;
    }
    let browser = KnownBrowser {
        account_id: Uuid::from_slice(&body[..16]).ok()?,
        password_changed_at: i64::from_be_bytes(number(16)?),
        browser_id: Uuid::from_slice(&body[32..]).ok()?,
        made_at,
    };
    Some((browser, is_of_name))
}

fn mac_of(key: &[u8], parts: &[&[u8]]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    for part in parts {
        mac.update(part);
    }
    mac
}

/// The time in microseconds, as Postgres keeps it.
fn micros(at: OffsetDateTime) -> i64 {
    i64::try_from(at.unix_timestamp_nanos() / 1000).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use zeroize::Zeroizing;

    use super::*;

    const NOW: u64 = 1_800_000_000;

    const BROWSER: Uuid = Uuid::from_u128(7);

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

    fn first(
        keys: &Keys,
        headers: &HeaderMap,
        username: &Username,
        now: u64,
    ) -> Option<KnownBrowser> {
        let found = find(keys, headers, username, now);
        found.of_name.first().copied()
    }

    #[test]
    fn the_server_picks_the_token_that_fits_the_name() {
        let keys = keys(&[1]);
        let (ada, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let for_ada = make(&keys, ada, &name("Ada"), changed(0), BROWSER, NOW).unwrap();
        let for_eve = make(&keys, eve, &name("eve"), changed(0), BROWSER, NOW).unwrap();
        let headers = headers(&["nonsense", for_ada.expose(), for_eve.expose()]);
        let found = |name: &Username| first(&keys, &headers, name, NOW).map(|b| b.account_id);
        assert_eq!(found(&name("ADA")), Some(ada));
        assert_eq!(found(&name("eve")), Some(eve));
        assert_eq!(found(&name("bob")), None);
    }

    #[test]
    fn no_more_than_five_tokens_are_read() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let fifth = headers(&["a", "b", "c", "d", token.expose()]);
        assert_eq!(find(&keys, &fifth, &name("ada"), NOW).of_name.len(), 1);
        let sixth = headers(&["a", "b", "c", "d", "e", token.expose()]);
        assert_eq!(
            find(&keys, &sixth, &name("ada"), NOW),
            FoundTokens::default()
        );
    }

    #[test]
    fn only_an_accepted_secret_makes_a_valid_token() {
        let token = make(
            &keys(&[1]),
            Uuid::nil(),
            &name("ada"),
            changed(0),
            BROWSER,
            NOW,
        )
        .unwrap();
        let found = |keys| first(&keys, &headers(&[token.expose()]), &name("ada"), NOW);
        assert!(found(keys(&[2, 1])).is_some());
        assert!(found(keys(&[2])).is_none());
    }

    #[test]
    fn a_token_with_any_changed_byte_is_refused() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let bytes = URL_SAFE_NO_PAD
            .decode(token.expose().strip_prefix(PREFIX).unwrap())
            .unwrap();
        for at in 0..bytes.len() {
            let mut other = bytes.clone();
            other[at] ^= 1;
            let other = format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(other));
            let found = find(&keys, &headers(&[&other]), &name("ada"), NOW);
            assert_eq!(found, FoundTokens::default());
        }
    }

    #[test]
    fn a_token_is_valid_for_a_year() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let found = |now| first(&keys, &headers(&[token.expose()]), &name("ada"), now);
        let year = BROWSER_KNOWN_FOR.as_secs();
        assert!(found(NOW + year).is_some());
        assert!(found(NOW + year + 1).is_none());
    }

    #[test]
    fn all_tokens_of_the_name_are_found_in_their_order() {
        let keys = keys(&[1]);
        let account = Uuid::from_u128(1);
        let newest = make(&keys, account, &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let older = make(&keys, account, &name("ada"), changed(9), BROWSER, NOW).unwrap();
        let headers = headers(&[newest.expose(), "nonsense", older.expose()]);
        let found = find(&keys, &headers, &name("ada"), NOW);
        assert!(found.of_other_names.is_empty());
        let passwords: Vec<_> = found
            .of_name
            .iter()
            .map(|b| b.password_changed_at)
            .collect();
        assert_eq!(passwords, [micros(changed(0)), micros(changed(9))]);
    }

    /// The account may have changed its name since the token was made.
    #[test]
    fn a_token_of_another_name_is_found_beside_those_of_the_name() {
        let keys = keys(&[1]);
        let (ada, eve) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let before = make(&keys, ada, &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let other = make(&keys, eve, &name("eve"), changed(0), BROWSER, NOW).unwrap();
        let now = make(&keys, ada, &name("lovelace"), changed(0), BROWSER, NOW).unwrap();
        let headers = headers(&[before.expose(), other.expose(), now.expose()]);
        let found = find(&keys, &headers, &name("lovelace"), NOW);
        let accounts = |browsers: &[KnownBrowser]| -> Vec<_> {
            browsers.iter().map(|browser| browser.account_id).collect()
        };
        assert_eq!(accounts(&found.of_name), [ada]);
        assert_eq!(accounts(&found.of_other_names), [ada, eve]);
    }

    /// A token of an earlier version has the first MAC only.
    #[test]
    fn a_token_of_an_earlier_version_is_valid_for_its_name_only() {
        let keys = keys(&[1]);
        let token = make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, NOW).unwrap();
        let bytes = URL_SAFE_NO_PAD
            .decode(token.expose().strip_prefix(PREFIX).unwrap())
            .unwrap();
        let earlier = URL_SAFE_NO_PAD.encode(&bytes[..BODY + MAC]);
        let headers = headers(&[&format!("{PREFIX}{earlier}")]);
        assert_eq!(find(&keys, &headers, &name("ada"), NOW).of_name.len(), 1);
        assert_eq!(
            find(&keys, &headers, &name("eve"), NOW),
            FoundTokens::default()
        );
    }

    #[test]
    fn tokens_of_one_browser_have_its_id_and_their_own_failures() {
        let keys = keys(&[1]);
        let made = |now| make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, now).unwrap();
        let (older, newer) = (made(NOW - 60), made(NOW));
        let headers = headers(&[newer.expose(), older.expose()]);
        let found = find(&keys, &headers, &name("ada"), NOW).of_name;
        let browsers: Vec<_> = found.iter().map(KnownBrowser::browser_id).collect();
        assert_eq!(browsers, [BROWSER, BROWSER]);
        assert_ne!(found[0].id(), found[1].id());
    }

    #[test]
    fn a_forbidden_secret_makes_no_token() {
        let keys = keys(&[2, 1]);
        let leaked = crate::keys::SecretInUse {
            fingerprint: keys.fingerprint().to_vec(),
            is_forbidden: true,
            minted_ago: std::time::Duration::ZERO,
        };
        keys.learn(&[leaked], std::time::Duration::from_secs(60), NOW);
        let made = make(&keys, Uuid::nil(), &name("ada"), changed(0), BROWSER, NOW);
        assert_eq!(made.err(), Some(Obstacle::Forbidden));
    }

    #[test]
    fn a_new_password_makes_it_a_stranger_after_ten_minutes() {
        let keys = keys(&[1]);
        let account_id = Uuid::from_u128(1);
        let token = make(&keys, account_id, &name("ada"), changed(5000), BROWSER, NOW).unwrap();
        let browser = first(&keys, &headers(&[token.expose()]), &name("ada"), NOW).unwrap();
        let known_to = |account_id, changed_at, previous_changed_at| {
            let account = Passwords {
                account_id,
                changed_at,
                previous_changed_at,
            };
            browser.known_to(&account, NOW)
        };
        let known = Some(Known::ByPassword);
        assert_eq!(known_to(account_id, changed(5000), None), known);
        let before = Some(changed(5000));
        let known = Some(Known::ByPasswordBefore);
        assert_eq!(known_to(account_id, changed(599), before), known);
        assert_eq!(known_to(account_id, changed(600), before), None);
        // This is not the previous password, but an older one.
        assert_eq!(known_to(account_id, changed(1), Some(changed(4000))), None);
        assert_eq!(known_to(account_id, changed(1), None), None);
        // Meanwhile another account has got the name.
        let other = Uuid::from_u128(2);
        assert_eq!(known_to(other, changed(5000), None), None);
        assert_eq!(known_to(other, changed(1), before), None);
    }
}
