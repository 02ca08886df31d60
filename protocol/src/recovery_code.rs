//! The recovery code: the way back in for a person who lost the password.
//!
//! A code is 128 random bits, so it cannot be guessed, and a plain hash of it is enough
//! (NIST SP 800-63B-4 requires at least 112 bits for that). A person reads it, writes
//! it down and types it, so it is printed as 28 letters and digits in seven groups of four.
//! The alphabet is Crockford's base 32, which has no letters that look alike. The last twelve
//! bits are a check: a mistyped code is recognised before it is sent.
//!
//! Reading is tolerant: letter case, spaces and hyphens do not matter, and a character that
//! looks like another one is read as that one.

use std::fmt;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::secret::Secret;

/// The digits of Crockford's base 32, by their values.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// How many characters a code has, without the hyphens.
pub const LENGTH: usize = 28;

/// How many characters a group has.
const GROUP: usize = 4;

/// The first 25 characters contain only bits of the code. The last three characters contain the
/// last three bits of the code and the twelve bits of the check.
const WHOLE: usize = 25;

/// A recovery code. `Debug` does not show it, and its memory is overwritten when it is dropped.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RecoveryCode([u8; 16]);

/// Why a text is not a recovery code, in words for a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecoveryCodeError {
    /// Nothing was entered.
    Empty,
    /// It has a character that no code has.
    ForeignCharacter,
    /// It has this many letters and digits.
    Length(usize),
    /// The check does not fit the rest.
    Mistyped,
}

impl fmt::Display for RecoveryCodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Enter your recovery code."),
            Self::ForeignCharacter => f.write_str(
                "A recovery code has only letters and digits, in groups of four. Compare it with \
                 what you have kept.",
            ),
            Self::Length(length) => write!(
                f,
                "A recovery code has {LENGTH} letters and digits; this one has {length}. Compare \
                 it with what you have kept.",
            ),
            Self::Mistyped => f.write_str(
                "There is a typing mistake in this code. Compare it with what you have kept.",
            ),
        }
    }
}

impl std::error::Error for RecoveryCodeError {}

impl RecoveryCode {
    /// A code from 16 random bytes.
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// Reads a code that a person has typed.
    ///
    /// # Errors
    /// [`RecoveryCodeError`] says what is wrong with it.
    pub fn parse(typed: &str) -> Result<Self, RecoveryCodeError> {
        let mut digits = Zeroizing::new([0_u8; LENGTH]);
        let mut length = 0;
        for character in typed.chars().filter(|character| !is_separator(*character)) {
            let digit = digit(character).ok_or(RecoveryCodeError::ForeignCharacter)?;
            if let Some(place) = digits.get_mut(length) {
                *place = digit;
            }
            length += 1;
        }
        match length {
            0 => return Err(RecoveryCodeError::Empty),
            LENGTH => {}
            length => return Err(RecoveryCodeError::Length(length)),
        }
        let (whole, rest) = digits.split_at(WHOLE);
        let rest = number(rest);
        let code = Self(((number(whole) << 3) | (rest >> 12)).to_be_bytes());
        if rest & 0xfff == u128::from(code.check()) {
            Ok(code)
        } else {
            Err(RecoveryCodeError::Mistyped)
        }
    }

    /// The code as the person keeps it: seven groups of four, with hyphens.
    pub fn print(&self) -> Secret {
        let bits = u128::from_be_bytes(self.0);
        let rest = ((bits & 7) << 12) | u128::from(self.check());
        let whole = (0..WHOLE).map(|at| bits >> (3 + 5 * (WHOLE - 1 - at)));
        let rest = (0..LENGTH - WHOLE).map(|at| rest >> (5 * (LENGTH - WHOLE - 1 - at)));
        let mut text = String::with_capacity(LENGTH + LENGTH / GROUP);
        for (at, bits) in whole.chain(rest).enumerate() {
            if at > 0 && at % GROUP == 0 {
                text.push('-');
            }
            text.push(char::from(ALPHABET[usize::from((bits & 31) as u8)]));
        }
        Secret::from(text)
    }

    /// What the server stores of it.
    pub fn hash(&self) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(b"holdfast recovery code");
        hash.update(self.0);
        hash.finalize().into()
    }

    /// The code that replaces this one when it is used. It follows from the used code and a
    /// key of the server, so that a repeated request gets the same answer although the server
    /// stores hashes only.
    pub fn next(&self, key: &[u8; 32], account_id: Uuid) -> Self {
        let mut mac = Hmac::<Sha256>::new_from_slice(key)
            .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
        mac.update(account_id.as_bytes());
        mac.update(&self.0);
        let mut next = [0; 16];
        next.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        Self(next)
    }

    /// The check: twelve bits that are computed from the code.
    fn check(&self) -> u16 {
        let mut hash = Sha256::new();
        hash.update(b"holdfast recovery code check");
        hash.update(self.0);
        let hash = hash.finalize();
        u16::from_be_bytes([hash[0], hash[1]]) >> 4
    }
}

impl fmt::Debug for RecoveryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RecoveryCode([redacted])")
    }
}

/// Whether a person may type this between the characters of a code.
fn is_separator(character: char) -> bool {
    character.is_whitespace()
        || matches!(
            character,
            // A hyphen that a text program has replaced is still a hyphen.
            '-' | '\u{ad}' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '_' | '.' | ',' | '\u{200b}'
        )
}

/// The value of a character, or of the one that it looks like.
fn digit(character: char) -> Option<u8> {
    let character = match character.to_ascii_uppercase() {
        'O' => '0',
        'I' | 'L' => '1',
        'U' => 'V',
        other => other,
    };
    let value = ALPHABET
        .iter()
        .position(|digit| char::from(*digit) == character)?;
    u8::try_from(value).ok()
}

fn number(digits: &[u8]) -> u128 {
    digits
        .iter()
        .fold(0, |number, digit| (number << 5) | u128::from(*digit))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(first: u8) -> RecoveryCode {
        let bytes: Vec<u8> = (0..16).map(|n| n * 11 + first).collect();
        RecoveryCode::from_random(bytes.try_into().unwrap())
    }

    #[test]
    fn a_code_has_seven_groups_of_four() {
        let text = code(7).print();
        let groups: Vec<_> = text.expose().split('-').collect();
        assert_eq!(groups.len(), 7, "{}", text.expose());
        for group in groups {
            assert_eq!(group.len(), 4);
            assert!(group.bytes().all(|digit| ALPHABET.contains(&digit)));
        }
    }

    #[test]
    fn reading_is_tolerant() {
        let code = RecoveryCode::from_random([0; 16]);
        let printed = code.print().expose().to_owned();
        assert!(printed.starts_with("0000-0000-"), "{printed}");
        for typed in [
            printed.to_lowercase(),
            printed.replace('-', ""),
            printed.replace('-', " "),
            printed.replace('-', " – "),
            format!("  {printed}\n"),
            printed.replace('0', "o"),
            printed.replace('0', "O"),
        ] {
            assert_eq!(RecoveryCode::parse(&typed).as_ref(), Ok(&code), "{typed:?}");
        }
        // A code with a 1 and a V, which look like other letters.
        let code = (0..=255)
            .map(self::code)
            .find(|code| {
                let text = code.print();
                text.expose().contains('1') && text.expose().contains('V')
            })
            .unwrap();
        let printed = code.print().expose().to_owned();
        for (digit, typed) in [("1", "l"), ("1", "I"), ("1", "L"), ("V", "u"), ("V", "U")] {
            let typed = printed.replace(digit, typed);
            assert_eq!(RecoveryCode::parse(&typed).as_ref(), Ok(&code), "{typed:?}");
        }
    }

    #[test]
    fn a_text_that_is_no_code_is_refused_with_the_reason() {
        use RecoveryCodeError::{Empty, ForeignCharacter, Length};
        for (typed, expected) in [
            ("", Empty),
            (" - ", Empty),
            ("0000", Length(4)),
            ("0000-0000-0000-0000-0000-0000-0000-0", Length(29)),
            ("0000-0000-0000-0000-0000-0000-000*", ForeignCharacter),
            ("пароль", ForeignCharacter),
        ] {
            assert_eq!(RecoveryCode::parse(typed), Err(expected), "{typed:?}");
        }
        let long = "7".repeat(100_000);
        assert_eq!(RecoveryCode::parse(&long), Err(Length(100_000)));
    }

    #[test]
    fn a_code_does_not_print_itself() {
        let code = code(3);
        assert_eq!(format!("{code:?}"), "RecoveryCode([redacted])");
        assert_eq!(format!("{:?}", code.print()), "[redacted]");
    }

    #[test]
    fn the_next_code_follows_from_the_code_the_key_and_the_account() {
        let (one, two) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let next = code(1).next(&[1; 32], one);
        assert_eq!(next, code(1).next(&[1; 32], one));
        for other in [
            code(1).next(&[2; 32], one),
            code(1).next(&[1; 32], two),
            code(2).next(&[1; 32], one),
            code(1),
        ] {
            assert_ne!(next, other);
        }
    }

    #[test]
    fn the_stored_hash_is_that_of_this_code_only() {
        assert_eq!(code(1).hash(), code(1).hash());
        assert_ne!(code(1).hash(), code(2).hash());
        let plain: [u8; 32] = Sha256::digest(code(1).0).into();
        assert_ne!(code(1).hash(), plain);
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_again(bytes in any::<[u8; 16]>()) {
            let code = RecoveryCode::from_random(bytes);
            prop_assert_eq!(RecoveryCode::parse(code.print().expose()), Ok(code));
        }

        #[test]
        fn two_characters_that_changed_places_are_seldom_missed(
            bytes in any::<[u8; 16]>(),
            at in 0..LENGTH - 1,
        ) {
            let printed = RecoveryCode::from_random(bytes).print();
            let mut typed: Vec<char> =
                printed.expose().chars().filter(|digit| *digit != '-').collect();
            prop_assume!(typed[at] != typed[at + 1]);
            typed.swap(at, at + 1);
            let typed: String = typed.into_iter().collect();
            // The check misses one mistake in 4096. It never gives back the right code.
            prop_assert_ne!(RecoveryCode::parse(&typed), RecoveryCode::parse(printed.expose()));
        }

        #[test]
        fn no_text_panics(typed in any::<String>()) {
            let _ = RecoveryCode::parse(&typed);
        }
    }

    #[test]
    fn a_single_wrong_character_is_found_almost_always() {
        let printed = code(9).print().expose().replace('-', "");
        let mut missed = 0;
        let mut tried = 0;
        for at in 0..LENGTH {
            for digit in ALPHABET {
                let mut typed = printed.clone().into_bytes();
                if typed[at] == *digit {
                    continue;
                }
                typed[at] = *digit;
                let typed = String::from_utf8(typed).unwrap();
                tried += 1;
                missed += usize::from(RecoveryCode::parse(&typed).is_ok());
            }
        }
        assert_eq!(tried, LENGTH * 31);
        assert!(missed <= 3, "{missed} of {tried} mistakes were missed");
    }
}
