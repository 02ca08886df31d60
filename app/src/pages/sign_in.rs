use holdfast_client::CallError;
use holdfast_protocol::problem::Code;
use leptos::prelude::*;
use leptos_meta::Title;

use super::credentials::{Credentials, CredentialsForm, Mistakes, with_next};
use crate::components::PageHeading;
use crate::paths;
use crate::words::Words;

/// Signs in. The top of every page says why the last session has ended.
#[component]
pub fn SignInPage() -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.sign_in(), all.fields());
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
        submit: fields.sign_in,
        submitting: fields.signing_in,
    };

    view! {
        <Title text=fields.sign_in/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text=fields.sign_in/>
                <CredentialsForm form/>
            </div>
            <p class="aside">
                {words.forgot} <a href=recover>{words.recover}</a>
            </p>
            <p class="aside">
                {words.no_account} <a href=sign_up>{words.create_account}</a>
            </p>
        </div>
    }
}

/// Only checks that both are there, because an old password may not follow today's rules.
fn check(words: Words, username: &str, password: &str) -> Mistakes {
    let fields = words.fields();
    Mistakes {
        username: username
            .is_empty()
            .then(|| fields.enter_username.to_owned()),
        password: password
            .is_empty()
            .then(|| fields.enter_password.to_owned()),
        form: None,
    }
}

fn answered(words: Words, error: &CallError) -> Mistakes {
    let text = match error.code() {
        Some(Code::InvalidCredentials) => words.sign_in().wrong.to_owned(),
        _ => (words.errors().call)(error),
    };
    Mistakes {
        form: Some(text),
        ..Mistakes::default()
    }
}
