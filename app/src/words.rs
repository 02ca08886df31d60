//! Sentences that several pages say.

use holdfast_client::{Ending, Notice};

/// What was done for a page that is gone.
pub fn done(notice: Notice) -> Option<&'static str> {
    match notice {
        Notice::PasswordChanged => Some(
            "Your password is changed. Somebody has signed in or out in this browser \
             meanwhile, so sign in with the new password.",
        ),
        Notice::AccountMade => Some(
            "Your account is made. Somebody has signed in or out in this browser meanwhile, \
             so sign in to use it.",
        ),
        Notice::ThisTabOnly | Notice::Outdated => None,
    }
}

/// Why the person is not signed in any more, each reason in its own words.
pub fn why(ending: Ending) -> &'static str {
    match ending {
        Ending::SignedOut => "You have signed out.",
        Ending::SignedOutElsewhere => "You signed out in another tab.",
        Ending::Expired => "Your session has expired. Sign in to go on.",
        Ending::Ended => "This session was ended from another browser.",
        Ending::PasswordChanged => "The password was changed. Sign in with the new one.",
        Ending::Reused => {
            "This session was ended for your safety: a copy of its token was used. If you \
             cannot explain that, change your password."
        }
        Ending::Conflict => {
            "This session was ended for your safety: something else was using its token, or \
             this browser had lost the newest one. Look at your activity after signing in."
        }
        Ending::TokenUnknown => "What this browser had stored is not valid here. Sign in again.",
        Ending::AccountDisabled => "This account has been disabled.",
        Ending::AccountDeleted => "This account has been deleted.",
        Ending::StorageCleared => "What this browser had stored for Holdfast was deleted.",
        Ending::KeptInAnotherTab => {
            "This browser cannot store the session any more. It goes on in one other tab, \
             until that tab is closed."
        }
        Ending::Unknown => "This session has ended. Sign in to go on.",
        Ending::BrowserClosed => {
            "You asked not to stay signed in, so closing the browser signed you out."
        }
    }
}
