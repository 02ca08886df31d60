//! A master secret, and the hash of it that may be shown.

use holdfast_protocol::refresh_token::RefreshKey;
use zeroize::Zeroizing;

use super::derivation::{expand, refresh_key};

/// A master secret and the keys that do not depend on the time.
pub(super) struct Master {
    pub(super) bytes: Zeroizing<Vec<u8>>,
    pub(super) fingerprint: Fingerprint,
    pub(super) refresh: RefreshKey,
}

impl Master {
    pub(super) fn new(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self {
            fingerprint: fingerprint(&bytes),
            refresh: refresh_key(&bytes),
            bytes,
        }
    }
}

/// A one-way hash of a master secret. It may be stored and logged.
pub type Fingerprint = [u8; 16];

/// A one-way hash of a master secret.
pub fn fingerprint(secret: &[u8]) -> Fingerprint {
    expand(secret, b"holdfast fingerprint")
}

/// A fingerprint as an operator sees it: its first four bytes.
pub fn shown(fingerprint: &[u8]) -> String {
    let first = fingerprint.iter().take(4);
    first.map(|byte| format!("{byte:02x}")).collect()
}
