use holdfast_client::{Api, CallError, RequireSession, use_session};
use holdfast_protocol::wire::{ActivityEvent, ActivityPage as Events, EventKind, paths as api};
use leptos::html::Ol;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use crate::components::{Button, DateTime, Days, LoadError, PageHeading, Skeleton};
use crate::paths;

/// What happened to the account.
#[component]
pub fn ActivityPage() -> impl IntoView {
    view! {
        <Title text="Activity"/>
        <div class="center stack">
            <PageHeading text="Activity"/>
            <p class="lead">
                "What happened to your account. If you do not recognise something, "
                <a href=paths::PASSWORD>"change your password"</a> "."
            </p>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Activity/>
            </RequireSession>
        </div>
    }
}

/// How many events a page has if the client does not say.
const PAGE: usize = 25;

/// The most events that one call returns.
const MOST_AT_ONCE: usize = 100;

/// The most events that a reload shows again.
const MOST_AGAIN: usize = 1000;

#[component]
fn Activity() -> impl IntoView {
    let session = use_session();
    let asker = Asker::here();
    let search = use_location().search;
    let navigate = use_navigate();
    let events = RwSignal::new(Vec::<ActivityEvent>::new());
    let next = RwSignal::new(None::<String>);
    let error = RwSignal::new(None::<String>);
    let busy = RwSignal::new(true);
    let list = NodeRef::<Ol>::new();
    // Each load has a number, and only the answer of the newest load changes the list. So older
    // events that were requested before a reload do not follow the events that the reload shows.
    let last_load = StoredValue::new(0_u32);
    let loads_older = StoredValue::new(false);
    let begin_load = move |is_older: bool| {
        busy.set(true);
        loads_older.set_value(is_older);
        last_load.update_value(|number| *number += 1);
        last_load.get_value()
    };
    let load = move || {
        let number = begin_load(false);
        let count = shown_by(&search.read_untracked());
        asker.ask(newest(session.api(), count), move |outcome| {
            if number != last_load.get_value() {
                return;
            }
            busy.set(false);
            match outcome {
                Ok(page) => {
                    error.set(None);
                    events.set(page.events);
                    next.set(page.next);
                }
                Err(why) => error.set(Some(why.to_string())),
            }
        });
    };
    Effect::new(move |_| {
        session.reload_trigger();
        load();
    });
    let show_older = move || {
        let Some(before) = next.get_untracked() else {
            return load();
        };
        let number = begin_load(true);
        let api = session.api();
        let navigate = navigate.clone();
        let call = async move { page(api, Some(&before), PAGE).await };
        asker.ask(call, move |outcome| {
            if number != last_load.get_value() {
                return;
            }
            busy.set(false);
            match outcome {
                Ok(page) => {
                    error.set(None);
                    events.update(|events| events.extend(page.events));
                    next.set(page.next);
                    // After the last page the button with the focus disappears.
                    if next.read_untracked().is_none()
                        && let Some(list) = list.get_untracked()
                    {
                        let _ = list.focus();
                    }
                    let address = format!("/activity?shown={}", events.read_untracked().len());
                    let options = NavigateOptions {
                        replace: true,
                        scroll: false,
                        ..NavigateOptions::default()
                    };
                    navigate(&address, options);
                }
                Err(why) => error.set(Some(why.to_string())),
            }
        });
    };
    let on_older = Callback::new(move |()| show_older());
    let on_retry = move || {
        if loads_older.get_value() {
            on_older.run(());
        } else {
            load();
        }
    };

    view! {
        <Show when=move || events.read().is_empty() && busy.get() && error.read().is_none()>
            <div class="card"><Skeleton lines=4/></div>
        </Show>
        <Show when=move || !events.read().is_empty()>
            <ol class="rows" node_ref=list tabindex="-1" aria-label="Activity">
                <For
                    each=move || {
                        let days = Days::now();
                        by_day(events.get(), |at| days.name(at))
                    }
                    key=|(event, day)| (event.event_id, event.times, day.clone())
                    children=|(event, day)| view! { <EventRow event day/> }
                />
            </ol>
        </Show>
        <LoadError text=error busy on_retry/>
        <Show when=move || next.read().is_some()>
            <div>
                <Button on_press=on_older busy text="Show older"/>
            </div>
        </Show>
    }
}

/// How many events the address names: those that were shown before a reload.
fn shown_by(search: &str) -> usize {
    search
        .split('&')
        .find_map(|pair| pair.strip_prefix("shown=")?.parse().ok())
        .unwrap_or(PAGE)
        .clamp(PAGE, MOST_AGAIN)
}

/// The newest events, in as many calls as it takes.
async fn newest(api: Api, count: usize) -> Result<Events, CallError> {
    let mut found = page(api, None, count).await?;
    while found.events.len() < count
        && let Some(before) = found.next.take()
    {
        let older = page(api, Some(&before), count - found.events.len()).await?;
        found.events.extend(older.events);
        found.next = older.next;
    }
    Ok(found)
}

async fn page(api: Api, before: Option<&str>, count: usize) -> Result<Events, CallError> {
    let mut path = format!("{}?limit={}", api::ACTIVITY, count.min(MOST_AT_ONCE));
    if let Some(before) = before {
        path.push_str("&before=");
        path.push_str(before);
    }
    api.get(&path).await
}

/// The events, each with its day if the event before it was on another day.
fn by_day(
    events: Vec<ActivityEvent>,
    day: impl Fn(i64) -> String,
) -> Vec<(ActivityEvent, Option<String>)> {
    let mut before = None;
    let rows = events.into_iter().map(|event| {
        let day = day(event.at);
        let is_new = before.as_ref() != Some(&day);
        before = Some(day.clone());
        (event, is_new.then_some(day))
    });
    rows.collect()
}

#[component]
fn EventRow(
    event: ActivityEvent,
    /// The heading of a new day.
    day: Option<String>,
) -> impl IntoView {
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
            {day.map(|day| view! { <h2 class="row-day">{day}</h2> })}
            <div class="row-words">
                <h3 class="row-heading">{what}</h3>
                <p class="hint">{from}</p>
                {what_to_do(event.kind, event.times).map(|advice| view! { <p>{advice}</p> })}
                {matches!(event.kind, EventKind::RefreshTokenReused).then(|| view! {
                    <p><a href=paths::PASSWORD>"Change your password"</a></p>
                })}
            </div>
            <DateTime at=event.at time_only=true/>
        </li>
    }
}

/// With so many wrong passwords within an hour, somebody may be guessing.
const MANY: u64 = 5;

/// What a person should do about an event, if anything.
fn what_to_do(kind: EventKind, times: u64) -> Option<&'static str> {
    match kind {
        EventKind::RefreshTokenReused => Some(
            "Somebody may have copied what your browser had stored. The session is over, so the copy \
             does not work any more. If you cannot explain it, change your password.",
        ),
        EventKind::SignInFailed if times >= MANY => Some(
            "If this was not you, somebody may be guessing your password. The server has refused these \
             tries. If you use the same password elsewhere, change it.",
        ),
        _ => None,
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
            Some("secret_replaced") => "The server's secret was replaced",
            Some("account_disabled") => "Session ended because the account was disabled",
            _ => "Session ended from another browser",
        },
        EventKind::RefreshTokenReused => "A copied token was used; its session was ended",
        EventKind::RefreshRepeated => "The server repeated an answer that was lost",
        EventKind::RefreshedForward => "Renewed after the server had lost its newest data",
        EventKind::PasswordChanged => "Password changed",
        EventKind::UsernameChanged => "Username changed",
        EventKind::Recovered => "New password set, to get back in",
        EventKind::RecoveryCodeMade => "New recovery code made",
        EventKind::RecoveryCodeConfirmed => "Recovery code kept",
        EventKind::AccountDisabled => "Account disabled",
        EventKind::AccountEnabled => "Account enabled again",
        EventKind::FailuresForgiven => "Failed sign-ins forgiven by the operator",
        EventKind::ResetLinkMade => "The operator made a link to set a new password",
        EventKind::Unknown => "Something this page does not know yet",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_told_with_its_reason() {
        let ended = |detail| in_words(EventKind::SessionEnded, Some(detail));
        assert_eq!(ended("secret_replaced"), "The server's secret was replaced");
        assert_eq!(ended("expired"), "Session expired");
    }

    #[test]
    fn a_day_stands_at_its_first_event() {
        let event = |at| ActivityEvent {
            event_id: uuid::Uuid::nil(),
            kind: EventKind::SignIn,
            at,
            ip: None,
            device: String::new(),
            session_id: None,
            detail: None,
            times: 1,
        };
        let rows = by_day([29, 21, 14, 3].map(event).into(), |at| {
            (at / 10).to_string()
        });
        let days: Vec<_> = rows.iter().map(|(_, day)| day.as_deref()).collect();
        assert_eq!(days, [Some("2"), None, Some("1"), Some("0")]);
    }

    #[test]
    fn many_wrong_passwords_and_a_copied_token_come_with_advice() {
        assert!(what_to_do(EventKind::RefreshTokenReused, 1).is_some());
        assert!(what_to_do(EventKind::SignInFailed, 5).is_some());
        assert_eq!(what_to_do(EventKind::SignInFailed, 4), None);
        assert_eq!(what_to_do(EventKind::SignIn, 50), None);
    }

    #[test]
    fn a_reload_shows_as_many_as_the_address_says() {
        for (search, expected) in [
            ("", 25),
            ("shown=75", 75),
            ("a=1&shown=50", 50),
            ("shown=3", 25),
            ("shown=18446744073709551615", 1000),
            ("shown=-1", 25),
            ("shown=x", 25),
        ] {
            assert_eq!(shown_by(search), expected, "{search:?}");
        }
    }
}
