//! Every key of the server, derived from the master secret.
//!
//! There is no key table: each instance derives the same keys from
//! `HOLDFAST_SECRET` and the clock. Signing keys change every 30 days; the previous
//! and the next one are published as well, so that neither a token on its way nor an
//! instance whose clock is a little off is refused.
//!
//! The public keys are public. With a weak master secret anyone could guess it
//! offline and compare, which is why configuration insists on 32 random bytes.

use std::fmt;
use std::sync::{Arc, RwLock};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_protocol::refresh_token::RefreshKey;
use jsonwebtoken::{DecodingKey, EncodingKey};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::refresh_key::{self, expand};

/// Seconds for which one key signs.
pub const EPOCH_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The keys of an instance.
pub struct Keys {
    secrets: Vec<Zeroizing<Vec<u8>>>,
    refresh: Vec<RefreshKey>,
    signing: RwLock<Arc<SigningKeys>>,
}

impl Keys {
    /// Derives everything. The first secret signs and prints; all are accepted.
    ///
    /// # Panics
    /// Without any secret.
    pub fn new(secrets: Vec<Zeroizing<Vec<u8>>>, now: u64) -> Self {
        assert!(
            !secrets.is_empty(),
            "configuration always gives a master secret"
        );
        let refresh = secrets
            .iter()
            .map(|secret| refresh_key::derive(secret))
            .collect();
        let signing = RwLock::new(Arc::new(SigningKeys::derive(&secrets, now / EPOCH_SECONDS)));
        Self {
            secrets,
            refresh,
            signing,
        }
    }

    /// The key that new refresh tokens are printed with.
    pub fn current_refresh_key(&self) -> &RefreshKey {
        &self.refresh[0]
    }

    /// Every key whose refresh tokens are accepted.
    pub fn refresh_keys(&self) -> &[RefreshKey] {
        &self.refresh
    }

    /// The signing keys at this time (Unix seconds).
    pub fn signing_keys(&self, now: u64) -> Arc<SigningKeys> {
        let epoch = now / EPOCH_SECONDS;
        {
            let keys = self
                .signing
                .read()
                .unwrap_or_else(|poisoned| poisoned.into_inner());
            if keys.epoch == epoch {
                return Arc::clone(&keys);
            }
        }
        let derived = Arc::new(SigningKeys::derive(&self.secrets, epoch));
        *self
            .signing
            .write()
            .unwrap_or_else(|poisoned| poisoned.into_inner()) = Arc::clone(&derived);
        derived
    }

    /// A key for one purpose from every accepted master secret, the current one first.
    pub fn for_purpose<const N: usize>(
        &self,
        purpose: &[u8],
    ) -> impl Iterator<Item = Zeroizing<[u8; N]>> {
        self.secrets
            .iter()
            .map(|secret| Zeroizing::new(expand(secret, purpose)))
    }

    /// One-way fingerprints of the master secrets, the current one first.
    pub fn fingerprints(&self) -> Vec<[u8; 16]> {
        self.secrets
            .iter()
            .map(|secret| expand(secret, b"holdfast fingerprint"))
            .collect()
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} secrets, [redacted])", self.secrets.len())
    }
}

/// The Ed25519 keys around one epoch.
pub struct SigningKeys {
    epoch: u64,
    /// The current master secret's key of the current epoch.
    pub kid: String,
    /// Signs new access tokens.
    pub encoding: EncodingKey,
    published: Vec<PublicKey>,
}

/// A key that access tokens may be verified with.
struct PublicKey {
    kid: String,
    x: String,
    decoding: DecodingKey,
}

impl SigningKeys {
    fn derive(secrets: &[Zeroizing<Vec<u8>>], epoch: u64) -> Self {
        // The next key is published ahead, so that a service which keeps the JWKS
        // for a while knows it before it is used.
        let epochs = [epoch, epoch.saturating_sub(1), epoch + 1];
        let mut published = Vec::with_capacity(secrets.len() * epochs.len());
        for secret in secrets {
            for epoch in epochs {
                published.push(PublicKey::of(&key_pair(secret, epoch)));
            }
        }
        let current = key_pair(&secrets[0], epoch);
        let der = current
            .to_pkcs8v1()
            .expect("a key pair can be written as PKCS#8");
        Self {
            epoch,
            kid: PublicKey::of(&current).kid,
            encoding: EncodingKey::from_ed_der(der.as_ref()),
            published,
        }
    }

    /// The key with this id, if it is one of ours and of this time.
    pub fn find(&self, kid: &str) -> Option<&DecodingKey> {
        self.published
            .iter()
            .find(|key| key.kid == kid)
            .map(|key| &key.decoding)
    }

    /// The public keys as a JSON Web Key Set (RFC 7517, RFC 8037).
    pub fn jwks(&self) -> serde_json::Value {
        let keys: Vec<_> = self
            .published
            .iter()
            .map(|key| {
                serde_json::json!({
                    "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA",
                    "kid": key.kid, "x": key.x,
                })
            })
            .collect();
        serde_json::json!({ "keys": keys })
    }
}

impl fmt::Debug for SigningKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKeys(epoch {}, [redacted])", self.epoch)
    }
}

impl PublicKey {
    fn of(pair: &Ed25519KeyPair) -> Self {
        let public = pair.public_key().as_ref();
        Self {
            kid: URL_SAFE_NO_PAD.encode(&Sha256::digest(public)[..12]),
            x: URL_SAFE_NO_PAD.encode(public),
            decoding: DecodingKey::from_ed_der(public),
        }
    }
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
        assert!(one.find(&two.kid).is_some() && two.find(&one.kid).is_some());
        assert!(three.find(&two.kid).is_some() && three.find(&one.kid).is_none());
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
        assert!(new.find(&old.kid).is_some());
        assert_eq!(new.jwks()["keys"].as_array().unwrap().len(), 6);
    }

    #[test]
    fn keys_do_not_print() {
        assert_eq!(
            format!("{:?}", keys(&[1, 2])),
            "Keys(2 secrets, [redacted])"
        );
    }
}
