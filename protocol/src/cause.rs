//! Why a request was refused, if the code alone does not say it.
//!
//! Several errors share a code, because a program does the same about all of them. A person reads another
//! sentence about each. The server says it in English (`detail` of the problem). A page in another
//! language chooses its sentence by the code and the cause.
//!
//! A security duty: a cause never says more than the sentence beside it. An unknown account, a wrong
//! password and a disabled account are one answer, and this answer has no cause.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::password::PasswordError;
use crate::session_name::SessionNameError;
use crate::username::UsernameError;

macro_rules! causes {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// Why a request was refused. The documentation of a value names the codes that have it. A code
        /// without a cause means the usual case, or a server that knows no causes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Cause {
            $($(#[$doc])* $name,)*
            /// A cause that only a newer server knows. The code says what to do, so nothing is lost.
            Unknown,
        }

        impl Cause {
            /// Every cause that a server of this version answers.
            pub const ALL: &'static [Cause] = &[$(Self::$name,)*];

            /// The cause as it is written in JSON.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Unknown => "unknown",
                }
            }
        }
    };
}

causes! {
    /// `username_not_accepted`, `password_not_accepted`, `session_name_not_accepted`. Nothing was
    /// entered.
    Empty = "empty";
    /// `username_not_accepted`, `password_not_accepted`. Too few characters.
    TooShort = "too_short";
    /// `username_not_accepted`, `password_not_accepted`, `session_name_not_accepted`. Too many
    /// characters.
    TooLong = "too_long";
    /// `username_not_accepted`, `password_not_accepted`, `session_name_not_accepted`. A character that
    /// is not allowed: in a password a control character, in the name of a browser one that cannot be
    /// seen.
    ForbiddenCharacter = "forbidden_character";
    /// `username_not_accepted`. The name starts or ends with punctuation.
    EdgeCharacter = "edge_character";
    /// `username_not_accepted`. The password contains the name.
    InPassword = "in_password";
    /// `username_not_accepted`. The name was changed less than a day ago. `Retry-After` says when it
    /// can be changed again.
    ChangedLately = "changed_lately";
    /// `username_not_accepted`. As many former names are reserved for the account as there may be.
    TooManyReserved = "too_many_reserved";
    /// `password_not_accepted`. The new password is the current one.
    Unchanged = "unchanged";
    /// `password_not_accepted`. It repeats itself, counts, follows the keyboard or contains the
    /// username. The browser finds this by itself ([`crate::password::check`]).
    SimplePattern = "simple_pattern";
    /// `password_not_accepted`. It is easy to guess, and there is no more to say about it.
    EasyToGuess = "easy_to_guess";
    /// `password_not_accepted`. It is easy to guess: a well-known example of a passphrase.
    WellKnownExample = "well_known_example";
    /// `password_not_accepted`. It is easy to guess: one of the ten most common passwords.
    Top10Password = "top_10_password";
    /// `password_not_accepted`. It is easy to guess: one of the hundred most common passwords.
    Top100Password = "top_100_password";
    /// `password_not_accepted`. It is easy to guess: a very common password.
    CommonPassword = "common_password";
    /// `password_not_accepted`. It is easy to guess: similar to a common password.
    LikeCommonPassword = "like_common_password";
    /// `password_not_accepted`. It is easy to guess: a straight row of keys.
    KeyboardRow = "keyboard_row";
    /// `password_not_accepted`. It is easy to guess: a short pattern on the keyboard.
    KeyboardPattern = "keyboard_pattern";
    /// `password_not_accepted`. It is easy to guess: one character, again and again.
    RepeatedCharacter = "repeated_character";
    /// `password_not_accepted`. It is easy to guess: several characters, again and again.
    RepeatedPattern = "repeated_pattern";
    /// `password_not_accepted`. It is easy to guess: a sequence like `abc` or `6543`.
    Sequence = "sequence";
    /// `password_not_accepted`. It is easy to guess: a year of recent times.
    RecentYear = "recent_year";
    /// `password_not_accepted`. It is easy to guess: a date.
    Date = "date";
    /// `password_not_accepted`. It is easy to guess: a word by itself.
    SingleWord = "single_word";
    /// `password_not_accepted`. It is easy to guess: a name of a person by itself.
    SingleName = "single_name";
    /// `password_not_accepted`. It is easy to guess: a common name of a person.
    CommonName = "common_name";
    /// `too_many_attempts`. Too many wrong passwords were tried under this username. A browser that has
    /// signed in before need not wait. Names with and without an account get this answer alike.
    TooManyFailures = "too_many_failures";
    /// `invalid_credentials`. The password that confirms a change is wrong. The person is signed in, so
    /// this says nothing about whether an account exists.
    WrongPassword = "wrong_password";
    /// `invalid_credentials`. The username or the recovery code is wrong: one answer for both.
    WrongRecoveryCode = "wrong_recovery_code";
    /// `not_found`. The account has no such session.
    NoSuchSession = "no_such_session";
    /// `not_found`. This is not the newest recovery code of the account.
    NotTheRecoveryCode = "not_the_recovery_code";
    /// `temporarily_unavailable`. Too many passwords are already waiting to be checked.
    Saturated = "saturated";
    /// `malformed_request`. A page of another site has sent it (403).
    OtherSite = "other_site";
    /// `malformed_request`. The body did not arrive in time (408).
    TooSlow = "too_slow";
    /// `malformed_request`. The body has another media type than the call needs (415).
    MediaType = "media_type";
}

impl From<UsernameError> for Cause {
    fn from(why: UsernameError) -> Self {
        match why {
            UsernameError::Empty => Self::Empty,
            UsernameError::TooShort => Self::TooShort,
            UsernameError::TooLong => Self::TooLong,
            UsernameError::Character => Self::ForbiddenCharacter,
            UsernameError::Edge => Self::EdgeCharacter,
        }
    }
}

impl From<PasswordError> for Cause {
    fn from(why: PasswordError) -> Self {
        match why {
            PasswordError::Empty => Self::Empty,
            PasswordError::TooShort => Self::TooShort,
            PasswordError::TooLong => Self::TooLong,
            PasswordError::ControlCharacter => Self::ForbiddenCharacter,
            PasswordError::Expected => Self::SimplePattern,
        }
    }
}

impl From<SessionNameError> for Cause {
    fn from(why: SessionNameError) -> Self {
        match why {
            SessionNameError::Empty => Self::Empty,
            SessionNameError::TooLong => Self::TooLong,
            SessionNameError::Character => Self::ForbiddenCharacter,
        }
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Cause {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let named = Self::ALL.iter().find(|cause| cause.as_str() == text);
        Ok(named.copied().unwrap_or(Self::Unknown))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_cause_is_written_and_read_the_same() {
        let mut words = BTreeSet::new();
        for cause in Cause::ALL {
            let json = serde_json::to_string(cause).unwrap();
            assert_eq!(json, format!("\"{}\"", cause.as_str()));
            assert_eq!(serde_json::from_str::<Cause>(&json).unwrap(), *cause);
            assert!(words.insert(cause.as_str()), "{json}");
            let mut bytes = cause.as_str().bytes();
            assert!(bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')));
        }
        assert_eq!(words.len(), 35);
    }

    #[test]
    fn a_cause_from_the_future_is_unknown() {
        for text in ["\"made_up_next_year\"", "\"unknown\"", "\"\""] {
            let cause: Cause = serde_json::from_str(text).unwrap();
            assert_eq!(cause, Cause::Unknown, "{text}");
        }
        assert!(!Cause::ALL.contains(&Cause::Unknown));
    }
}
