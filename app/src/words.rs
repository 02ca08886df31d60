//! Sentences that several pages say.

use crate::session::Ending;

/// Why nobody is signed in any more, each reason in its own words.
pub fn why(ending: Ending) -> &'static str {
    match ending {
        Ending::SignedOut => "You have signed out.",
        Ending::SignedOutElsewhere => "You signed out in another tab.",
        Ending::Expired => "Your session has expired. Sign in to go on.",
        Ending::Ended => {
            "This session was ended: from another browser, or by a change of the password."
        }
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
        Ending::BrowserClosed => {
            "You asked not to stay signed in, so closing the browser signed you out."
        }
    }
}
