//! The name of a private Postgres.

use std::fmt;
use std::str::FromStr;

use crate::error::LocalPostgresError;

/// Postgres would cut longer names, and they would leave less room for the path of the socket.
const LONGEST: usize = 32;

/// The name of the database, of its only role, and of the directories outside the data directory.
///
/// A security duty: root makes directories of this name, so it cannot lead elsewhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(String);

impl FromStr for Name {
    type Err = LocalPostgresError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let begins_well = text.starts_with(|first: char| first.is_ascii_lowercase());
        if begins_well && text.len() <= LONGEST && text.bytes().all(is_allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err(LocalPostgresError::Name {
                name: text.to_owned(),
            })
        }
    }
}

impl Name {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_leads_to_no_other_directory_and_no_other_setting() {
        for name in ["holdfast", "a1", &"n".repeat(LONGEST)] {
            assert_eq!(name.parse::<Name>().unwrap().as_str(), name);
        }
        let too_long = "n".repeat(LONGEST + 1);
        for name in ["", "..", "a/b", "a b", "A", "1a", "a'b", "a&b", &too_long] {
            assert!(name.parse::<Name>().is_err(), "{name:?}");
        }
    }
}
