//! `/flow`: the ten steps, made to happen by this browser, and drawn while they do.

mod action;
mod answers;
mod countdown;
mod diagram;
mod line;
mod log;
mod meeting;
mod panel_list;
mod panels;
mod purpose;
mod race;
mod reads;
mod run;
mod shown;
mod step_card;
mod step_list;
mod steps;
mod story;
#[cfg(test)]
mod story_tests;
mod style;
mod taken_apart;
mod theft_dialog;
mod visit;

use std::rc::Rc;

use holdfast_client::{CallError, use_session};
use holdfast_protocol::renewal::Link;
use leptos::html::H2;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::hooks::use_location;
use send_wrapper::SendWrapper;
use uuid::Uuid;

use self::action::Action;
use self::countdown::Countdown;
use self::diagram::Diagram;
use self::line::Lane::Person;
use self::line::{Lane, Line};
use self::log::FlowLog;
use self::panel_list::{ACCESS_TOKEN, IN_BROWSER, IN_DATABASE, PanelList, Panels, REFRESH_TOKEN};
use self::race::Race;
use self::reads::{OneRead, Reads};
use self::step_card::StepCard;
use self::step_list::StepList;
use self::steps::number_in;
pub use self::style::FlowStyle;
use self::style::Styled;
use self::theft_dialog::TheftDialog;
use self::visit::Visit;
use super::asker::Asker;
use super::look_again::when_shown_again;
use crate::components::{Button, PageHeading};
use crate::words::{FlowWords, Words};
use crate::{focus, paths};

/// The flow, step by step.
#[component]
pub fn FlowPage() -> impl IntoView {
    let all = Words::of_page();
    let words = FlowWords::of_page();
    let session = use_session();
    let log = FlowLog::provide(session);
    let asker = Asker::here();
    let visit = Visit::here();
    let busy = RwSignal::new(Vec::<Action>::new());
    let said = RwSignal::new(String::new());
    let asked = RwSignal::new(None::<Uuid>);
    let revealed = RwSignal::new(false);
    let panels = RwSignal::new(Panels::default());
    // Only the browser puts one into it, so no other thread drops it.
    let race = StoredValue::new(None::<SendWrapper<Rc<Race>>>);
    let storage_reads = StoredValue::new(Reads::default());
    let row_read = StoredValue::new(OneRead::default());
    let row_error = RwSignal::new(None::<String>);
    let is_reading_row = RwSignal::new(false);
    let read_again = RwSignal::new(0);
    let heading = NodeRef::<H2>::new();
    let current = step_of_address(heading, said);
    let shown_again = comes_into_sight();

    let held = move || session.demonstration().tokens();
    let is_of = move |session_id: Uuid| held().is_some_and(|held| held.session_id == session_id);
    // All this is read again whenever the tokens have changed. An answer that comes after the session
    // has ended is not shown.
    let read_storage = move || {
        let Some(held) = held() else { return };
        let session_id = held.session_id;
        panels.update(|panels| {
            panels[ACCESS_TOKEN] = panels::access_token(words, &held);
            panels[REFRESH_TOKEN] = taken_apart::refresh_token(&words.tokens, &held.refresh_token);
        });
        let stored = session.demonstration().stored_entries();
        let number = begin(storage_reads);
        asker.ask(stored, move |found| {
            if is_last(storage_reads, number) && is_of(session_id) {
                let is_alone = session.demonstration().stores_nothing();
                let entries = panels::entries(words, &found, is_alone);
                panels.update(|panels| panels[IN_BROWSER] = entries);
            }
        });
    };
    let read_row = move || {
        if !row_read
            .try_update_value(OneRead::begin)
            .unwrap_or_default()
        {
            return;
        }
        is_reading_row.set(true);
        let asked_for = held().map(|held| held.session_id);
        let row = session.demonstration().session_row();
        asker.ask(row, move |found| {
            is_reading_row.set(false);
            let held = held();
            let is_of_another = held.as_ref().map(|held| held.session_id) != asked_for;
            let is_answered = found.is_ok() || is_of_another;
            if row_read.try_update_value(|read| read.end(is_answered)) == Some(true) {
                read_again.update(|times| *times += 1);
            }
            let Some(tokens) = &held else { return };
            let (row, error) = match found {
                Ok(row) if row.session_id != tokens.session_id => return,
                Ok(row) => {
                    let end = log.compare_end(row.session_id, row.expires_at);
                    (panels::row(words, &row, Some(tokens), end), None)
                }
                Err(CallError::SignedOut | CallError::SessionChanged) => return,
                Err(error) => (Vec::new(), Some((all.errors().call)(&error))),
            };
            row_error.set(error);
            panels.update(|panels| panels[IN_DATABASE] = row);
        });
    };
    Effect::new(move |_| {
        if read_again.get() > 0 {
            read_row();
        }
    });
    Effect::new(move |before: Option<Option<Uuid>>| {
        log.track_changes();
        shown_again.track();
        let before = before.flatten();
        let now = session.session_id();
        if let (Some(account_id), Some(held)) = (session.account_id(), held()) {
            let (session_id, generation) = (held.session_id, held.generation);
            log.shows(
                account_id,
                Link {
                    session_id,
                    generation,
                },
            );
        }
        if now != before {
            revealed.set(false);
            asked.set(None);
            row_error.set(None);
            panels.set(match now {
                Some(_) => panels::reading(words),
                None => panels::without_session(words),
            });
            let join = || SendWrapper::new(Race::join(session, log, visit, said, words));
            race.set_value(now.map(|_| join()));
        } else if now.is_none() && session.is_anonymous() {
            panels.set(panels::without_session(words));
        }
        if before.is_some() && now.is_none() {
            focus_if_lost(heading);
        }
        if now.is_some() && !document().hidden() {
            read_storage();
            read_row();
        }
        now
    });

    let run = move |action: Action| {
        said.set(String::new());
        match action {
            Action::Race => {
                if let Some(race) = race.get_value() {
                    race.press();
                }
            }
            Action::ReadStorage => {
                let own = action.words(words);
                log.add(Line::message(4, Person, Lane::Browser, own.text));
                read_storage();
                read_row();
                said.set(own.done.to_owned());
            }
            _ => {
                busy.update(|busy| busy.push(action));
                visit.run(run::run(action, session, log, words), move |outcome| {
                    busy.update(|busy| busy.retain(|other| *other != action));
                    said.set(outcome);
                    // A renewal that failed has stored an attempt key, and has changed no token.
                    read_storage();
                });
            }
        }
    };
    let shown_session = move || untrack(|| session.session_id());
    let press = move |action: Action| match action {
        Action::Steal => asked.set(shown_session()),
        _ => run(action),
    };
    let confirm = move |session_id: Uuid| {
        // Another person may have signed in since the question was asked.
        if shown_session() == Some(session_id) {
            run(Action::Steal);
        }
    };
    let reveal = Signal::derive(move || {
        if revealed.get() {
            words.shorten
        } else {
            words.reveal
        }
        .to_owned()
    });

    view! {
        <Title text=words.title/>
        <Styled>
            <div class="center stack flow">
                <PageHeading text=all.frame().flow/>
                <p class="lead">{words.lead}</p>
                <StepList current/>
                <div class="flow-stage">
                    <StepCard current heading busy on_press=press said/>
                    <Diagram/>
                </div>
                <div class="cluster flow-now">
                    <h2>{words.now}</h2>
                    <Countdown/>
                    <Button on_press=move || revealed.update(|revealed| *revealed = !*revealed) text=reveal/>
                </div>
                <PanelList panels revealed row_error is_reading_row on_retry=read_row/>
                <TheftDialog asked on_confirm=confirm/>
            </div>
        </Styled>
    }
}

fn begin(reads: StoredValue<Reads>) -> u32 {
    reads.try_update_value(Reads::begin).unwrap_or_default()
}

fn is_last(reads: StoredValue<Reads>, number: u32) -> bool {
    reads.with_value(|reads| reads.is_last(number))
}

/// Counts how often the page has come into sight. While it is hidden, it reads nothing.
fn comes_into_sight() -> RwSignal<u32> {
    let times = RwSignal::new(0);
    when_shown_again(move || times.update(|times| *times += 1));
    times
}

/// The button of a step disappears when its session has ended. If it had the focus, the heading of the
/// step gets it. Otherwise the focus stays where the person has put it.
fn focus_if_lost(heading: NodeRef<H2>) {
    request_animation_frame(move || {
        let is_in_card = document().active_element().is_some_and(|active| {
            let card = active.closest(".flow-step-card");
            card.is_ok_and(|card| card.is_some())
        });
        if (is_in_card || focus::is_lost())
            && let Some(heading) = heading.try_get_untracked().flatten()
        {
            let _ = heading.focus();
        }
    });
}

/// The step that the address names. The server does not know the hash of an address, so the first
/// rendering shows the first step. `said` is about the step before.
fn step_of_address(heading: NodeRef<H2>, said: RwSignal<String>) -> RwSignal<u32> {
    let place = use_location();
    let (path, hash) = (place.pathname, place.hash);
    let current = RwSignal::new(1);
    Effect::new(move |before: Option<bool>| {
        // The address changes before the next page is there.
        if path.read().trim_end_matches('/') != paths::FLOW {
            return true;
        }
        let number = number_in(&hash.read()).unwrap_or(1);
        if current.get_untracked() != number {
            current.set(number);
            said.set(String::new());
            // After the first time, a person has followed a link within the page. The new step is in
            // the page by the next frame.
            if before.is_some() {
                request_animation_frame(move || {
                    if let Some(heading) = heading.try_get_untracked().flatten() {
                        let _ = heading.focus();
                    }
                });
            }
        }
        true
    });
    current
}
