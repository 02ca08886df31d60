//! Every key of the server, derived from the master secret.
//!
//! There is no table of keys: each instance derives the same keys from `HOLDFAST_SECRET` and
//! the clock. Signing keys change every 30 days. The previous and the next key are published
//! as well. So a token that was made before a change, or by an instance whose clock is a
//! little wrong, is still accepted.
//!
//! The public keys are public. An attacker could guess a weak master secret offline and compare
//! the keys, so the configuration requires 32 random bytes.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_protocol::refresh_token::RefreshKey;
use jsonwebtoken::DecodingKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::lifetimes::LONGEST_ACCESS_TOKEN;
use crate::refresh_key::{self, expand};
use crate::verified_tokens::VerifiedTokens;

/// The header type that marks an access token, and nothing else, as one (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// How many seconds one key signs.
pub const EPOCH_SECONDS: u64 = 30 * 24 * 60 * 60;

/// How many seconds longer access tokens of another secret are accepted than the last report
/// about it says. Instances only report every ten seconds.
const RENEWAL_SLACK: u64 = 20;

/// The keys of an instance.
pub struct Keys {
    /// The current secret comes first.
    secrets: Vec<Master>,
    standing: RwLock<Standing>,
    signing: RwLock<Arc<SigningKeys>>,
}

/// A master secret and the keys that are derived from it.
struct Master {
    bytes: Zeroizing<Vec<u8>>,
    fingerprint: Fingerprint,
    refresh: RefreshKey,
}

/// A one-way hash of a master secret. It may be stored and logged.
pub type Fingerprint = [u8; 16];

/// What is known about the secrets that the instances use.
struct Standing {
    /// For each secret of this instance.
    uses: Vec<Use>,
    /// The refresh keys of the secrets that are not forbidden.
    refresh: Arc<[RefreshKey]>,
    /// Counts the changes.
    version: u64,
    obstacle: Option<Obstacle>,
    may_mint: bool,
    /// When the secrets were last read, and how long this read allows the instance to make
    /// tokens. `None` if no task reads them.
    read: Option<(Instant, Duration)>,
}

/// For what a secret of this instance is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Use {
    /// Refresh tokens and access tokens.
    All,
    /// Refresh tokens, and access tokens until this Unix time.
    AccessTokensUntil(u64),
    /// Nothing.
    Forbidden,
}

/// Why the secrets keep an instance from being ready.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Obstacle {
    /// Other instances make tokens with secrets that this instance does not accept.
    #[error(
        "this instance does not accept every master secret in use (fingerprints: {}): a step of the change was skipped. Add that secret to HOLDFAST_SECRET_PREVIOUS here",
        .0.join(", ")
    )]
    Behind(Vec<String>),
    /// The current secret leaked.
    #[error(
        "the master secret of this instance was forbidden after a leak. Set HOLDFAST_SECRET to the new one"
    )]
    Forbidden,
}

/// What the database says about one secret.
#[derive(Debug, Clone, PartialEq)]
pub struct SecretInUse {
    /// Which secret.
    pub fingerprint: Vec<u8>,
    /// Whether it must not be trusted any more.
    pub is_forbidden: bool,
    /// How long ago an instance last made tokens with it.
    pub minted_ago: Duration,
}

impl Keys {
    /// Derives all keys. The first secret makes tokens; all secrets are accepted until
    /// [`learn`](Self::learn) changes this.
    ///
    /// # Panics
    /// Without any secret.
    pub fn new(secrets: Vec<Zeroizing<Vec<u8>>>, now: u64) -> Self {
        assert!(
            !secrets.is_empty(),
            "configuration always gives a master secret"
        );
        let secrets: Vec<_> = secrets
            .into_iter()
            .map(|bytes| Master {
                fingerprint: fingerprint(&bytes),
                refresh: refresh_key::derive(&bytes),
                bytes,
            })
            .collect();
        let uses = vec![Use::All; secrets.len()];
        let standing = Standing {
            refresh: accepted(&secrets, &uses),
            uses,
            version: 0,
            obstacle: None,
            may_mint: true,
            read: None,
        };
        let signing = SigningKeys::derive(&secrets, &standing, now / EPOCH_SECONDS);
        Self {
            secrets,
            standing: RwLock::new(standing),
            signing: RwLock::new(Arc::new(signing)),
        }
    }

    /// The key with which new refresh tokens are made.
    pub fn current_refresh_key(&self) -> &RefreshKey {
        &self.secrets[0].refresh
    }

    /// Every key whose refresh tokens are accepted.
    pub fn refresh_keys(&self) -> Arc<[RefreshKey]> {
        Arc::clone(&read(&self.standing).refresh)
    }

    /// The signing keys at this time (Unix seconds).
    pub fn signing_keys(&self, now: u64) -> Arc<SigningKeys> {
        let epoch = now / EPOCH_SECONDS;
        let standing = read(&self.standing);
        {
            let keys = read(&self.signing);
            if keys.epoch == epoch && keys.version == standing.version {
                return Arc::clone(&keys);
            }
        }
        let derived = Arc::new(SigningKeys::derive(&self.secrets, &standing, epoch));
        *write(&self.signing) = Arc::clone(&derived);
        derived
    }

    /// A key for one purpose from every accepted master secret, the current one first.
    pub fn for_purpose<const N: usize>(
        &self,
        purpose: &[u8],
    ) -> std::vec::IntoIter<Zeroizing<[u8; N]>> {
        let standing = read(&self.standing);
        let uses = self.secrets.iter().zip(&standing.uses);
        let keys: Vec<_> = uses
            .filter(|(_, usable)| **usable != Use::Forbidden)
            .map(|(secret, _)| Zeroizing::new(expand(&secret.bytes, purpose)))
            .collect();
        keys.into_iter()
    }

    /// The key for one purpose from the current master secret. Every instance can derive it
    /// again.
    ///
    /// # Errors
    /// When the current secret is forbidden. A previous secret that is still accepted does not
    /// replace it, because a previous secret makes nothing new.
    pub fn current_for_purpose<const N: usize>(
        &self,
        purpose: &[u8],
    ) -> Result<Zeroizing<[u8; N]>, Obstacle> {
        if self.is_forbidden() {
            return Err(Obstacle::Forbidden);
        }
        Ok(Zeroizing::new(expand(&self.secrets[0].bytes, purpose)))
    }

    /// The fingerprint of the current secret.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.secrets[0].fingerprint
    }

    /// Takes over what the database says about secrets at `now` (Unix seconds).
    ///
    /// If no instance has made tokens with a secret yet, the secret is trusted, because it is the
    /// next one. If other instances have made tokens with a secret, its access tokens are
    /// accepted for one more lifetime of an access token, which may be longer there than here. If
    /// other instances have made tokens with a secret during the longest refresh lifetime, and
    /// this instance does not have that secret, this instance is behind.
    pub fn learn(&self, in_use: &[SecretInUse], longest_session: Duration, now: u64) {
        let find = |fingerprint: &Fingerprint| {
            in_use
                .iter()
                .find(|secret| secret.fingerprint[..] == fingerprint[..])
        };
        let use_of = |(n, secret): (usize, &Master)| match find(&secret.fingerprint) {
            Some(known) if known.is_forbidden => Use::Forbidden,
            Some(known) if n > 0 => {
                let minted_at = now.saturating_sub(known.minted_ago.as_secs());
                Use::AccessTokensUntil(minted_at + LONGEST_ACCESS_TOKEN.as_secs() + RENEWAL_SLACK)
            }
            _ => Use::All,
        };
        let uses: Vec<_> = self.secrets.iter().enumerate().map(use_of).collect();
        let missing = self.missing(in_use, longest_session);
        let obstacle = if uses[0] == Use::Forbidden {
            Some(Obstacle::Forbidden)
        } else if missing.is_empty() {
            None
        } else {
            Some(Obstacle::Behind(missing))
        };

        let mut standing = write(&self.standing);
        // The last report about a secret gets newer every ten seconds. A second more or less is
        // no reason to derive the keys again.
        let is_news = standing.uses.iter().zip(&uses).any(|pair| match pair {
            (Use::AccessTokensUntil(before), Use::AccessTokensUntil(after)) => {
                before.abs_diff(*after) > RENEWAL_SLACK / 4
            }
            (before, after) => before != after,
        });
        if is_news {
            standing.refresh = accepted(&self.secrets, &uses);
            standing.uses = uses;
            standing.version += 1;
        }
        standing.obstacle = obstacle;
    }

    /// The secrets that other instances use and that this instance does not accept, as an operator
    /// sees them.
    fn missing(&self, in_use: &[SecretInUse], longest_session: Duration) -> Vec<String> {
        let is_ours = |known: &SecretInUse| {
            let mut ours = self.secrets.iter();
            ours.any(|secret| secret.fingerprint[..] == known.fingerprint[..])
        };
        in_use
            .iter()
            .filter(|known| !known.is_forbidden && known.minted_ago <= longest_session)
            .filter(|known| !is_ours(known))
            .map(|known| shown(&known.fingerprint))
            .collect()
    }

    /// Whether a database with these secrets belongs to this fleet: this instance has entered its
    /// secret there, and accepts all secrets that the other instances use. An instance enters its
    /// secret before it makes tokens, so every other database belongs to another fleet.
    pub fn belong_to(&self, in_use: &[SecretInUse], longest_session: Duration) -> bool {
        let current = self.fingerprint();
        let is_entered = in_use
            .iter()
            .any(|known| known.fingerprint[..] == current[..] && !known.is_forbidden);
        is_entered && self.missing(in_use, longest_session).is_empty()
    }

    /// Whether a task reads the secrets in use from the database. If not, no secret was entered
    /// either.
    pub fn is_followed(&self) -> bool {
        read(&self.standing).read.is_some()
    }

    /// Why the secrets keep this instance from being ready.
    pub fn obstacle(&self) -> Option<Obstacle> {
        read(&self.standing).obstacle.clone()
    }

    /// Whether the current secret was forbidden after a leak.
    pub fn is_forbidden(&self) -> bool {
        read(&self.standing).obstacle == Some(Obstacle::Forbidden)
    }

    /// Whether this instance may make tokens: its secret was entered, so the others know it, and
    /// a recent read says that it is not forbidden.
    pub fn may_mint(&self) -> bool {
        self.may_mint_at(Instant::now())
    }

    fn may_mint_at(&self, now: Instant) -> bool {
        let standing = read(&self.standing);
        let is_fresh = |(at, good_for): (Instant, Duration)| at + good_for > now;
        standing.may_mint
            && standing.obstacle != Some(Obstacle::Forbidden)
            && standing.read.is_none_or(is_fresh)
    }

    /// Notes when the secrets were read from the database. This read is trusted for `good_for`.
    pub fn note_read(&self, at: Instant, good_for: Duration) {
        write(&self.standing).read = Some((at, good_for));
    }

    /// Whether the secrets were read from the database within this time.
    pub fn was_read_within(&self, time: Duration) -> bool {
        let read = read(&self.standing).read;
        read.is_none_or(|(at, _)| at.elapsed() < time)
    }

    /// Notes whether the current secret was entered.
    pub fn set_may_mint(&self, may_mint: bool) {
        write(&self.standing).may_mint = may_mint;
    }
}

/// A one-way hash of a master secret.
pub fn fingerprint(secret: &[u8]) -> Fingerprint {
    expand(secret, b"holdfast fingerprint")
}

/// A fingerprint as an operator sees it: its first four bytes.
pub fn shown(fingerprint: &[u8]) -> String {
    let first = fingerprint.iter().take(4);
    first.map(|byte| format!("{byte:02x}")).collect()
}

fn accepted(secrets: &[Master], uses: &[Use]) -> Arc<[RefreshKey]> {
    let uses = secrets.iter().zip(uses);
    uses.filter(|(_, usable)| **usable != Use::Forbidden)
        .map(|(secret, _)| secret.refresh.clone())
        .collect()
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().unwrap_or_else(PoisonError::into_inner)
}

fn write<T>(lock: &RwLock<T>) -> RwLockWriteGuard<'_, T> {
    lock.write().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} secrets, [redacted])", self.secrets.len())
    }
}

/// The Ed25519 keys around one epoch.
pub struct SigningKeys {
    epoch: u64,
    /// Of the standing that they were derived for.
    version: u64,
    /// The current master secret's key of the current epoch.
    pub kid: String,
    /// Signs new access tokens.
    pub pair: Ed25519KeyPair,
    /// The header of these.
    pub header: String,
    /// What these keys have verified already.
    pub verified: VerifiedTokens,
    published: Vec<PublicKey>,
}

/// A key with which access tokens may be verified.
pub struct PublicKey {
    kid: String,
    x: String,
    /// Verifies.
    pub decoding: DecodingKey,
    /// Until when it is valid (Unix seconds), if that is limited.
    pub until: Option<u64>,
}

impl SigningKeys {
    fn derive(secrets: &[Master], standing: &Standing, epoch: u64) -> Self {
        // The next key is published before it is used, so that a service that keeps the JWKS
        // for some time already has it.
        let epochs = [epoch, epoch.saturating_sub(1), epoch + 1];
        let mut published = Vec::with_capacity(secrets.len() * epochs.len());
        for (secret, usable) in secrets.iter().zip(&standing.uses) {
            let until = match usable {
                Use::All => None,
                Use::AccessTokensUntil(until) => Some(*until),
                Use::Forbidden => continue,
            };
            for epoch in epochs {
                published.push(PublicKey::of(&key_pair(&secret.bytes, epoch), until));
            }
        }
        let pair = key_pair(&secrets[0].bytes, epoch);
        let kid = PublicKey::of(&pair, None).kid;
        Self {
            epoch,
            version: standing.version,
            header: header(&kid),
            kid,
            pair,
            verified: VerifiedTokens::default(),
            published,
        }
    }

    /// The key with this id, if it is one of these keys and valid at `now` (Unix seconds).
    pub fn find(&self, kid: &str, now: u64) -> Option<&PublicKey> {
        self.good(now).find(|key| key.kid == kid)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub fn jwks(&self, now: u64) -> serde_json::Value {
        let keys: Vec<_> = self
            .good(now)
            .map(|key| {
                serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": key.kid, "x": key.x,
                })
            })
            .collect();
        serde_json::json!({ "keys": keys })
    }

    fn good(&self, now: u64) -> impl Iterator<Item = &PublicKey> {
        let is_good = move |key: &&PublicKey| key.until.is_none_or(|until| now <= until);
        self.published.iter().filter(is_good)
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys(epoch {}, [redacted])", self.epoch)
    }
}

impl PublicKey {
    fn of(pair: &Ed25519KeyPair, until: Option<u64>) -> Self {
        let public = pair.public_key().as_ref();
        Self {
            kid: URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..12]),
            x: URL_SAFE_NO_PAD.encode(public),
            decoding: DecodingKey::from_ed_der(public),
            until,
        }
    }
}

/// The header of every access token that a key signs, encoded (RFC 7515 §3.1).
fn header(kid: &str) -> String {
    let header = serde_json::json!({ "typ": ACCESS_TOKEN_TYPE, "alg": "EdDSA", "kid": kid });
    URL_SAFE_NO_PAD.encode(header.to_string())
}

fn key_pair(secret: &[u8], epoch: u64) -> Ed25519KeyPair {
    let purpose = [
        b"holdfast access token ed25519 ".as_slice(),
        &epoch.to_be_bytes(),
    ]
    .concat();
    let seed = Zeroizing::new(expand::<32>(secret, &purpose));
    Ed25519KeyPair::from_seed_unchecked(&*seed).expect("32 bytes are a seed")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(secrets: &[u8]) -> Keys {
        Keys::new(
            secrets
                .iter()
                .map(|s| Zeroizing::new(vec![*s; 32]))
                .collect(),
            0,
        )
    }

    #[test]
    fn neighbouring_epochs_know_each_others_keys() {
        let keys = keys(&[1]);
        let epoch = |n: u64| keys.signing_keys(n * EPOCH_SECONDS);
        let (one, two, three) = (epoch(100), epoch(101), epoch(102));
        assert_ne!(one.kid, two.kid);
        let knows = |keys: &SigningKeys, kid: &str| keys.find(kid, 0).is_some();
        assert!(knows(&one, &two.kid) && knows(&two, &one.kid));
        assert!(knows(&three, &two.kid) && !knows(&three, &one.kid));
    }

    #[test]
    fn instances_with_the_same_secret_have_the_same_keys() {
        let kid = |keys: &Keys| keys.signing_keys(7 * EPOCH_SECONDS).kid.clone();
        assert_eq!(kid(&keys(&[1])), kid(&keys(&[1, 2])));
        assert_ne!(kid(&keys(&[1])), kid(&keys(&[2, 1])));
    }

    #[test]
    fn a_previous_secret_is_accepted_and_published() {
        let old = keys(&[1]).signing_keys(EPOCH_SECONDS);
        let new = keys(&[2, 1]).signing_keys(EPOCH_SECONDS);
        assert!(new.find(&old.kid, EPOCH_SECONDS).is_some());
        assert_eq!(new.jwks(0)["keys"].as_array().unwrap().len(), 6);
    }

    const NOW: u64 = 700 * EPOCH_SECONDS;
    const TTL: Duration = Duration::from_secs(300);
    const LONGEST: Duration = Duration::from_secs(90 * 24 * 60 * 60);

    fn in_use(secret: u8, minted_ago: u64) -> SecretInUse {
        SecretInUse {
            fingerprint: fingerprint(&[secret; 32]).to_vec(),
            is_forbidden: false,
            minted_ago: Duration::from_secs(minted_ago),
        }
    }

    fn forbidden(secret: u8) -> SecretInUse {
        SecretInUse {
            is_forbidden: true,
            ..in_use(secret, 0)
        }
    }

    fn is_accepted(keys: &Keys, secret: u8) -> bool {
        let id = refresh_key::derive(&[secret; 32]).mac;
        keys.refresh_keys().iter().any(|key| key.mac == id)
    }

    #[test]
    fn access_tokens_of_a_previous_secret_are_accepted_for_one_lifetime_after_its_last_use() {
        let old_kid = keys(&[1]).signing_keys(NOW).kid.clone();
        let new = keys(&[2, 1]);
        new.learn(&[in_use(1, 100), in_use(2, 0)], LONGEST, NOW);
        let signing = new.signing_keys(NOW);
        let last = NOW - 100 + LONGEST_ACCESS_TOKEN.as_secs() + RENEWAL_SLACK;
        assert!(signing.find(&old_kid, last).is_some());
        assert!(signing.find(&old_kid, last + 1).is_none());
        let published = signing.jwks(last + 1)["keys"].as_array().unwrap().len();
        assert_eq!(published, 3);
        // Its refresh tokens are valid for as long as it is configured.
        assert!(is_accepted(&new, 1));
        // It is used again: a rollback.
        let later = last + 1000;
        new.learn(&[in_use(1, 0), in_use(2, 0)], LONGEST, later);
        assert!(new.signing_keys(NOW).find(&old_kid, later + 200).is_some());
    }

    #[test]
    fn the_next_secret_is_trusted_before_an_instance_makes_tokens_with_it() {
        let announced = keys(&[1, 2]);
        announced.learn(&[in_use(1, 0)], LONGEST, NOW);
        let next = keys(&[2]).signing_keys(NOW).kid.clone();
        assert!(
            announced
                .signing_keys(NOW)
                .find(&next, NOW + 1000)
                .is_some()
        );
        assert_eq!(announced.obstacle(), None);
    }

    #[test]
    fn an_instance_that_misses_a_secret_in_use_is_behind_until_that_is_long_ago() {
        let keys = keys(&[1]);
        keys.learn(&[in_use(1, 0), in_use(2, 0)], LONGEST, NOW);
        let missing = shown(&fingerprint(&[2; 32]));
        assert_eq!(keys.obstacle(), Some(Obstacle::Behind(vec![missing])));
        assert!(keys.may_mint());
        let long_ago = LONGEST.as_secs() + 1;
        keys.learn(&[in_use(1, 0), in_use(2, long_ago)], LONGEST, NOW);
        assert_eq!(keys.obstacle(), None);
    }

    #[test]
    fn a_forbidden_secret_is_accepted_for_no_token() {
        let old_kid = keys(&[1]).signing_keys(NOW).kid.clone();
        let new = keys(&[2, 1]);
        new.learn(&[forbidden(1), in_use(2, 0)], LONGEST, NOW);
        assert!(new.signing_keys(NOW).find(&old_kid, NOW).is_none());
        assert!(!is_accepted(&new, 1) && is_accepted(&new, 2));
        assert_eq!(new.for_purpose::<32>(b"a purpose").count(), 1);
        assert_eq!((new.obstacle(), new.may_mint()), (None, true));
        let old = keys(&[1]);
        old.learn(&[forbidden(1), in_use(2, 0)], LONGEST, NOW);
        assert_eq!(old.obstacle(), Some(Obstacle::Forbidden));
        assert!(!old.may_mint() && old.refresh_keys().is_empty());
    }

    #[test]
    fn an_instance_that_has_not_read_for_one_lifetime_makes_no_tokens() {
        let keys = keys(&[1]);
        assert!(keys.may_mint());
        let read_at = Instant::now();
        keys.note_read(read_at, TTL);
        let second = Duration::from_secs(1);
        assert!(keys.may_mint_at(read_at + TTL - second));
        assert!(!keys.may_mint_at(read_at + TTL));
        keys.note_read(read_at + TTL, TTL);
        assert!(keys.may_mint_at(read_at + TTL + second));
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(
            format!("{:?}", keys(&[1, 2])),
            "Keys(2 secrets, [redacted])"
        );
    }
}
