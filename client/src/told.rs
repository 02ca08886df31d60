//! The messages about a form that is gone, and about a sign-out that had no effect. A form is gone
//! if the person has left it, or if the page does not show the account of the form any more.

use serde::{Deserialize, Serialize};

/// What became of a change of the password.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Became {
    /// The password is changed.
    Done,
    /// The password was not changed.
    NotDone,
    /// The client could not find out.
    NotKnown,
}

/// A message about a form that is gone, or about a sign-out. The page shows it until the person has
/// read it, or signs in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Told {
    /// The password was changed, and the new session was ended, because there was a later sign-in
    /// or sign-out in this browser.
    PasswordChanged,
    /// An account was made, and its session was ended for the same reason.
    AccountMade,
    /// A sign-in was ended for the same reason.
    SignInOvertaken,
    /// The person has pressed «Sign out», but had signed in again in another tab before. That
    /// session goes on.
    SignInStays,
    /// No answer to the form has come so far. The page repeats the request for two minutes.
    NoAnswerYet,
    /// What became of a change of the password.
    PasswordChange {
        /// What became of it.
        became: Became,
        /// Whether the page shows another account by now.
        is_of_another: bool,
    },
    /// What became of a new password that was to be set with the recovery code.
    Recovery(Became),
}

impl Told {
    /// The message for a page that now shows another person.
    pub(super) fn to_another_person(self) -> Option<Self> {
        let became = match self {
            Self::AccountMade | Self::SignInOvertaken | Self::Recovery(_) => return Some(self),
            Self::SignInStays | Self::NoAnswerYet => return None,
            Self::PasswordChanged => Became::Done,
            Self::PasswordChange { became, .. } => became,
        };
        Some(Self::PasswordChange {
            became,
            is_of_another: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_person_does_not_read_that_their_password_was_changed() {
        let of_another = |became| Told::PasswordChange {
            became,
            is_of_another: true,
        };
        let of_this_one = |became| Told::PasswordChange {
            became,
            is_of_another: false,
        };
        for (told, expected) in [
            (Told::PasswordChanged, Some(of_another(Became::Done))),
            (
                of_this_one(Became::NotDone),
                Some(of_another(Became::NotDone)),
            ),
            (
                of_another(Became::NotKnown),
                Some(of_another(Became::NotKnown)),
            ),
            (Told::AccountMade, Some(Told::AccountMade)),
            (Told::SignInOvertaken, Some(Told::SignInOvertaken)),
            (
                Told::Recovery(Became::Done),
                Some(Told::Recovery(Became::Done)),
            ),
            (Told::SignInStays, None),
            (Told::NoAnswerYet, None),
        ] {
            assert_eq!(told.to_another_person(), expected);
            // It is kept as text over the reload.
            let text = serde_json::to_string(&told).unwrap();
            assert_eq!(serde_json::from_str::<Told>(&text).unwrap(), told, "{text}");
        }
    }
}
