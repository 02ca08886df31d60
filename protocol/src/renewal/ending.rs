//! Why a session is over.

use serde::{Deserialize, Serialize};

use crate::problem::{Code, Problem};
use crate::wire::EndReason;

/// Why nobody is signed in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The person signed out in this tab.
    SignedOut,
    /// The person signed out in another tab.
    SignedOutElsewhere,
    /// Its time was over.
    Expired,
    /// It was ended from another browser.
    Ended,
    /// The password was changed in another browser.
    PasswordChanged,
    /// A copy of its token was used.
    Reused,
    /// A conflict that has become final: something else holds a later token.
    Conflict,
    /// The server knows no such token.
    TokenUnknown,
    /// The account is disabled.
    AccountDisabled,
    /// The account was deleted.
    AccountDeleted,
    /// The person asked not to be remembered, and the browser was closed.
    BrowserClosed,
    /// What the browser had stored for this site was deleted.
    StorageCleared,
    /// This browser cannot store the session any more; one other tab goes on with it.
    KeptInAnotherTab,
    /// The server no longer knows why, or it is a reason of a later version.
    #[serde(other)]
    Unknown,
}

impl Ending {
    /// The ending that a definitive answer means.
    pub fn of(problem: &Problem) -> Self {
        match problem.code {
            Code::RefreshTokenExpired => Self::Expired,
            Code::RefreshTokenReused => Self::Reused,
            Code::RefreshTokenInvalid => Self::TokenUnknown,
            Code::AccountDisabled => Self::AccountDisabled,
            _ => problem.reason.map_or(Self::Unknown, Self::for_reason),
        }
    }

    /// The ending that the server has noted. A `logout` was not this tab's own.
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

    /// Whether the session may live on at the server, which is to end it. Every other
    /// ending came from the server itself, or lets the session go on elsewhere.
    pub(super) fn asks_to_leave(self) -> bool {
        matches!(
            self,
            Self::SignedOut | Self::SignedOutElsewhere | Self::Conflict | Self::BrowserClosed
        )
    }

    /// What another tab is to say about it.
    pub(super) fn seen_from_another_tab(self) -> Self {
        match self {
            Self::SignedOut => Self::SignedOutElsewhere,
            other => other,
        }
    }

    /// What the next page is to say about it. The person who signed out knows that.
    pub(super) fn seen_later(self) -> Option<Self> {
        match self {
            Self::SignedOut | Self::SignedOutElsewhere => None,
            other => Some(other),
        }
    }
}
