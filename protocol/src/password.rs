//! Which passwords are accepted for a new account or a changed password. These are the
//! rules that need no dictionary.
//!
//! NIST SP 800-63B-4 §3.1.1.2 requires at least 15 characters if the password is the only
//! factor. A password of 64 characters should be possible. The section counts every character as
//! one, and forbids rules on which kinds of character must occur. The browser checks these rules
//! while a person types.
//!
//! The same section requires that new passwords are compared with common or expected
//! ones. The server does that (zxcvbn and its lists), because the lists are too large to
//! download with a page. The code here only checks the simplest patterns.
//! A sign-in does not check these rules: an old password stays valid.

use std::fmt;

/// The fewest characters of a new password.
pub const MIN_LENGTH: usize = 15;

/// The most characters of a password. The bound keeps hashing cheap for the server. It
/// is far above the 64 that NIST requires.
pub const MAX_LENGTH: usize = 256;

/// Says whether `password` may be used by the account named `username`.
///
/// # Errors
/// [`PasswordError`] says which rule was broken, in words for a person.
pub fn check(password: &str, username: &str) -> Result<(), PasswordError> {
    let length = password.chars().count();
    if length == 0 {
        return Err(PasswordError::Empty);
    }
    if length < MIN_LENGTH {
        return Err(PasswordError::TooShort);
    }
    if length > MAX_LENGTH {
        return Err(PasswordError::TooLong);
    }
    if password.chars().any(char::is_control) {
        return Err(PasswordError::ControlCharacter);
    }
    let lower = password.to_lowercase();
    if is_expected(&lower) || is_mostly(&lower, &username.to_lowercase()) {
        return Err(PasswordError::Expected);
    }
    Ok(())
}

/// Why a password is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasswordError {
    /// Nothing was entered.
    Empty,
    /// Fewer than [`MIN_LENGTH`] characters.
    TooShort,
    /// More than [`MAX_LENGTH`] characters.
    TooLong,
    /// It contains a control character, which different keyboards type in different
    /// ways.
    ControlCharacter,
    /// A simple pattern: it repeats itself, counts, or contains the username.
    Expected,
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Enter a password."),
            Self::TooShort => write!(
                f,
                "A password needs at least {MIN_LENGTH} characters. Four or five unrelated words are easy to remember."
            ),
            Self::TooLong => write!(f, "A password can have at most {MAX_LENGTH} characters."),
            Self::ControlCharacter => {
                f.write_str("A password cannot have invisible characters, such as the end of a line. Spaces are fine.")
            }
            Self::Expected => f.write_str(
                "This password is too easy to guess: it repeats a word or a letter, follows a row like 1234, abcd or qwerty, or has your username in it. Choose another.",
            ),
        }
    }
}

impl std::error::Error for PasswordError {}

/// Whether the password repeats a short pattern, or follows the alphabet, the digits or
/// a keyboard's rows.
fn is_expected(lower: &str) -> bool {
    let characters: Vec<char> = lower.chars().collect();
    let repeats = (1..=characters.len() / 2).any(|period| {
        characters
            .iter()
            .zip(&characters[period..])
            .all(|(a, b)| a == b)
    });
    const RUNS: [&str; 4] = [
        "01234567890123456789012345678901234567890",
        "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz",
        "qwertyuiopasdfghjklzxcvbnm1234567890",
        "1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p",
    ];
    let reversed: String = characters.iter().rev().collect();
    repeats
        || RUNS
            .iter()
            .any(|run| run.contains(lower) || run.contains(&reversed))
}

/// Whether the password consists of the username (once or several times) and fewer than eight
/// other characters.
fn is_mostly(lower: &str, username: &str) -> bool {
    username.len() >= 3
        && lower.contains(username)
        && lower.replace(username, "").chars().count() < 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_and_the_reasons_against_them() {
        use PasswordError::*;
        let long = "long enough? ".repeat(20);
        for (password, expected) in [
            ("velvet anchor drifting northward", Ok(())),
            ("  spaces count as well  ", Ok(())),
            ("пятнадцать букв", Ok(())),
            ("", Err(Empty)),
            ("fourteen chars", Err(TooShort)),
            (long.as_str(), Err(TooLong)),
            ("correct horse\tbattery", Err(ControlCharacter)),
            ("correct horse\0battery", Err(ControlCharacter)),
            ("aaaaaaaaaaaaaaaa", Err(Expected)),
            ("passwordpassword", Err(Expected)),
            ("PasswordPassword", Err(Expected)),
            ("123456789012345", Err(Expected)),
            ("543210987654321", Err(Expected)),
            ("qwertyuiopasdfgh", Err(Expected)),
            ("lovelacelovelace1", Err(Expected)),
            ("lovelace1815-12", Err(Expected)),
        ] {
            assert_eq!(check(password, "lovelace"), expected, "{password:?}");
        }
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert_eq!(check(&"é".repeat(14), "ada"), Err(PasswordError::TooShort));
        let emoji: String = ('\u{1f600}'..).take(15).collect();
        assert_eq!(check(&emoji, "ada"), Ok(()));
    }
}
