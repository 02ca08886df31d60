//! Which usernames are accepted, and why another one is not.

use std::fmt;

/// The fewest characters of a username.
pub const MIN_LENGTH: usize = 3;

/// The most characters of a username.
pub const MAX_LENGTH: usize = 64;

/// An accepted username, written as the person wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Accepts 3–64 ASCII letters, digits and `. _ - @ +`. The first and the last
    /// character must be a letter or a digit. Only ASCII is accepted, because letters of two
    /// alphabets may look the same. An e-mail address is a valid name.
    ///
    /// # Errors
    /// [`UsernameError`] says which rule was broken, in words for a person.
    pub fn parse(text: &str) -> Result<Self, UsernameError> {
        if text.is_empty() {
            return Err(UsernameError::Empty);
        }
        let allowed = |c: char| c.is_ascii_alphanumeric() || "._-@+".contains(c);
        if !text.chars().all(allowed) {
            return Err(UsernameError::Character);
        }
        if text.len() < MIN_LENGTH {
            return Err(UsernameError::TooShort);
        }
        if text.len() > MAX_LENGTH {
            return Err(UsernameError::TooLong);
        }
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_alphanumeric());
        if !edge(text.chars().next()) || !edge(text.chars().last()) {
            return Err(UsernameError::Edge);
        }
        Ok(Self(text.to_owned()))
    }

    /// The name as the person wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The name by which accounts are distinguished: letter case does not matter.
    pub fn key(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

/// Why a username is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsernameError {
    /// Nothing was entered.
    Empty,
    /// Fewer than [`MIN_LENGTH`] characters.
    TooShort,
    /// More than [`MAX_LENGTH`] characters.
    TooLong,
    /// A character outside the allowed ones.
    Character,
    /// Starts or ends with punctuation.
    Edge,
}

impl fmt::Display for UsernameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Enter a username."),
            Self::TooShort => write!(f, "A username needs at least {MIN_LENGTH} characters."),
            Self::TooLong => write!(f, "A username can have at most {MAX_LENGTH} characters."),
            Self::Character => f.write_str(
                "A username may have only the letters a to z, digits, and . _ - @ +, and no spaces.",
            ),
            Self::Edge => f.write_str("A username must start and end with a letter or a digit."),
        }
    }
}

impl std::error::Error for UsernameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_the_reasons_against_them() {
        use UsernameError::*;
        let long = "a".repeat(65);
        for (text, expected) in [
            ("ada", Ok(())),
            ("Ada.Lovelace_1815", Ok(())),
            ("ada+work@example.org", Ok(())),
            ("", Err(Empty)),
            ("ab", Err(TooShort)),
            (long.as_str(), Err(TooLong)),
            ("ada lovelace", Err(Character)),
            ("ada\0", Err(Character)),
            ("аda", Err(Character)), // a Cyrillic а
            (".ada", Err(Edge)),
            ("ada-", Err(Edge)),
        ] {
            assert_eq!(Username::parse(text).map(|_| ()), expected, "{text:?}");
        }
    }

    #[test]
    fn letter_case_does_not_make_another_account() {
        let key = |text| Username::parse(text).unwrap().key();
        assert_eq!(key("Ada"), key("aDA"));
    }
}
