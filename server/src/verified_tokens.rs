//! Access tokens whose signature was verified already.
//!
//! A browser sends the same access token with every call for five minutes, and a signature
//! costs fifty times what finding it again does. Only the signature is remembered: the
//! issuer, the times and the ended sessions are looked at with every call.
//!
//! A security duty: what is found must be the very token that was verified. So a token is
//! found by a keyed hash of the whole of it, with a key that this process has made: two
//! tokens with the same hash cannot be looked for. No token is kept.

use std::fmt;

use aws_lc_rs::hmac;
use quick_cache::sync::Cache;
use uuid::Uuid;

use crate::random;

/// The most tokens that are remembered; about 200 bytes each.
const MOST: usize = 10_000;

/// What a verified token says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Who made it.
    pub issuer: Box<str>,
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// When it was made, in Unix seconds.
    pub iat: u64,
    /// When it stops being good, in Unix seconds.
    pub exp: u64,
    /// Until when the key that signed it is good (Unix seconds), where that is limited.
    pub key_until: Option<u64>,
}

/// The tokens that one set of keys has verified. Other keys begin with an empty one, so a
/// key that goes takes its tokens along.
pub struct VerifiedTokens {
    key: hmac::Key,
    by_hash: Cache<[u8; 32], Verified>,
}

impl Default for VerifiedTokens {
    fn default() -> Self {
        Self {
            key: hmac::Key::new(hmac::HMAC_SHA256, &random::bytes::<32>()),
            by_hash: Cache::new(MOST),
        }
    }
}

impl VerifiedTokens {
    /// What this token says, if its signature was verified.
    pub fn get(&self, token: &str) -> Option<Verified> {
        self.by_hash.get(&self.hash(token))
    }

    /// Remembers a token whose signature was verified.
    pub fn insert(&self, token: &str, verified: Verified) {
        self.by_hash.insert(self.hash(token), verified);
    }

    /// Forgets a token that is of no use any more.
    pub fn remove(&self, token: &str) {
        self.by_hash.remove(&self.hash(token));
    }

    fn hash(&self, token: &str) -> [u8; 32] {
        let tag = hmac::sign(&self.key, token.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        hash
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedTokens({})", self.by_hash.len())
    }
}
