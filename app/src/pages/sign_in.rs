use holdfast_protocol::problem::Code;
use leptos::prelude::*;
use leptos_meta::Title;

use super::credentials::{Credentials, CredentialsForm, Mistakes, with_next};
use crate::components::PageHeading;
use crate::session::{ApiError, Ending, use_session};

/// Signs in, and says why that has become necessary.
#[component]
pub fn SignInPage() -> impl IntoView {
    let session = use_session();
    let reason = move || session.ending().map(why);
    let sign_up = with_next("/sign-up");
    let form = Credentials {
        action: "/sign-in",
        autocomplete: "current-password",
        username_hint: None,
        password_hint: |_| None,
        check,
        send: |session, username, password, remember| {
            Box::pin(session.sign_in(username, password, remember))
        },
        answered,
        submit: "Sign in",
        submitting: "Signing in…",
    };

    view! {
        <Title text="Sign in"/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text="Sign in"/>
                {move || reason().map(|reason| view! {
                    <p class="notice" role="status">{reason}</p>
                })}
                <CredentialsForm form/>
            </div>
            <p class="aside">
                "No account yet? " <a href=sign_up>"Create account"</a>
            </p>
        </div>
    }
}

/// Only whether they are there: an old password may be of rules long gone.
fn check(username: &str, password: &str) -> Mistakes {
    Mistakes {
        username: username
            .is_empty()
            .then(|| "Enter your username.".to_owned()),
        password: password
            .is_empty()
            .then(|| "Enter your password.".to_owned()),
        form: None,
    }
}

fn answered(error: &ApiError) -> Mistakes {
    Mistakes {
        form: Some(in_words(error)),
        ..Mistakes::default()
    }
}

fn in_words(error: &ApiError) -> String {
    match error.code() {
        Some(Code::InvalidCredentials) => "The username or the password is wrong.".to_owned(),
        _ => error.to_string(),
    }
}

/// Why nobody is signed in any more, each reason in its own words.
fn why(ending: Ending) -> &'static str {
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
