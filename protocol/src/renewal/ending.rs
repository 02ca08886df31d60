//! Why a session is over.

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};
use crate::wire::EndReason;

/// Why the person is not signed in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The person signed out in this tab.
    SignedOut,
    /// The person signed out in another tab.
    SignedOutElsewhere,
    /// The session has expired.
    Expired,
    /// It was ended from another browser.
    Ended,
    /// The password was changed in another browser.
    PasswordChanged,
    /// A copy of its token was used.
    Reused,
    /// A conflict has become final: another client has a later token.
    Conflict,
    /// The server does not know this token.
    TokenUnknown,
    /// The account is disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The person chose not to stay signed in, and the browser was closed.
    BrowserClosed,
    /// This browser stores nothing, and the person left the page, which alone had the session.
    PageLeft,
    /// What the browser had stored for this site was deleted.
    StorageCleared,
    /// This browser cannot store the session any more; only one other tab goes on with it.
    KeptInAnotherTab,
    /// The server no longer knows why, or the reason is of a later version.
    #[serde(other)]
    Unknown,
}

impl Ending {
    /// The ending for a definitive answer.
    pub fn of(problem: &Problem) -> Self {
        match problem.code {
            Code::RefreshTokenExpired => Self::Expired,
            Code::RefreshTokenReused => Self::Reused,
            Code::RefreshTokenInvalid => Self::TokenUnknown,
            Code::AccountDisabled => Self::AccountDisabled,
            _ => problem.reason.map_or(Self::Unknown, Self::for_reason),
        }
    }

    /// The ending for the reason that the server names. The reason `logout` means that another tab
    /// has signed out.
    fn for_reason(reason: EndReason) -> Self {
        match reason {
            EndReason::Logout => Self::SignedOutElsewhere,
            EndReason::Reuse => Self::Reused,
            EndReason::Expired => Self::Expired,
            EndReason::PasswordChanged => Self::PasswordChanged,
            EndReason::AccountDisabled => Self::AccountDisabled,
            EndReason::AccountDeleted => Self::AccountDeleted,
            EndReason::EndedElsewhere => Self::Ended,
            EndReason::Unknown => Self::Unknown,
        }
    }

    /// Whether the session may still live on the server, so that the server has to end it. All
    /// other endings come from the server itself, or the session goes on in another place.
    pub(super) fn asks_to_leave(self) -> bool {
        matches!(
            self,
            Self::SignedOut
                | Self::SignedOutElsewhere
                | Self::Conflict
                | Self::BrowserClosed
                | Self::PageLeft
        )
    }

    /// Whether a person has ended the session in this browser. Such an ending gets a number in the
    /// order of sign-ins and sign-outs.
    pub(super) fn is_by_a_person(self) -> bool {
        matches!(
            self,
            Self::SignedOut | Self::SignedOutElsewhere | Self::BrowserClosed | Self::PageLeft
        )
    }

    /// Whether a change of the password may be why the server has ended the session.
    pub fn may_be_a_change(self) -> bool {
        matches!(self, Self::PasswordChanged | Self::Unknown)
    }

    /// The ending that another tab shows to the person.
    pub(super) fn seen_from_another_tab(self) -> Self {
        match self {
            Self::SignedOut => Self::SignedOutElsewhere,
            other => other,
        }
    }

    /// The ending that the next page shows. If the person signed out, that is `None`, because the
    /// person knows it.
    pub(super) fn seen_later(self) -> Option<Self> {
        match self {
            Self::SignedOut | Self::SignedOutElsewhere => None,
            other => Some(other),
        }
    }
}
