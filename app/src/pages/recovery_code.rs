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
    DateTime, ForgotPassword, FormError, HiddenUsername, PageHeading, ShowPassword, Skeleton,
    SubmitButton, TextField,
};
use crate::paths;
use crate::way_back::after_recovery_code;
use crate::words::Words;

/// Shows a new recovery code once, or makes one. A sign-up leads here.
#[component]
pub fn RecoveryCodePage() -> impl IntoView {
    let words = Words::of_page().recovery_code();
    view! {
        <Title text=words.title/>
        <div class="center narrow stack needs-session">
            <PageHeading text=words.heading/>
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
    let all = Words::of_page();
    let words = all.recovery_code();
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
                        on_void.run(Some(words.not_newest.to_owned()));
                    }
                    Err(CallError::Outdated) => error.set(Some(words.updated.to_owned())),
                    Err(why) => error.set(Some((all.errors().call)(&why))),
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
            text=Signal::derive(move || if busy.get() { words.going_on } else { words.go_on }.to_owned())
            error
            later=Signal::derive(move || after_recovery_code(&search.read()))
            later_text=all.keep_code().later
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
    let all = Words::of_page();
    let (words, fields) = (all.recovery_code(), all.fields());
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
            wrong.set(Some(fields.enter_password.to_owned()));
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
                    wrong.set(Some(fields.not_your_password.to_owned()));
                    focus(password);
                }
                Err(why) => {
                    let text = (all.errors().call)(&why);
                    error.set(Some(match why {
                        CallError::Unreachable { .. } => format!("{text} {}", words.may_be_made),
                        _ => text,
                    }));
                }
            }
        });
    };
    view! {
        <form method="post" action=paths::RECOVERY_CODE class="card stack" novalidate on:submit=submit>
            <HiddenUsername username/>
            <p>{words.lead}</p>
            <State/>
            <FormError text=Signal::derive(move || error.get().or_else(|| refusal.get()))/>
            <TextField
                label=fields.password
                name="password"
                autocomplete="current-password"
                show
                node=password
                error=wrong
            />
            <ShowPassword show/>
            <ForgotPassword on_follow=|| ()/>
            <SubmitButton
                busy
                text=Signal::derive(move || {
                    if busy.get() { words.submitting } else { words.submit }.to_owned()
                })
            />
        </form>
    }
}

/// Whether there is a code already.
#[component]
fn State() -> impl IntoView {
    let words = Words::of_page().recovery_code();
    let session = use_session();
    let state = session.resource(move |_| session.recovery_code_state());
    view! {
        <LoadTrouble of=state/>
        {move || match state.get() {
            None => view! { <Skeleton lines=1/> }.into_any(),
            Some(Err(_)) => ().into_any(),
            Some(Ok(state)) => match (state.made_at, state.confirmed) {
                (None, _) => view! { <p>{words.none_yet}</p> }.into_any(),
                (Some(at), true) => view! {
                    <p>
                        {words.made_before} <DateTime at date_only=true/> {words.made_after}
                    </p>
                }
                .into_any(),
                (Some(at), false) => view! {
                    <p>
                        {words.not_confirmed_before} <DateTime at date_only=true/>
                        {words.not_confirmed_after}
                    </p>
                }
                .into_any(),
            },
        }}
    }
}
