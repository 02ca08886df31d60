use holdfast_client::{Api, CallError, RequireSession, use_session};
use holdfast_protocol::wire::{ActivityEvent, ActivityPage as Events, EventKind, paths as api};
use leptos::html::Ol;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use super::look_again::when_shown_again;
use crate::components::{Button, DateTime, Days, LoadError, PageHeading, Skeleton};
use crate::paths;
use crate::words::{Activity as ActivityWords, Ended, Text, Words};

/// What happened to the account.
#[component]
pub fn ActivityPage() -> impl IntoView {
    let words = Words::of_page().activity();
    view! {
        <Title text=words.heading/>
        <div class="center stack needs-session">
            <PageHeading text=words.heading/>
            <p class="lead">
                {words.lead_before} <a href=paths::PASSWORD>{words.lead_link}</a> {words.lead_after}
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
    let all = Words::of_page();
    let words = all.activity();
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
                Err(why) => error.set(Some((all.errors().call)(&why))),
            }
        });
    };
    Effect::new(move |_| {
        session.reload_trigger();
        load();
    });
    // The headings name days, and a new day may have begun.
    when_shown_again(load);
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
                Err(why) => error.set(Some((all.errors().call)(&why))),
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
            <ol class="rows" node_ref=list tabindex="-1" aria-label=words.heading>
                <For
                    each=move || {
                        let days = Days::now(all);
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
                <Button on_press=on_older busy text=words.older/>
            </div>
        </Show>
        <Show when=move || next.read().is_none() && !busy.get() && error.read().is_none()>
            <p class="hint">{words.oldest}</p>
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
    let all = Words::of_page();
    let words = all.activity();
    let device = all.device(event.device);
    let from = match event.ip {
        Some(ip) => format!("{device} · {ip}"),
        None => device,
    };
    let what = (words.what)(event.kind, ended(event.detail.as_deref()));
    let what = match event.times {
        0 | 1 => what.to_owned(),
        times => (words.times)(what, &times.to_string()),
    };
    view! {
        <li class="row" class:row-alarming=is_alarming>
            {day.map(|day| view! { <h2 class="row-day">{day}</h2> })}
            <div class="row-words">
                <h3 class="row-heading">{what}</h3>
                <p class="hint">{from}</p>
                {what_to_do(words, event.kind, event.times).map(|advice| view! { <p>{advice}</p> })}
                {matches!(event.kind, EventKind::RefreshTokenReused).then(|| view! {
                    <p><a href=paths::PASSWORD>{words.change_password}</a></p>
                })}
            </div>
            <DateTime at=event.at time_only=true/>
        </li>
    }
}

/// Why a session was ended, by the detail of its event.
fn ended(detail: Option<&str>) -> Ended {
    match detail {
        Some("expired") => Ended::Expired,
        Some("password_changed") => Ended::PasswordChanged,
        Some("reuse") => Ended::Reuse,
        Some("secret_replaced") => Ended::SecretReplaced,
        Some("account_disabled") => Ended::AccountDisabled,
        _ => Ended::Elsewhere,
    }
}

/// With so many wrong passwords within an hour, somebody may be guessing.
const MANY: u64 = 5;

/// What a person should do about an event, if anything.
fn what_to_do(words: &ActivityWords, kind: EventKind, times: u64) -> Option<Text> {
    match kind {
        EventKind::RefreshTokenReused => Some(words.copied),
        EventKind::SignInFailed if times >= MANY => Some(words.guessed),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ending_is_told_with_its_reason() {
        let told = |detail| {
            let ended = ended(Some(detail));
            (Words::ENGLISH.activity().what)(EventKind::SessionEnded, ended)
        };
        assert_eq!(told("secret_replaced"), "The server's secret was replaced");
        assert_eq!(told("expired"), "Session expired");
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
        let advice = |kind, times| what_to_do(Words::ENGLISH.activity(), kind, times);
        assert!(advice(EventKind::RefreshTokenReused, 1).is_some());
        assert!(advice(EventKind::SignInFailed, 5).is_some());
        assert_eq!(advice(EventKind::SignInFailed, 4), None);
        assert_eq!(advice(EventKind::SignIn, 50), None);
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
