use std::cmp::Reverse;

use holdfast_client::{Api, CallError, RequireSession, use_session};
use holdfast_protocol::wire::{ActivityEvent, ActivityPage as Events, EventKind, paths as api};
use leptos::html::Ol;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use uuid::Uuid;

use super::asker::Asker;
use super::look_again::when_shown_again;
use crate::components::{
    Button, DateTime, Days, LoadError, PageHeading, Skeleton, number_in_words,
};
use crate::paths;
use crate::words::{Ended, Words};

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
    let kept_seconds = RwSignal::new(None::<u64>);
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
                    kept_seconds.set(page.kept_seconds);
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
                        let own = session.session_id();
                        by_day(events.get(), next.read().is_some(), own, |at| days.name(at))
                    }
                    key=|row| (row.event.event_id, row.event.times, row.day.clone(), row.failures)
                    children=|row| view! { <EventRow row/> }
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
            <p class="hint">
                {move || if events.read().is_empty() { words.nothing } else { words.oldest }} " "
                {move || kept_seconds.get().and_then(|seconds| {
                    let days = seconds / (24 * 60 * 60);
                    (days > 0).then(|| (words.kept)(days, &number_in_words(days, all)))
                })}
            </p>
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

/// An event, as a row of the page.
struct Row {
    event: ActivityEvent,
    /// The heading of a new day.
    day: Option<String>,
    /// How many passwords of the new day were wrong, if there were many.
    failures: Option<Failures>,
}

/// The wrong passwords of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Failures {
    times: u64,
    /// Whether older events of the day may be missing, because they are not loaded yet.
    is_part: bool,
}

/// With so many wrong passwords on one day, somebody may be guessing.
const MANY: u64 = 5;

/// A person mistypes their own password less often than this within an hour.
const MORE_THAN_MISTYPED: u64 = 10;

/// The events, the newest first, each with its day if the event before it was on another day. With
/// `has_older`, there are older events that are not loaded. `own` is the session of this browser. `day` names
/// the day of a point in time.
fn by_day(
    mut events: Vec<ActivityEvent>,
    has_older: bool,
    own: Option<Uuid>,
    day: impl Fn(i64) -> String,
) -> Vec<Row> {
    // Wrong passwords may come with older events, because the server lists them at the beginning of their
    // hour.
    events.sort_by_key(|event| Reverse(event.at));
    let days: Vec<String> = events.iter().map(|event| day(event.at)).collect();
    let failures: Vec<u64> = events.iter().map(|event| failures(event, own)).collect();
    let failures_on = |name: &String| -> u64 {
        let of_all = days.iter().zip(&failures);
        let of_day = of_all.filter(|(day, _)| *day == name);
        of_day.map(|(_, times)| times).sum()
    };
    let mut before = None;
    let rows = events.into_iter().zip(&days).map(|(event, day)| {
        let is_new = before.replace(day) != Some(day);
        let failures = is_new.then(|| Failures {
            times: failures_on(day),
            is_part: has_older && days.last() == Some(day),
        });
        Row {
            event,
            day: is_new.then(|| day.clone()),
            failures: failures.filter(|failures| failures.times >= MANY),
        }
    });
    rows.collect()
}

/// How many wrong passwords an event tells of that may be those of a stranger. A few in the own session are
/// the person's own; more may be those of a thief who has a copy of it.
fn failures(event: &ActivityEvent, own: Option<Uuid>) -> u64 {
    let is_own = event.session_id.is_some() && event.session_id == own;
    match event.kind {
        EventKind::SignInFailed if !is_own || event.times >= MORE_THAN_MISTYPED => {
            event.times.max(1)
        }
        _ => 0,
    }
}

#[component]
fn EventRow(row: Row) -> impl IntoView {
    let Row {
        event,
        day,
        failures,
    } = row;
    let is_copied = is_copied(&event);
    let all = Words::of_page();
    let words = all.activity();
    let (at, is_several) = (event.at, event.times > 1);
    let (what, from) = heading_and_hint(event, all);
    let guessed = failures.map(|Failures { times, is_part }| {
        let times = number_in_words(times, all);
        (words.guessed)(&if is_part {
            (words.at_least)(&times)
        } else {
            times
        })
    });
    view! {
        <li class="row" class:row-alarming=is_copied>
            {day.map(|day| view! { <h2 class="row-day">{day}</h2> })}
            // It is about the whole day, so it stands above all events of the day.
            {guessed.map(|guessed| view! {
                <p class="row-advice notice notice-danger">{guessed}</p>
            })}
            <div class="row-words">
                <h3 class="row-heading">{what}</h3>
                {(!from.is_empty()).then(|| view! { <p class="hint">{from}</p> })}
                {is_copied.then(|| view! {
                    <p>{words.copied}</p>
                    <p><a href=paths::PASSWORD>{words.change_password}</a></p>
                })}
            </div>
            <span class="row-time">
                {is_several.then_some(words.last_at)} <DateTime at time_only=true/>
            </span>
        </li>
    }
}

/// What an event tells, in words. `number` says a number in their language.
pub(super) fn what_happened(
    event: &ActivityEvent,
    all: Words,
    number: &dyn Fn(u64) -> String,
) -> String {
    let words = all.activity();
    let what = if event.kind == EventKind::SignInFailed && event.session_id.is_some() {
        words.not_confirmed
    } else {
        (words.what)(event.kind, ended(event.detail.as_deref()))
    };
    match event.times {
        0 | 1 => what.to_owned(),
        times => (words.times)(what, &number(times)),
    }
}

/// What happened, and from where.
///
/// The event of an ending has two browsers: the one that was signed out, and the one from which that was
/// done. The heading says the first one, so that the person does not take the second one for it. What the
/// people who run the site have done was in no browser of the person, so nothing is said about it.
fn heading_and_hint(event: ActivityEvent, all: Words) -> (String, String) {
    let words = all.activity();
    let what = what_happened(&event, all, &|number| number_in_words(number, all));
    let why = ended(event.detail.as_deref());
    let is_by_person = matches!(why, Ended::Elsewhere | Ended::PasswordChanged);
    let is_by_others = matches!(
        why,
        Ended::Expired | Ended::SecretReplaced | Ended::AccountDisabled
    );
    if is_by_the_site(event.kind) {
        return (what, String::new());
    }
    let device = device_of(&event, all);
    let from = match event.ip {
        Some(ip) => [device.as_str(), " · ", words.connection, &ip].concat(),
        None => device,
    };
    let ended_device = event.ended_device.map(|ended| all.device(ended));
    match (event.kind, ended_device) {
        (EventKind::SessionEnded, Some(ended)) if is_by_person => {
            ((words.was_signed_out)(&ended), format!("{what} · {from}"))
        }
        (EventKind::SessionEnded, Some(ended)) if is_by_others => (what, ended),
        _ => (what, from),
    }
}

/// What kind of device it was. The server leaves out what differs, so an entry may be of several devices.
fn device_of(event: &ActivityEvent, all: Words) -> String {
    if event.times > 1 && event.ip.is_none() && Words::is_unknown(&event.device) {
        return all.activity().several_devices.to_owned();
    }
    all.device(event.device.clone())
}

/// Whether the people who run the site did it. Such an event has no browser and no address.
fn is_by_the_site(kind: EventKind) -> bool {
    matches!(
        kind,
        EventKind::AccountDisabled
            | EventKind::AccountEnabled
            | EventKind::FailuresForgiven
            | EventKind::ResetLinkMade
    )
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

/// Whether a thief may have had a copy of the session. Only such an event is an alarm by itself.
fn is_copied(event: &ActivityEvent) -> bool {
    match event.kind {
        EventKind::RefreshTokenReused => true,
        EventKind::SessionEnded => matches!(ended(event.detail.as_deref()), Ended::Reuse),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::Language;

    fn event(kind: EventKind, at: i64, times: u64) -> ActivityEvent {
        ActivityEvent {
            event_id: Uuid::nil(),
            kind,
            at,
            ip: None,
            device: String::new(),
            ended_device: None,
            session_id: None,
            detail: None,
            times,
        }
    }

    /// A day has ten seconds.
    fn day(at: i64) -> String {
        (at / 10).to_string()
    }

    /// All wrong passwords of a day.
    fn all_of(times: u64) -> Failures {
        Failures {
            times,
            is_part: false,
        }
    }

    /// The rows of these events, which are all.
    fn rows(events: impl IntoIterator<Item = ActivityEvent>) -> Vec<Row> {
        by_day(events.into_iter().collect(), false, None, day)
    }

    #[test]
    fn an_ending_is_told_with_its_reason() {
        let told = |detail| {
            let ended = ended(Some(detail));
            (Words::ENGLISH.activity().what)(EventKind::SessionEnded, ended)
        };
        let for_safety = "Signed out for safety: everybody had to sign in again";
        assert_eq!(told("secret_replaced"), for_safety);
        assert_eq!(told("expired"), "Sign-in expired");
    }

    #[test]
    fn an_ending_says_which_browser_was_signed_out() {
        let ending = |detail: &str, ended: Option<&str>| ActivityEvent {
            detail: Some(detail.to_owned()),
            device: "Chrome on Android".to_owned(),
            ip: Some("192.0.2.1".to_owned()),
            ended_device: ended.map(str::to_owned),
            ..event(EventKind::SessionEnded, 0, 1)
        };
        let firefox = Some("Firefox on Windows");
        let was_signed_out = "Firefox on a Windows computer was signed out";
        for (detail, ended, heading, hint) in [
            (
                "ended_elsewhere",
                firefox,
                was_signed_out,
                "Signed out from another browser · Chrome on an Android phone or tablet · Connection: 192.0.2.1",
            ),
            (
                "password_changed",
                firefox,
                was_signed_out,
                "Signed out by the new password · Chrome on an Android phone or tablet · Connection: 192.0.2.1",
            ),
            (
                "expired",
                firefox,
                "Sign-in expired",
                "Firefox on a Windows computer",
            ),
            (
                "account_disabled",
                firefox,
                "Signed out because the account was blocked",
                "Firefox on a Windows computer",
            ),
            // An earlier server does not say it.
            (
                "ended_elsewhere",
                None,
                "Signed out from another browser",
                "Chrome on an Android phone or tablet · Connection: 192.0.2.1",
            ),
        ] {
            let told = heading_and_hint(ending(detail, ended), Words::ENGLISH);
            assert_eq!(told, (heading.to_owned(), hint.to_owned()), "{detail}");
        }
    }

    #[test]
    fn a_wrong_password_in_a_session_is_no_sign_in() {
        let failed = |session_id, times| ActivityEvent {
            session_id,
            ..event(EventKind::SignInFailed, 0, times)
        };
        let session = Some(Uuid::from_u128(1));
        let told = |event: &ActivityEvent, words| what_happened(event, words, &|n| n.to_string());
        for (event, english, german) in [
            (
                failed(None, 1),
                "A wrong password at the sign-in",
                "Falsches Passwort bei der Anmeldung",
            ),
            (
                failed(session, 1),
                "Wrong password entered while signed in",
                "Falsches Passwort eingegeben, als Sie angemeldet waren",
            ),
        ] {
            assert_eq!(told(&event, Words::ENGLISH), english);
            assert_eq!(told(&event, Words::of(Language::German)), german);
        }
        let many = told(&failed(session, 7), Words::ENGLISH);
        assert_eq!(
            many,
            "Wrong password entered while signed in, 7 times within an hour"
        );
        // A few in the own session do not count in the advice about the day.
        let counted = |own, in_session, at_sign_in| {
            let events = vec![failed(session, in_session), failed(None, at_sign_in)];
            let rows = by_day(events, false, own, day);
            rows.iter().find_map(|row| row.failures)
        };
        assert_eq!(counted(session, 9, 4), None);
        assert_eq!(counted(session, 9, 6), Some(all_of(6)));
        assert_eq!(counted(None, 9, 4), Some(all_of(13)));
        // Nobody mistypes so often.
        assert_eq!(counted(session, 10, 0), Some(all_of(11)));
    }

    #[test]
    fn what_the_site_did_has_no_browser() {
        let of_site = ActivityEvent {
            device: "Unknown device".to_owned(),
            ..event(EventKind::ResetLinkMade, 0, 1)
        };
        let (what, hint) = heading_and_hint(of_site, Words::ENGLISH);
        assert_eq!(
            what,
            "The people who run this site made a link for a new password"
        );
        assert_eq!(hint, "");
    }

    #[test]
    fn an_entry_of_several_devices_says_so() {
        let of = |times, ip: Option<&str>| {
            let event = ActivityEvent {
                device: "Unknown device".to_owned(),
                ip: ip.map(str::to_owned),
                ..event(EventKind::SignInFailed, 0, times)
            };
            device_of(&event, Words::ENGLISH)
        };
        assert_eq!(of(3, None), "Several devices");
        assert_eq!(of(1, None), "A browser without a name");
        assert_eq!(of(3, Some("192.0.2.1")), "A browser without a name");
    }

    #[test]
    fn a_day_stands_at_its_first_event() {
        let rows = rows([29, 21, 14, 3].map(|at| event(EventKind::SignIn, at, 1)));
        let days: Vec<_> = rows.iter().map(|row| row.day.as_deref()).collect();
        assert_eq!(days, [Some("2"), None, Some("1"), Some("0")]);
    }

    #[test]
    fn wrong_passwords_stand_at_their_time() {
        use EventKind::{SignIn, SignInFailed};
        let events = [
            (SignIn, 28),
            (SignIn, 21),
            (SignIn, 21),
            (SignInFailed, 27),
            (SignInFailed, 13),
        ];
        let rows = rows(events.map(|(kind, at)| event(kind, at, 1)));
        let shown: Vec<_> = rows
            .iter()
            .map(|row| (row.event.kind, row.event.at))
            .collect();
        let expected = [
            (SignIn, 28),
            (SignInFailed, 27),
            (SignIn, 21),
            (SignIn, 21),
            (SignInFailed, 13),
        ];
        assert_eq!(shown, expected);
        let days: Vec<_> = rows.iter().filter_map(|row| row.day.as_deref()).collect();
        assert_eq!(days, ["2", "1"]);
    }

    #[test]
    fn the_wrong_passwords_of_a_day_come_with_one_advice_if_they_are_many() {
        use EventKind::{SignIn, SignInFailed};
        let failed = |at, times| event(SignInFailed, at, times);
        for (events, expected) in [
            // A person has mistyped the password.
            (vec![failed(29, 1), failed(14, 4)], vec![None, None]),
            (vec![failed(29, 5)], vec![Some(5)]),
            // Few in each hour, all day long.
            (
                vec![
                    failed(29, 0),
                    event(SignIn, 28, 50),
                    failed(27, 2),
                    failed(21, 2),
                    failed(14, 2),
                ],
                vec![Some(5), None, None, None, None],
            ),
            // Each day has its own.
            (vec![failed(29, 7), failed(14, 9)], vec![Some(7), Some(9)]),
            // It stands above the other events of the day.
            (
                vec![event(SignIn, 29, 1), failed(28, 7)],
                vec![Some(7), None],
            ),
        ] {
            let rows = rows(events);
            let told: Vec<_> = rows.iter().map(|row| row.failures).collect();
            let expected: Vec<_> = expected
                .into_iter()
                .map(|times: Option<u64>| times.map(all_of))
                .collect();
            assert_eq!(told, expected);
        }
    }

    #[test]
    fn the_wrong_passwords_of_the_oldest_day_are_a_part_until_all_its_events_are_loaded() {
        let failed = |at| event(EventKind::SignInFailed, at, 7);
        for (has_older, expected) in [(true, [false, true]), (false, [false, false])] {
            let rows = by_day(vec![failed(29), failed(14)], has_older, None, day);
            let failures = rows.iter().filter_map(|row| row.failures);
            let parts: Vec<_> = failures.map(|failures| failures.is_part).collect();
            assert_eq!(parts, expected, "{has_older}");
        }
        // The next older event has shown that the day is complete.
        let rows = by_day(vec![failed(14), failed(3)], true, None, day);
        let of_day = rows.first().and_then(|row| row.failures);
        assert_eq!(of_day, Some(all_of(7)));
    }

    #[test]
    fn a_copied_token_comes_with_advice() {
        let told = |kind, detail: Option<&str>| {
            let event = ActivityEvent {
                detail: detail.map(str::to_owned),
                ..event(kind, 0, 1)
            };
            is_copied(&event)
        };
        assert!(told(EventKind::RefreshTokenReused, None));
        assert!(told(EventKind::SessionEnded, Some("reuse")));
        assert!(!told(EventKind::SessionEnded, Some("expired")));
        assert!(!told(EventKind::SessionEnded, None));
        assert!(!told(EventKind::SignIn, Some("reuse")));
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
