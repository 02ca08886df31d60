//! The attempt key: one random value for one refresh attempt.
//!
//! It is a secret like the token itself: a thief with one complete refresh request
//! (token and attempt key) can get the same successor until the next rotation.
//! The key is never logged, and the database only ever receives eight bytes of its hash.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::hexadecimal::in_hexadecimal;

/// The header that carries the attempt key (IETF draft "The Idempotency-Key HTTP
/// Header Field").
pub const HEADER: &str = "idempotency-key";

/// The fewest characters an attempt key may have. A 128-bit value has at least sixteen
/// visible characters, even in a dense encoding.
pub const MIN_LENGTH: usize = 16;

/// The most characters an attempt key may have.
pub const MAX_LENGTH: usize = 255;

/// A well-formed attempt key: 16–255 visible ASCII characters.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct AttemptKey(String);

/// The key is not 16–255 visible ASCII characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MalformedAttemptKey;

impl fmt::Display for MalformedAttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "The Idempotency-Key header must have {MIN_LENGTH} to {MAX_LENGTH} visible ASCII characters."
        )
    }
}

impl std::error::Error for MalformedAttemptKey {}

impl AttemptKey {
    /// Reads a header's value.
    ///
    /// # Errors
    /// [`MalformedAttemptKey`] when it is shorter than 16 or longer than 255
    /// characters, or contains a character that is not visible ASCII.
    pub fn parse(value: &[u8]) -> Result<Self, MalformedAttemptKey> {
        let well_formed = (MIN_LENGTH..=MAX_LENGTH).contains(&value.len())
            && value.iter().all(u8::is_ascii_graphic);
        match str::from_utf8(value) {
            Ok(text) if well_formed => Ok(Self(text.to_owned())),
            _ => Err(MalformedAttemptKey),
        }
    }

    /// A key from 16 random bytes, as lowercase hexadecimal.
    pub fn from_random(random: [u8; 16]) -> Self {
        Self(in_hexadecimal(&random))
    }

    /// The key as it is sent.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for AttemptKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AttemptKey([redacted])")
    }
}

/// What the database remembers of an attempt key: the first eight bytes of its
/// SHA-256. Two values are reserved and can never be the hash of a key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AttemptMark([u8; Self::LENGTH]);

impl AttemptMark {
    /// Bytes of one mark.
    pub const LENGTH: usize = 8;

    /// Marks a generation that a forward rotation skipped: the server does not know
    /// with which key it was spent.
    pub const BLANK: Self = Self([0; Self::LENGTH]);

    /// Marks a rotation without an attempt key. No key matches it.
    pub const WITHOUT_KEY: Self = Self([0xff; Self::LENGTH]);

    /// The mark of a request's key; [`AttemptMark::WITHOUT_KEY`] when it had none.
    pub fn of(key: Option<&AttemptKey>) -> Self {
        let Some(key) = key else {
            return Self::WITHOUT_KEY;
        };
        let digest = Sha256::digest(key.0.as_bytes());
        let mut mark = [0; Self::LENGTH];
        mark.copy_from_slice(&digest[..Self::LENGTH]);
        if mark == Self::BLANK.0 || mark == Self::WITHOUT_KEY.0 {
            mark[0] ^= 1;
        }
        Self(mark)
    }

    /// The mark's bytes, as `sessions.attempt_keys` contains them.
    pub fn as_bytes(&self) -> &[u8; Self::LENGTH] {
        &self.0
    }

    /// A mark from its stored bytes; `None` if there are not exactly eight.
    pub fn from_stored(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

/// What to do about the attempt key of a link, with the keys in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// The link has a key: this is the same attempt again.
    Use,
    /// The link has no key and may get one.
    Make,
    /// This browser has already spent later links, so storage must have lost its last changes. The
    /// client must not send this token.
    Behind,
}

/// Decides about the attempt key of link number `generation`. `highest` is the
/// highest link number that has a key in this browser.
pub fn attempt(generation: u32, has_key: bool, highest: Option<u32>) -> Attempt {
    match highest {
        Some(highest) if highest >= generation.saturating_add(2) => Attempt::Behind,
        _ if has_key => Attempt::Use,
        Some(highest) if highest > generation => Attempt::Behind,
        _ => Attempt::Make,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_sixteen_to_255_visible_characters_are_accepted() {
        for (value, accepted) in [
            (vec![b'a'; 15], false),
            (vec![b'a'; 16], true),
            (vec![b'a'; 255], true),
            (vec![b'a'; 256], false),
            (b"0123456789abcde ".to_vec(), false),
            (b"0123456789abcde\x07".to_vec(), false),
            (b"0123456789abcde\xff".to_vec(), false),
            ("0123456789abcdeé".as_bytes().to_vec(), false),
            (br#""0123456789abcdef""#.to_vec(), true),
        ] {
            assert_eq!(AttemptKey::parse(&value).is_ok(), accepted, "{value:?}");
        }
    }

    #[test]
    fn a_made_key_is_accepted_and_does_not_print() {
        let key = AttemptKey::from_random([0xab; 16]);
        assert_eq!(key.expose().len(), 32);
        assert!(AttemptKey::parse(key.expose().as_bytes()).is_ok());
        assert!(!format!("{key:?}").contains("abab"));
    }

    #[test]
    fn different_keys_have_different_marks_and_none_is_reserved() {
        let one = AttemptMark::of(Some(&AttemptKey::from_random([1; 16])));
        let two = AttemptMark::of(Some(&AttemptKey::from_random([2; 16])));
        assert_ne!(one, two);
        for mark in [one, two] {
            assert_ne!(mark, AttemptMark::BLANK);
            assert_ne!(mark, AttemptMark::WITHOUT_KEY);
        }
        assert_eq!(AttemptMark::of(None), AttemptMark::WITHOUT_KEY);
    }

    #[test]
    fn which_attempt_keys_are_made() {
        use Attempt::*;
        for (generation, has_key, highest, expected) in [
            (0, false, None, Make),
            (5, false, Some(4), Make),
            (5, true, Some(5), Use),
            // The answer to 5 was stored, its successor was tried, and then storage lost both.
            (5, true, Some(6), Use),
            (5, false, Some(6), Behind),
            (5, true, Some(7), Behind),
            (5, false, Some(7), Behind),
        ] {
            assert_eq!(attempt(generation, has_key, highest), expected);
        }
    }
}
