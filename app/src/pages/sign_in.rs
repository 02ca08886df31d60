use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;

use super::credentials::{Mistakes, focus, leave_when_signed_in, value, with_next};
use crate::components::{
    CheckField, FormError, PageHeading, PasswordField, ShowPassword, SubmitButton, TextField,
};
use crate::session::{ApiError, Ending, use_session};

/// Signs in, and says why that has become necessary.
#[component]
pub fn SignInPage() -> impl IntoView {
    let session = use_session();
    let username = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let remember = NodeRef::<Input>::new();
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
        let found = Mistakes {
            username: name.is_empty().then(|| "Enter your username.".to_owned()),
            password: secret.is_empty().then(|| "Enter your password.".to_owned()),
            form: None,
        };
        mistakes.set(found.clone());
        if found.any() {
            found.focus(username, password);
            return;
        }
        let remember = remember.get_untracked().is_none_or(|field| field.checked());
        busy.set(true);
        spawn_local(async move {
            let outcome = session.sign_in(name, Secret::from(secret), remember).await;
            busy.set(false);
            if let Err(error) = outcome {
                mistakes.set(Mistakes {
                    form: Some(in_words(&error)),
                    ..Mistakes::default()
                });
                focus(password);
            }
        });
    };
    let reason = move || session.ending().map(why);
    let sign_up = with_next("/sign-up");

    view! {
        <Title text="Sign in"/>
        <div class="center narrow">
            <div class="card stack">
                <PageHeading text="Sign in"/>
                {move || reason().map(|reason| view! {
                    <p class="notice" role="status">{reason}</p>
                })}
                <form method="post" action="/sign-in" class="stack" novalidate on:submit=submit>
                    <FormError text=Signal::derive(move || mistakes.get().form)/>
                    <TextField
                        label="Username"
                        name="username"
                        autocomplete="username"
                        node=username
                        error=Signal::derive(move || mistakes.get().username)
                    />
                    <PasswordField
                        label="Password"
                        name="password"
                        autocomplete="current-password"
                        show
                        node=password
                        error=Signal::derive(move || mistakes.get().password)
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
                            if busy.get() { "Signing in…" } else { "Sign in" }.to_owned()
                        })
                    />
                </form>
            </div>
            <p class="aside">
                "No account yet? " <a href=sign_up>"Create account"</a>
            </p>
        </div>
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
