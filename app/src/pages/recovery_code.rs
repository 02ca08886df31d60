use holdfast_client::{CallError, RequireSession, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use super::keep_code::KeepCode;
use super::load_trouble::LoadTrouble;
use super::own_account::own_account;
use crate::components::{
    DateTime, FormError, HiddenUsername, PageHeading, ShowPassword, Skeleton, SubmitButton,
    TextField,
};
use crate::paths;
use crate::way_back::after_recovery_code;

/// Shows a new recovery code once, or makes one. A sign-up leads here.
#[component]
pub fn RecoveryCodePage() -> impl IntoView {
    view! {
        <Title text="Recovery code"/>
        <div class="center narrow stack">
            <PageHeading text="Your recovery code"/>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <RecoveryCodeCard/>
            </RequireSession>
        </div>
    }
}

#[component]
fn RecoveryCodeCard() -> impl IntoView {
    let session = use_session();
    // The code is shown with the name, and password managers need the name beside the password.
    let (_, username) = own_account();
    let code = RwSignal::new(session.new_recovery_code());
    let was_made_here = RwSignal::new(false);
    let refusal = RwSignal::new(None::<String>);
    let on_made = move |made: Secret| {
        was_made_here.set(true);
        refusal.set(None);
        code.set(Some(made));
    };
    let on_void = move |why: Option<String>| {
        refusal.set(why);
        code.set(None);
    };
    view! {
        {move || match code.get() {
            Some(code) => view! {
                <ConfirmKept code username was_made_here=was_made_here.get_untracked() on_void/>
            }
            .into_any(),
            None => view! { <MakeNew username refusal on_made/> }.into_any(),
        }}
    }
}

/// Shows the code and confirms that the person keeps it.
#[component]
fn ConfirmKept(
    code: Secret,
    username: Memo<String>,
    was_made_here: bool,
    /// Called if the code is not the newest one any more, or is already confirmed. The text says
    /// why the server has refused a confirmation.
    #[prop(into)]
    on_void: Callback<Option<String>>,
) -> impl IntoView {
    let session = use_session();
    let asker = Asker::here();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let search = use_location().search;
    let navigate = use_navigate();
    let text = code.expose().to_owned();
    if !was_made_here {
        // The person may have confirmed a later code in another tab.
        asker.ask(session.recovery_code_state(), move |state| {
            if state.is_ok_and(|state| state.confirmed) && !busy.get_untracked() {
                on_void.run(None);
            }
        });
    }
    let kept = move || {
        busy.set(true);
        error.set(None);
        let navigate = navigate.clone();
        asker.ask(
            session.confirm_recovery_code(code.clone()),
            move |outcome| {
                busy.set(false);
                match outcome {
                    Ok(()) => {
                        let wanted = after_recovery_code(&search.read_untracked());
                        navigate(&wanted, NavigateOptions::default());
                    }
                    Err(why) if why.code() == Some(Code::NotFound) => {
                        on_void.run(Some(format!("{why} Throw it away.")));
                    }
                    Err(CallError::Outdated) => error.set(Some(
                        "Holdfast was updated in another tab. Write the code down, then reload \
                         this page."
                            .to_owned(),
                    )),
                    Err(why) => error.set(Some(why.to_string())),
                }
            },
        );
    };
    view! {
        <KeepCode
            code=text
            username
            on_kept=move || kept()
            busy
            text=Signal::derive(move || if busy.get() { "Going on…" } else { "Go on" }.to_owned())
            error
            later=Signal::derive(move || after_recovery_code(&search.read()))
            takes_focus=was_made_here
        />
    }
}

/// Makes a new code, with the password.
#[component]
fn MakeNew(
    username: Memo<String>,
    /// Why the code before could not be confirmed.
    #[prop(into)]
    refusal: Signal<Option<String>>,
    #[prop(into)] on_made: Callback<Secret>,
) -> impl IntoView {
    let session = use_session();
    let asker = Asker::here();
    let password = NodeRef::<Input>::new();
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let wrong = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<String>);
    // The button that the person has pressed last has disappeared with the refused code, so the
    // focus must move.
    Effect::new(move |_| {
        if refusal.read_untracked().is_some() && password.get().is_some() {
            focus(password);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        error.set(None);
        let typed = value(password);
        if typed.is_empty() {
            wrong.set(Some("Enter your password.".to_owned()));
            return focus(password);
        }
        wrong.set(None);
        hide(password, show);
        busy.set(true);
        let sent = Secret::from(typed);
        let call = session.replace_recovery_code(sent.clone());
        asker.ask(call, move |outcome| {
            busy.set(false);
            match outcome {
                Ok(code) => on_made.run(code),
                // The person has to type a wrong password again.
                Err(why) if why.code() == Some(Code::InvalidCredentials) => {
                    empty(password, sent.expose());
                    wrong.set(Some("This is not your password.".to_owned()));
                    focus(password);
                }
                Err(why @ CallError::Unreachable { .. }) => error.set(Some(format!(
                    "{why} The server may have made a new code. Then a code that you have not \
                     confirmed is void. Make a new one."
                ))),
                Err(why) => error.set(Some(why.to_string())),
            }
        });
    };
    view! {
        <form method="post" action=paths::RECOVERY_CODE class="card stack" novalidate on:submit=submit>
            <HiddenUsername username/>
            <p>"If you forget your password, a recovery code lets you back in."</p>
            <State/>
            <FormError text=Signal::derive(move || error.get().or_else(|| refusal.get()))/>
            <TextField
                label="Password"
                name="password"
                autocomplete="current-password"
                show
                node=password
                error=wrong
            />
            <ShowPassword show/>
            <SubmitButton
                busy
                text=Signal::derive(move || {
                    if busy.get() { "Making a new code…" } else { "Make a new code" }.to_owned()
                })
            />
        </form>
    }
}

/// Whether there is a code already.
#[component]
fn State() -> impl IntoView {
    let session = use_session();
    let state = session.resource(move |_| session.recovery_code_state());
    view! {
        <LoadTrouble of=state/>
        {move || match state.get() {
            None => view! { <Skeleton lines=1/> }.into_any(),
            Some(Err(_)) => ().into_any(),
            Some(Ok(state)) => match (state.made_at, state.confirmed) {
                (None, _) => view! { <p>"You have none yet."</p> }.into_any(),
                (Some(at), true) => view! {
                    <p>
                        "You have a code, made on " <DateTime at date_only=true/>
                        ". If you make a new code, this one works until you confirm the new one."
                    </p>
                }
                .into_any(),
                (Some(at), false) => view! {
                    <p>
                        "Your code of " <DateTime at date_only=true/>
                        " was never confirmed. If you keep it, it works. If you make a new code, "
                        "this one is void at once."
                    </p>
                }
                .into_any(),
            },
        }}
    }
}
