use holdfast_protocol::wire::{ActivityEvent, ActivityPage as Events, EventKind, paths};
use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;

use crate::components::{Button, DateTime, LoadError, PageHeading, Skeleton};
use crate::session::{RequireSession, use_session};

/// What happened to the account.
#[component]
pub fn ActivityPage() -> impl IntoView {
    view! {
        <Title text="Activity"/>
        <div class="center stack">
            <PageHeading text="Activity"/>
            <p class="lead">
                "What happened to your account. If you do not recognise something, "
                <a href="/password">"change your password"</a> "."
            </p>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Activity/>
            </RequireSession>
        </div>
    }
}

#[component]
fn Activity() -> impl IntoView {
    let session = use_session();
    let events = RwSignal::new(Vec::<ActivityEvent>::new());
    let next = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<String>);
    let busy = RwSignal::new(true);
    let load = move |before: Option<String>| {
        busy.set(true);
        error.set(None);
        spawn_local(async move {
            let path = match &before {
                Some(before) => format!("{}?before={before}", paths::ACTIVITY),
                None => paths::ACTIVITY.to_owned(),
            };
            match session.api().get::<Events>(&path).await {
                Ok(page) => {
                    if before.is_none() {
                        events.set(page.events);
                    } else {
                        events.update(|events| events.extend(page.events));
                    }
                    next.set(page.next);
                }
                Err(why) => error.set(Some(why.to_string())),
            }
            busy.set(false);
        });
    };
    Effect::new(move |_| {
        session.reload_trigger();
        load(None);
    });

    view! {
        {move || {
            let events = events.get();
            if events.is_empty() {
                return busy
                    .get()
                    .then(|| view! { <div class="card"><Skeleton lines=4/></div> })
                    .into_any();
            }
            let rows = events.into_iter().map(|event| view! { <EventRow event/> }).collect_view();
            view! { <ol class="rows">{rows}</ol> }.into_any()
        }}
        {move || error.get().map(|text| view! {
            <LoadError text on_retry=move || load(next.get_untracked())/>
        })}
        {move || next.get().map(|before| view! {
            <div>
                <Button on_press=move || load(Some(before.clone())) busy text="Show older"/>
            </div>
        })}
    }
}

#[component]
fn EventRow(event: ActivityEvent) -> impl IntoView {
    let is_alarming = matches!(
        event.kind,
        EventKind::RefreshTokenReused | EventKind::SignInFailed
    );
    let from = match event.ip {
        Some(ip) => format!("{} · {ip}", event.device),
        None => event.device,
    };
    let mut what = in_words(event.kind, event.detail.as_deref()).to_owned();
    if event.times > 1 {
        what.push_str(&format!(", {} times within an hour", event.times));
    }
    view! {
        <li class="row" class:row-alarming=is_alarming>
            <div>
                <h2 class="row-heading">{what}</h2>
                <p class="hint">{from}</p>
            </div>
            <DateTime at=event.at/>
        </li>
    }
}

/// What happened, in words for a person.
fn in_words(kind: EventKind, detail: Option<&str>) -> &'static str {
    match kind {
        EventKind::SignUp => "Account created",
        EventKind::SignIn => "Signed in",
        EventKind::SignInFailed => "Sign-in with a wrong password",
        EventKind::SignOut => "Signed out",
        EventKind::SessionEnded => match detail {
            Some("expired") => "Session expired",
            Some("password_changed") => "Session ended by the new password",
            Some("reuse") => "Session ended for your safety",
            _ => "Session ended from another browser",
        },
        EventKind::RefreshTokenReused => "A copied token was used; its session was ended",
        EventKind::RefreshRepeated => "A lost answer was repeated",
        EventKind::RefreshedForward => "Renewed after the server had lost its last entries",
        EventKind::PasswordChanged => "Password changed",
        EventKind::AccountDisabled => "Account disabled",
        EventKind::AccountEnabled => "Account enabled again",
        EventKind::FailuresForgiven => "Failed sign-ins forgiven by the operator",
        EventKind::Unknown => "Something this page does not know yet",
    }
}
