use holdfast_protocol::password::{self, MIN_LENGTH};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;

use super::credentials::{Mistakes, leave_when_signed_in, value, with_next};
use crate::components::{
    CheckField, FormError, PageHeading, PasswordField, ShowPassword, SubmitButton, TextField,
};
use crate::session::use_session;

/// Makes an account and signs in.
#[component]
pub fn SignUpPage() -> impl IntoView {
    let session = use_session();
    let username = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let remember = NodeRef::<Input>::new();
    let typed_password = RwSignal::new(String::new());
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    leave_when_signed_in();

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let (name, secret) = (value(username), value(password));
        let found = check(&name, &secret);
        mistakes.set(found.clone());
        if found.any() {
            found.focus(username, password);
            return;
        }
        let remember = remember.get_untracked().is_none_or(|field| field.checked());
        busy.set(true);
        spawn_local(async move {
            let outcome = session.sign_up(name, Secret::from(secret), remember).await;
            busy.set(false);
            if let Err(error) = outcome {
                let found = Mistakes::of(&error);
                mistakes.set(found.clone());
                found.focus(username, password);
            }
        });
    };
    let sign_in = with_next("/sign-in");

    view! {
        <Title text="Create account"/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text="Create your account"/>
                <form method="post" action="/sign-up" class="stack" novalidate on:submit=submit>
                    <FormError text=Signal::derive(move || mistakes.get().form)/>
                    <TextField
                        label="Username"
                        name="username"
                        autocomplete="username"
                        node=username
                        hint=Signal::derive(|| Some(
                            "Letters, digits and . _ - @ +, at least three. An e-mail address works."
                                .to_owned(),
                        ))
                        error=Signal::derive(move || mistakes.get().username)
                        on_type=move |_| mistakes.update(|mistakes| mistakes.username = None)
                    />
                    <PasswordField
                        label="Password"
                        name="password"
                        autocomplete="new-password"
                        show
                        node=password
                        hint=Signal::derive(move || Some(length_hint(&typed_password.read())))
                        error=Signal::derive(move || mistakes.get().password)
                        on_type=move |typed| {
                            typed_password.set(typed);
                            mistakes.update(|mistakes| mistakes.password = None);
                        }
                    />
                    <ShowPassword show/>
                    <CheckField
                        label="Keep me signed in on this browser"
                        name="remember"
                        hint="Not on a computer that you share."
                        node=remember
                    />
                    <SubmitButton
                        busy
                        text=Signal::derive(move || {
                            if busy.get() { "Creating account…" } else { "Create account" }
                                .to_owned()
                        })
                    />
                </form>
            </div>
            <p class="aside">
                "Already have an account? " <a href=sign_in>"Sign in"</a>
            </p>
        </div>
    }
}

/// The rules of the server, asked before it is.
fn check(username: &str, password: &str) -> Mistakes {
    Mistakes {
        username: Username::parse(username).err().map(|why| why.to_string()),
        password: password::check(password, username)
            .err()
            .map(|why| why.to_string()),
        form: None,
    }
}

/// How far a new password has come. It speaks of the length only, so that nobody is
/// scolded in the middle of a word.
pub(super) fn length_hint(typed: &str) -> String {
    match typed.chars().count() {
        0 => format!(
            "At least {MIN_LENGTH} characters. Four or five unrelated words are easy to remember."
        ),
        length if length < MIN_LENGTH => match MIN_LENGTH - length {
            1 => "One more character.".to_owned(),
            more => format!("{more} more characters."),
        },
        _ => "Long enough.".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hint_counts_what_is_missing() {
        for (typed, expected) in [
            ("correct", "8 more characters."),
            ("fourteen chars", "One more character."),
            ("пятнадцать букв", "Long enough."),
        ] {
            assert_eq!(length_hint(typed), expected);
        }
    }

    #[test]
    fn each_rule_is_told_at_its_field() {
        let mistakes = check("a", "correct horse battery");
        assert!(mistakes.username.is_some() && mistakes.password.is_none());
        let mistakes = check("ada", "short");
        assert!(mistakes.username.is_none() && mistakes.password.is_some());
    }
}
