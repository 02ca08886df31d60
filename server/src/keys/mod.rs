//! Every key of the server, derived from the master secret, and the access tokens that are signed
//! with them.
//!
//! There is no table of keys: each instance derives the same keys from `HOLDFAST_SECRET` and
//! the clock. Signing keys change every 30 days. The previous and the next key are published
//! as well. So a token that was made before a change, or by an instance whose clock is a
//! little wrong, is still accepted.
//!
//! The public keys are public. An attacker could guess a weak master secret offline and compare
//! the keys, so the configuration requires 32 random bytes.
//!
//! [`Keys`] puts the files together: `derivation` (a key for each purpose), `master` (one secret),
//! `trust` (which secrets are accepted, and for what), `signing` (the keys of access tokens),
//! [`access_token`], [`added_claims`] and `verified_tokens`.

pub mod access_token;
pub mod added_claims;
mod derivation;
mod master;
mod signing;
#[cfg(test)]
mod tests;
mod trust;
pub mod verified_tokens;

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use holdfast_protocol::refresh_token::RefreshKey;
use tokio::sync::Notify;
use zeroize::Zeroizing;

use self::derivation::expand;
use self::master::Master;
use self::trust::{Standing, Use};

pub use self::derivation::refresh_key;
pub use self::master::{Fingerprint, fingerprint, shown};
pub use self::signing::{ACCESS_TOKEN_TYPE, EPOCH_SECONDS, PublicKey, SigningKeys};
pub use self::trust::{Obstacle, SecretInUse};

/// The keys of an instance.
pub struct Keys {
    /// The current secret comes first.
    secrets: Vec<Master>,
    standing: RwLock<Standing>,
    signing: RwLock<Arc<SigningKeys>>,
    /// Notified when it was read that the current secret is forbidden.
    forbidden: Notify,
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
        let secrets: Vec<_> = secrets.into_iter().map(Master::new).collect();
        let standing = Standing::new(&secrets);
        let signing = SigningKeys::derive(&secrets, &standing, now / EPOCH_SECONDS);
        Self {
            secrets,
            standing: RwLock::new(standing),
            signing: RwLock::new(Arc::new(signing)),
            forbidden: Notify::new(),
        }
    }

    /// Notes that it was read that the current secret is forbidden.
    pub fn note_forbidden(&self) {
        self.forbidden.notify_waiters();
    }

    /// Waits until the current secret is forbidden: then the instance has to stop.
    pub async fn until_forbidden(&self) {
        let mut noted = std::pin::pin!(self.forbidden.notified());
        // From here on, a notification is not missed.
        noted.as_mut().enable();
        if !self.is_forbidden() {
            noted.await;
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
            if keys.are_of(epoch, &standing) {
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
    /// next one. If other instances have made tokens with a secret, its access tokens are accepted
    /// for one more hour after the last use. That is the longest lifetime that an access token can
    /// have; the other instances may have a longer one in their settings than this instance. If
    /// other instances have made tokens with a secret during the longest refresh lifetime, and
    /// this instance does not have that secret, this instance is behind.
    pub fn learn(&self, in_use: &[SecretInUse], longest_session: Duration, now: u64) {
        write(&self.standing).learn(&self.secrets, in_use, longest_session, now);
    }

    /// Whether a database that lists these secrets is the database of this instance and of the
    /// instances beside it (the *fleet*). That is so if the list contains the secret of this
    /// instance, and no secret in use that this instance does not have. An instance *enters* its
    /// secret (it writes the fingerprint into the database) before it makes tokens, so every other
    /// database belongs to another fleet.
    pub fn belong_to(&self, in_use: &[SecretInUse], longest_session: Duration) -> bool {
        trust::belong_to(&self.secrets, in_use, longest_session)
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
        read(&self.standing).is_forbidden()
    }

    /// Whether this instance may make tokens: its secret is in the database, so the others know it,
    /// and a recent read says that it is not forbidden.
    pub fn may_mint(&self) -> bool {
        self.may_mint_at(Instant::now())
    }

    fn may_mint_at(&self, now: Instant) -> bool {
        read(&self.standing).may_mint_at(now)
    }

    /// Notes when the secrets were read from the database. This read is trusted for `good_for`.
    pub fn note_read(&self, at: Instant, good_for: Duration) {
        write(&self.standing).read = Some((at, good_for));
    }

    /// Whether the secrets were read from the database within this time.
    fn was_read_within(&self, time: Duration) -> bool {
        let read = read(&self.standing).read;
        read.is_none_or(|(at, _)| at.elapsed() < time)
    }

    /// Why a token that this instance cannot verify may still be good: another instance may have made
    /// it with a secret that this one lacks. The secrets must have been read within this time.
    pub fn may_lack_a_secret(&self, within: Duration) -> Option<&'static str> {
        if self.obstacle().is_some() {
            return Some("this instance does not accept every secret in use");
        }
        let is_late = !self.was_read_within(within);
        is_late.then_some("the secrets in use were not read lately")
    }

    /// Notes whether the current secret was entered.
    pub fn set_entered(&self, is_entered: bool) {
        write(&self.standing).is_entered = is_entered;
    }
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
