//! Sentences that several pages say.

use holdfast_client::{Became, Ending, Reload, Told};

/// What became of a form that is gone, or of a sign-out.
pub fn told(told: Told) -> &'static str {
    match told {
        Told::PasswordChanged => {
            "Your password is changed. Somebody has signed in or out in this browser \
             meanwhile, so sign in with the new password."
        }
        Told::AccountMade => {
            "Your account is made. Somebody has signed in or out in this browser meanwhile, \
             so sign in to use it."
        }
        Told::SignInOvertaken => {
            "Somebody has signed in or out in this browser meanwhile, so your sign-in was \
             ended."
        }
        Told::SignInStays => {
            "You have signed in again in another tab meanwhile, so you are still signed in. Sign \
             out once more if you want to."
        }
        Told::PasswordChange {
            became,
            is_of_another,
        } => what_became(became, is_of_another),
        Told::NoAnswerYet => {
            "The server has not answered yet. This page asks again for up to two minutes."
        }
        Told::Recovery(Became::Done) => {
            "The new password is set with the recovery code, and all sessions of that account are \
             ended. Sign in with the new password."
        }
        Told::Recovery(Became::NotDone) => {
            "No new password was set with the recovery code. Try again."
        }
        Told::Recovery(Became::NotKnown) => {
            "It is not known whether the new password was set with the recovery code. Try to sign \
             in with it first."
        }
    }
}

/// Why the page waits before it shows the other person.
pub fn reload(reload: Reload) -> &'static str {
    match reload {
        Reload::AfterAnswer { is_own: false } => {
            "Another person has signed in in this browser. This page waits for an answer of \
             the server, and then it loads again."
        }
        Reload::AfterAnswer { is_own: true } => {
            "You are signed in. Another request of this page is under way. The page loads again \
             after it."
        }
        Reload::Loading => "You are signed in. Your page is loading.",
        Reload::ByPerson { is_own: true } => "You are signed in, but your page has not loaded yet.",
        Reload::ByPerson { is_own: false } => "Another person has signed in in this browser.",
    }
}

fn what_became(became: Became, is_of_another: bool) -> &'static str {
    match (became, is_of_another) {
        (Became::Done, false) => "Your password is changed. All other sessions are ended.",
        (Became::NotDone, false) => "Your password was not changed. Try again.",
        (Became::NotKnown, false) => {
            "It is not known whether your password was changed. Try to sign in with the new \
             password first."
        }
        (Became::Done, true) => {
            "The password of the account that was open here before is changed. Sign in there \
             with the new password."
        }
        (Became::NotDone, true) => {
            "The password of the account that was open here before was not changed."
        }
        (Became::NotKnown, true) => {
            "It is not known whether the password of the account that was open here before was \
             changed. Try to sign in there with the new password first."
        }
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
        Ending::PageLeft => {
            "This browser does not let Holdfast store anything, so leaving the page signed you out."
        }
        Ending::BrowserClosed => {
            "You asked not to stay signed in, so closing the browser signed you out."
        }
    }
}
