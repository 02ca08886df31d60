//! The keys that sign access tokens, and those with which others verify them.

use std::fmt;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::derivation::expand;
use super::master::Master;
use super::trust::{Standing, Use};
use super::verified_tokens::VerifiedTokens;

/// The header type of access tokens. No other kind of token has it (RFC 9068 §2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";

/// How many seconds one key signs.
pub const EPOCH_SECONDS: u64 = 30 * 24 * 60 * 60;

/// The Ed25519 keys around one epoch.
pub struct SigningKeys {
    epoch: u64,
    /// The version of [`Standing`] for which these keys were derived.
    version: u64,
    /// The id of the key that signs: the key of the current master secret for the current epoch.
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
    pub(super) fn derive(secrets: &[Master], standing: &Standing, epoch: u64) -> Self {
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

    /// Whether these keys were derived for this epoch and for the present state of the secrets.
    pub(super) fn are_of(&self, epoch: u64, standing: &Standing) -> bool {
        self.epoch == epoch && self.version == standing.version
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
