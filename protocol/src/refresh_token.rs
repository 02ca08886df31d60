//! The refresh token: its format, its check and its successor.
//!
//! `hfr_` followed by base64url of
//! `key_id(1) ‖ session_id(16) ‖ generation(4) ‖ secret(32) ‖ mac(16)`, where
//! `mac = HMAC-SHA256(K_mac, everything before it)`, cut to 16 bytes.
//!
//! The server checks the MAC before it queries the database, so a made-up token costs no
//! query and cannot end a session. The first secret of a chain is random. Every later
//! secret is derived from the presented token and the attempt key:
//! `HMAC-SHA256(K_chain, session_id ‖ generation + 1 ‖ secret ‖ attempt key)`.
//! So the server can answer a repeat with the same successor, although it only stores
//! hashes.
//!
//! A browser can read the session and the generation, but it has no key. So the browser only
//! uses [`UnverifiedRefreshToken`].

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::attempt_key::AttemptKey;
use crate::secret::Secret;

/// The start of every refresh token, so that secret scanners can recognise one.
pub const PREFIX: &str = "hfr_";

const SECRET_AT: usize = 1 + 16 + 4;
const MAC_AT: usize = SECRET_AT + 32;
const LENGTH: usize = MAC_AT + 16;

/// The characters of a printed token.
pub const PRINTED_LENGTH: usize = PREFIX.len() + (LENGTH * 4).div_ceil(3);

/// The largest generation. Its token cannot be rotated. With one renewal a second, a
/// session reaches it after 136 years.
pub const LAST_GENERATION: u32 = u32::MAX;

/// The 32 secret bytes of one link in the chain.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct ChainSecret([u8; 32]);

impl ChainSecret {
    /// The first secret of a session, from the system's random generator.
    pub fn from_random(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// SHA-256 of the secret: all that the database receives.
    pub fn hash(&self) -> [u8; 32] {
        Sha256::digest(self.0).into()
    }
}

impl fmt::Debug for ChainSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChainSecret([redacted])")
    }
}

/// The two keys for refresh tokens that are derived from one master secret.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct RefreshKey {
    /// Tokens contain it as a hint, but verification tries every key.
    pub id: u8,
    /// `K_mac`.
    pub mac: [u8; 32],
    /// `K_chain`.
    pub chain: [u8; 32],
}

impl fmt::Debug for RefreshKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RefreshKey({:#04x}, [redacted])", self.id)
    }
}

/// The text is not a refresh token at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedRefreshToken;

/// A token as it was read: well formed, but its MAC is not checked.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct UnverifiedRefreshToken([u8; LENGTH]);

impl UnverifiedRefreshToken {
    /// Reads a printed token.
    ///
    /// # Errors
    /// [`MalformedRefreshToken`] when the prefix, the alphabet or the length is wrong.
    pub fn parse(text: &str) -> Result<Self, MalformedRefreshToken> {
        let encoded = text.strip_prefix(PREFIX).ok_or(MalformedRefreshToken)?;
        let mut bytes = [0; LENGTH];
        if text.len() != PRINTED_LENGTH {
            return Err(MalformedRefreshToken);
        }
        match URL_SAFE_NO_PAD.decode_slice(encoded, &mut bytes) {
            Ok(LENGTH) => Ok(Self(bytes)),
            _ => Err(MalformedRefreshToken),
        }
    }

    /// The session that the token names.
    pub fn session_id(&self) -> Uuid {
        let mut id = [0; 16];
        id.copy_from_slice(&self.0[1..17]);
        Uuid::from_bytes(id)
    }

    /// Its link number in the session's chain.
    pub fn generation(&self) -> u32 {
        let mut generation = [0; 4];
        generation.copy_from_slice(&self.0[17..SECRET_AT]);
        u32::from_be_bytes(generation)
    }

    /// The parts in their order, for a page that shows to its owner what a token consists of.
    pub fn parts(&self) -> TokenParts<'_> {
        TokenParts {
            key_id: self.0[0],
            session_id: self.session_id(),
            generation: self.generation(),
            secret: &self.0[SECRET_AT..MAC_AT],
            mac: &self.0[MAC_AT..],
        }
    }

    /// Checks the MAC with every key, beginning with the hinted one. `None` if no key
    /// made this token. The time does not depend on the place where two MACs differ.
    pub fn verify(self, keys: &[RefreshKey]) -> Option<RefreshToken> {
        let hint = self.0[0];
        let hinted = keys.iter().filter(|key| key.id == hint);
        let others = keys.iter().filter(|key| key.id != hint);
        let key = hinted.chain(others).find(|key| {
            mac_over(key, &self.0[..MAC_AT])
                .verify_truncated_left(&self.0[MAC_AT..])
                .is_ok()
        })?;
        let mut secret = [0; 32];
        secret.copy_from_slice(&self.0[SECRET_AT..MAC_AT]);
        Some(RefreshToken {
            session_id: self.session_id(),
            generation: self.generation(),
            secret: ChainSecret(secret),
            key: key.clone(),
        })
    }
}

impl fmt::Debug for UnverifiedRefreshToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "UnverifiedRefreshToken({}, {})",
            self.session_id(),
            self.generation()
        )
    }
}

/// The parts of a printed token. Its `Debug` does not print the secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct TokenParts<'a> {
    /// Which of the server's keys has probably made the token. It is a hint only.
    pub key_id: u8,
    /// The session.
    pub session_id: Uuid,
    /// Its link number in the session's chain.
    pub generation: u32,
    /// The 32 secret bytes.
    pub secret: &'a [u8],
    /// The 16 bytes by which the server recognises its own tokens.
    pub mac: &'a [u8],
}

impl TokenParts<'_> {
    /// SHA-256 of the secret: what the database holds of this token.
    pub fn secret_hash(&self) -> [u8; 32] {
        Sha256::digest(self.secret).into()
    }
}

impl fmt::Debug for TokenParts<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenParts({}, {})", self.session_id, self.generation)
    }
}

/// A genuine token: one of the server's keys made it. [`crate::rotation::decide`] decides
/// whether it is still current.
#[derive(Clone, Debug)]
pub struct RefreshToken {
    /// The session whose chain it belongs to.
    pub session_id: Uuid,
    /// Its link number in that chain.
    pub generation: u32,
    /// Its secret part.
    pub secret: ChainSecret,
    key: RefreshKey,
}

impl RefreshToken {
    /// The secret of the token that follows `self`, for a request with this attempt key.
    /// The same arguments always give the same successor. This is also true after a change of the
    /// master secret: the function uses the chain key of the master secret that made the presented
    /// token. `None` for the last generation.
    ///
    /// Without an attempt key, the successor is derived from the token alone.
    pub fn successor(&self, attempt_key: Option<&AttemptKey>) -> Option<ChainSecret> {
        let generation = self.generation.checked_add(1)?;
        let mut mac = keyed(&self.key.chain);
        mac.update(self.session_id.as_bytes());
        mac.update(&generation.to_be_bytes());
        mac.update(&self.secret.0);
        mac.update(attempt_key.map_or(&[][..], |key| key.expose().as_bytes()));
        Some(ChainSecret(mac.finalize().into_bytes().into()))
    }
}

/// Writes the token of one link of a session's chain as text. `key` makes its MAC.
pub fn print(key: &RefreshKey, session_id: Uuid, generation: u32, secret: &ChainSecret) -> Secret {
    let mut bytes = [0; LENGTH];
    bytes[0] = key.id;
    bytes[1..17].copy_from_slice(session_id.as_bytes());
    bytes[17..SECRET_AT].copy_from_slice(&generation.to_be_bytes());
    bytes[SECRET_AT..MAC_AT].copy_from_slice(&secret.0);
    let mac = mac_over(key, &bytes[..MAC_AT]).finalize().into_bytes();
    bytes[MAC_AT..].copy_from_slice(&mac[..LENGTH - MAC_AT]);
    let text = printed(&bytes);
    bytes.zeroize();
    text
}

/// A well-formed token that no server has made, because its MAC is random. The
/// server refuses it without a query. Its session seems to have begun at `unix_ms`.
pub fn made_up(unix_ms: u64, random: [u8; 16]) -> Secret {
    let mut session = [0; 10];
    session.copy_from_slice(&random[..10]);
    let session_id = uuid::Builder::from_unix_timestamp_millis(unix_ms, &session).into_uuid();
    let mut bytes = [0; LENGTH];
    bytes[1..17].copy_from_slice(session_id.as_bytes());
    bytes[SECRET_AT..SECRET_AT + 16].copy_from_slice(&random);
    bytes[MAC_AT..].copy_from_slice(&random);
    printed(&bytes)
}

fn printed(bytes: &[u8; LENGTH]) -> Secret {
    let mut text = String::with_capacity(PRINTED_LENGTH);
    text.push_str(PREFIX);
    URL_SAFE_NO_PAD.encode_string(bytes, &mut text);
    Secret::from(text)
}

fn mac_over(key: &RefreshKey, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = keyed(&key.mac);
    mac.update(bytes);
    mac
}

fn keyed(key: &[u8; 32]) -> Hmac<Sha256> {
    // HMAC fills a key that is shorter than the block with zeros (RFC 2104). This block
    // is filled in the same way, so the result is the plain HMAC, and the length of the
    // key cannot be wrong.
    let mut block = [0; 64];
    block[..key.len()].copy_from_slice(key);
    let mac = Hmac::new((&block).into());
    block.zeroize();
    mac
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(id: u8) -> RefreshKey {
        RefreshKey {
            id,
            mac: [id; 32],
            chain: [id ^ 0x55; 32],
        }
    }

    fn verified(text: &Secret, keys: &[RefreshKey]) -> Option<RefreshToken> {
        UnverifiedRefreshToken::parse(text.expose())
            .ok()?
            .verify(keys)
    }

    #[test]
    fn a_token_is_its_prefix_and_92_characters() {
        let text = print(&key(1), Uuid::nil(), 0, &ChainSecret([7; 32]));
        assert_eq!(text.expose().len(), 96);
        assert_eq!(PRINTED_LENGTH, 96);
        assert!(text.expose().starts_with("hfr_"));
    }

    #[test]
    fn the_parts_of_a_token_are_those_that_it_was_made_of() {
        let secret = ChainSecret([7; 32]);
        let text = print(&key(9), Uuid::from_u128(5), 3, &secret);
        let token = UnverifiedRefreshToken::parse(text.expose()).unwrap();
        let parts = token.parts();
        assert_eq!((parts.key_id, parts.generation), (9, 3));
        assert_eq!(parts.session_id, Uuid::from_u128(5));
        assert_eq!((parts.secret, parts.mac.len()), (&[7; 32][..], 16));
        assert_eq!(parts.secret_hash(), secret.hash());
        assert!(!format!("{parts:?}").contains('7'), "{parts:?}");
    }

    #[test]
    fn a_made_up_token_is_well_formed_and_no_key_has_made_it() {
        let text = made_up(1_764_000_000_000, [3; 16]);
        let token = UnverifiedRefreshToken::parse(text.expose()).unwrap();
        assert_eq!(token.session_id().get_version_num(), 7);
        assert!(verified(&text, &[key(0), key(3)]).is_none());
    }

    #[test]
    fn every_configured_key_is_tried_whatever_the_hint_says() {
        let text = print(&key(9), Uuid::nil(), 3, &ChainSecret([7; 32]));
        assert!(verified(&text, &[key(1), key(9)]).is_some());
        // Two master secrets may share the one-byte hint.
        let twin = RefreshKey {
            id: 9,
            mac: [0; 32],
            chain: [0; 32],
        };
        assert!(verified(&text, &[twin.clone(), key(9)]).is_some());
        assert!(verified(&text, &[twin]).is_none());
        assert!(verified(&text, &[]).is_none());
    }

    #[test]
    fn the_successor_depends_on_session_generation_secret_attempt_key_and_chain_key() {
        let token = |session: u128, generation, secret, id| RefreshToken {
            session_id: Uuid::from_u128(session),
            generation,
            secret: ChainSecret([secret; 32]),
            key: key(id),
        };
        let attempt = AttemptKey::from_random([1; 16]);
        let base = token(1, 1, 1, 1).successor(Some(&attempt));
        assert_eq!(base, token(1, 1, 1, 1).successor(Some(&attempt)));
        let other_attempt = AttemptKey::from_random([2; 16]);
        for different in [
            token(2, 1, 1, 1).successor(Some(&attempt)),
            token(1, 2, 1, 1).successor(Some(&attempt)),
            token(1, 1, 2, 1).successor(Some(&attempt)),
            token(1, 1, 1, 2).successor(Some(&attempt)),
            token(1, 1, 1, 1).successor(Some(&other_attempt)),
            token(1, 1, 1, 1).successor(None),
        ] {
            assert_ne!(base, different);
        }
        assert!(token(1, LAST_GENERATION, 1, 1).successor(None).is_none());
    }

    #[test]
    fn nothing_that_holds_a_secret_prints_it() {
        let text = print(&key(1), Uuid::nil(), 0, &ChainSecret([0xee; 32]));
        let token = UnverifiedRefreshToken::parse(text.expose()).unwrap();
        let shown = format!("{token:?} {:?} {text:?}", token.clone().verify(&[key(1)]));
        assert!(!shown.contains("238") && !shown.contains("7u7u"), "{shown}");
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(
            id: u8, session: u128, generation: u32, secret: [u8; 32],
        ) {
            let session_id = Uuid::from_u128(session);
            let text = print(&key(id), session_id, generation, &ChainSecret(secret));
            let token = verified(&text, &[key(id)]).unwrap();
            prop_assert_eq!(token.session_id, session_id);
            prop_assert_eq!(token.generation, generation);
            prop_assert_eq!(token.secret, ChainSecret(secret));
        }

        #[test]
        fn a_changed_character_is_never_accepted(
            secret: [u8; 32], at in 0..PRINTED_LENGTH, replacement in "[A-Za-z0-9_-]",
        ) {
            let text = print(&key(1), Uuid::from_u128(5), 8, &ChainSecret(secret));
            let mut changed = text.expose().to_owned();
            changed.replace_range(at..=at, &replacement);
            prop_assume!(changed != text.expose());
            prop_assert!(verified(&Secret::from(changed), &[key(1), key(2)]).is_none());
        }

        #[test]
        fn no_text_makes_the_reader_panic(text in ".*") {
            let _ = UnverifiedRefreshToken::parse(&text);
        }
    }
}
