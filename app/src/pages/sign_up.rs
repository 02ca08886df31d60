use holdfast_client::CallError;
use holdfast_protocol::password;
use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use leptos::prelude::*;
use leptos_meta::Title;

use super::credentials::{Credentials, CredentialsForm, Mistakes, with_next};
use super::new_password::new_password_hint;
use crate::components::PageHeading;
use crate::paths;
use crate::words::Words;

/// Makes an account and signs in.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let all = Words::of_page();
    let words = all.sign_up();
    let sign_in = with_next(paths::SIGN_IN);
    let form = Credentials {
        action: paths::SIGN_UP,
        username_autocomplete: "username",
        autocomplete: "new-password",
        username_hint: Some(all.rules().username_hint),
        password_hint: new_password_hint,
        check,
        send: |session, username, password, remember| {
            Box::pin(session.sign_up(username, password, remember))
        },
        gone: |session, outcome| session.sign_up_form_is_gone(outcome),
        answered,
        submit: words.submit,
        submitting: words.submitting,
    };

    view! {
        <Title text=words.title/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text=words.heading/>
                <CredentialsForm form/>
            </div>
            <p class="aside">
                {words.has_account} <a href=sign_in>{words.sign_in}</a>
            </p>
        </div>
    }
}

/// The mistakes that the server names, or what happened to a session that was not kept.
fn answered(words: Words, error: &CallError) -> Mistakes {
    let text = words.sign_up();
    match error {
        CallError::Overtaken => Mistakes {
            form: Some(text.overtaken.to_owned()),
            ..Mistakes::default()
        },
        _ if error.code() == Some(Code::UsernameTaken) => Mistakes {
            username: Some(text.username_taken.to_owned()),
            ..Mistakes::default()
        },
        _ => Mistakes::of(words, error),
    }
}

/// Checks the server's rules before the form is sent.
fn check(words: Words, username: &str, password: &str) -> Mistakes {
    let rules = words.rules();
    Mistakes {
        username: Username::parse(username).err().map(rules.username),
        password: password::check(password, username)
            .err()
            .map(rules.password),
        form: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_rule_is_told_at_its_field() {
        let mistakes = check(Words::ENGLISH, "a", "correct horse battery");
        assert!(mistakes.username.is_some() && mistakes.password.is_none());
        let mistakes = check(Words::ENGLISH, "ada", "short");
        assert!(mistakes.username.is_none() && mistakes.password.is_some());
    }
}
