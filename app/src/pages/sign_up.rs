use holdfast_client::CallError;
use holdfast_protocol::password;
use holdfast_protocol::username::Username;
use leptos::prelude::*;
use leptos_meta::Title;

use super::credentials::{Credentials, CredentialsForm, Mistakes, value, with_next};
use super::new_password::new_password_hint;
use crate::components::PageHeading;
use crate::paths;

/// What a new username may be.
pub(super) const USERNAME_HINT: &str =
    "Letters, digits and . _ - @ +, at least three. An e-mail address works.";

/// Makes an account and signs in.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let sign_in = with_next(paths::SIGN_IN);
    let form = Credentials {
        action: paths::SIGN_UP,
        username_autocomplete: "username",
        autocomplete: "new-password",
        username_hint: Some(USERNAME_HINT),
        password_hint: |typed, username| {
            new_password_hint(typed, move || value(username).trim().to_owned())
        },
        check,
        send: |session, username, password, remember| {
            Box::pin(session.sign_up(username, password, remember))
        },
        gone: |session, outcome| session.sign_up_form_is_gone(outcome),
        answered,
        submit: "Create account",
        submitting: "Creating account…",
    };

    view! {
        <Title text="Create account"/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text="Create your account"/>
                <CredentialsForm form/>
            </div>
            <p class="aside">
                "Already have an account? " <a href=sign_in>"Sign in"</a>
            </p>
        </div>
    }
}

/// The mistakes that the server names, or what happened to a session that was not kept.
fn answered(error: &CallError) -> Mistakes {
    match error {
        CallError::Overtaken => Mistakes {
            form: Some(
                "Your account is made. Somebody has signed in or out in this browser \
                 meanwhile, so sign in to use it."
                    .to_owned(),
            ),
            ..Mistakes::default()
        },
        _ => Mistakes::of(error),
    }
}

/// Checks the server's rules before the form is sent.
fn check(username: &str, password: &str) -> Mistakes {
    Mistakes {
        username: Username::parse(username).err().map(|why| why.to_string()),
        password: password::check(password, username)
            .err()
            .map(|why| why.to_string()),
        form: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_told_at_its_field() {
        let mistakes = check("a", "correct horse battery");
        assert!(mistakes.username.is_some() && mistakes.password.is_none());
        let mistakes = check("ada", "short");
        assert!(mistakes.username.is_none() && mistakes.password.is_some());
    }
}
