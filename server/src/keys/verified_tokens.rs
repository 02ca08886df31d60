//! Access tokens whose signature was already verified.
//!
//! A browser sends the same access token with every call for five minutes. To verify a signature
//! costs fifty times as much as to find the result of an earlier check. Only the result of the
//! signature is remembered: every call still checks the issuer, the times and the ended sessions.
//!
//! A security duty: the found token must be exactly the token that was verified. So a token is
//! found by a keyed hash of the whole token, with a key that this process has made. An attacker
//! cannot search for two tokens with the same hash. No token is stored.

use std::fmt;

use aws_lc_rs::hmac;
use quick_cache::sync::Cache;
use uuid::Uuid;

use super::added_claims::AddedClaims;
use crate::random;

/// The most tokens that are remembered; about 200 bytes each, without what an application adds.
const MOST: usize = 10_000;

/// The claims of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The issuer.
    pub issuer: Box<str>,
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Uuid,
    /// When it was made, in Unix seconds.
    pub iat: u64,
    /// When it expires, in Unix seconds.
    pub exp: u64,
    /// What the application has added.
    pub added: AddedClaims,
    /// Until when the key that signed it is valid (Unix seconds), if that is limited.
    pub key_until: Option<u64>,
}

/// The tokens that one set of signing keys has verified. Each set of keys has its own set of verified
/// tokens. So when a key is removed, its tokens are removed, too.
pub struct VerifiedTokens {
    key: hmac::Key,
    by_hash: Cache<[u8; 32], VerifiedToken>,
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
    /// The place of this token. A token is hashed once, to find it and to remember it.
    pub fn place(&self, token: &str) -> Entry<'_> {
        let tag = hmac::sign(&self.key, token.as_bytes());
        let mut hash = [0; 32];
        hash.copy_from_slice(tag.as_ref());
        let by_hash = &self.by_hash;
        Entry { hash, by_hash }
    }
}

/// Where one token is remembered.
pub struct Entry<'a> {
    hash: [u8; 32],
    by_hash: &'a Cache<[u8; 32], VerifiedToken>,
}

impl Entry<'_> {
    /// The claims of the token, if its signature was verified.
    pub fn get(&self) -> Option<VerifiedToken> {
        self.by_hash.get(&self.hash)
    }

    /// Remembers a token whose signature was verified.
    pub fn insert(&self, verified: VerifiedToken) {
        self.by_hash.insert(self.hash, verified);
    }

    /// Forgets a token that is not needed any more.
    pub fn remove(&self) {
        self.by_hash.remove(&self.hash);
    }
}

impl fmt::Debug for VerifiedTokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifiedTokens({})", self.by_hash.len())
    }
}
