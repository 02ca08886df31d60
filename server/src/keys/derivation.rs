//! How keys are derived from a master secret.

use hkdf::Hkdf;
use holdfast_protocol::refresh_token::RefreshKey;
use sha2::Sha256;

/// The keys for refresh tokens: `K_mac`, `K_chain` and the one-byte hint.
pub fn refresh_key(master_secret: &[u8]) -> RefreshKey {
    RefreshKey {
        id: expand::<1>(master_secret, b"holdfast refresh token key id")[0],
        mac: expand(master_secret, b"holdfast refresh token mac"),
        chain: expand(master_secret, b"holdfast refresh token chain"),
    }
}

/// HKDF-SHA256 (RFC 5869) of the master secret for one purpose.
pub(super) fn expand<const N: usize>(master_secret: &[u8], purpose: &[u8]) -> [u8; N] {
    let mut output = [0; N];
    Hkdf::<Sha256>::new(None, master_secret)
        .expand(purpose, &mut output)
        .expect("every purpose asks for less than 255 blocks");
    output
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_purpose_and_every_secret_has_its_own_key() {
        let one = refresh_key(&[1; 32]);
        let two = refresh_key(&[2; 32]);
        assert_ne!(one.mac, one.chain);
        assert_ne!(one.mac, two.mac);
        assert_ne!(one.chain, two.chain);
        assert_eq!(one.mac, refresh_key(&[1; 32]).mac);
    }
}
