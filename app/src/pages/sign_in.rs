use holdfast_client::CallError;
use holdfast_protocol::problem::Code;
use leptos::prelude::*;
use leptos_meta::Title;

use super::credentials::{Credentials, CredentialsForm, Mistakes, with_next};
use crate::components::PageHeading;
use crate::paths;

/// Signs in. The top of every page says why the last session has ended.
#[component]
pub fn SignInPage() -> impl IntoView {
    let sign_up = with_next(paths::SIGN_UP);
    let recover = with_next(paths::RECOVER);
    let form = Credentials {
        action: paths::SIGN_IN,
        username_autocomplete: "username webauthn",
        autocomplete: "current-password",
        username_hint: None,
        password_hint: |_, _| Signal::stored(None),
        check,
        send: |session, username, password, remember| {
            Box::pin(session.sign_in(username, password, remember))
        },
        gone: |session, outcome| session.sign_in_form_is_gone(outcome),
        answered,
        submit: "Sign in",
        submitting: "Signing in…",
    };

    view! {
        <Title text="Sign in"/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text="Sign in"/>
                <CredentialsForm form/>
            </div>
            <p class="aside">
                "Forgot your password? " <a href=recover>"Use your recovery code"</a>
            </p>
            <p class="aside">
                "No account yet? " <a href=sign_up>"Create account"</a>
            </p>
        </div>
    }
}

/// Only checks that both are there, because an old password may not follow today's rules.
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

fn answered(error: &CallError) -> Mistakes {
    Mistakes {
        form: Some(in_words(error)),
        ..Mistakes::default()
    }
}

fn in_words(error: &CallError) -> String {
    match error.code() {
        Some(Code::InvalidCredentials) => "The username or the password is wrong.".to_owned(),
        _ => error.to_string(),
    }
}
