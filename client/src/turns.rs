//! Gives the renewal machine its events, one after the other, and tells the listeners of
//! [`watch`](super::watch) what has changed.
//!
//! A listener may use the client, and so cause the next event. So the listeners are called last, when
//! the machine is in its place again and the view knows the new state.

use std::cell::{Cell, Ref, RefCell};
use std::collections::VecDeque;

use holdfast_protocol::renewal::{Action, Event, Machine, Moment, Record, View};
use holdfast_protocol::secret::Secret;
use uuid::Uuid;

use super::watch::{self, ClientEvent};

/// The machine of a tab.
#[derive(Default)]
pub(super) struct Turns {
    machine: RefCell<Machine>,
    /// Events that came while others were handled.
    queue: RefCell<VecDeque<Event>>,
    is_busy: Cell<bool>,
}

impl Turns {
    /// The machine between two events.
    pub(super) fn machine(&self) -> Ref<'_, Machine> {
        self.machine.borrow()
    }

    /// Gives the machine this event, and those that come while it is handled. `perform` gets each
    /// action, and `publish` gets whether the machine has changed.
    pub(super) fn take(
        &self,
        event: Event,
        now: impl Fn() -> Moment,
        perform: impl Fn(Action),
        publish: impl FnOnce(bool),
    ) {
        self.queue.borrow_mut().push_back(event);
        if self.is_busy.replace(true) {
            return;
        }
        let before = self.machine.borrow().clone();
        let mut changes = Vec::new();
        loop {
            let Some(event) = self.queue.borrow_mut().pop_front() else {
                break;
            };
            let machine = self.machine.take();
            let seen = watch::is_watched().then(|| Seen::before(&machine, &event));
            let (machine, actions) = machine.on(event, now());
            if let Some(seen) = seen {
                seen.add_changes(&machine, &mut changes);
            }
            self.machine.replace(machine);
            actions.into_iter().for_each(&perform);
        }
        self.is_busy.set(false);
        let has_changed = *self.machine.borrow() != before;
        publish(has_changed);
        for change in changes {
            watch::tell(|| change);
        }
    }
}

/// The state of a tab before an event.
struct Seen {
    held: Option<SeenRecord>,
    is_leaving: bool,
    /// Whether the event is about the tab itself, and not about what another tab has stored.
    is_own: bool,
    /// Whether the page has just read storage for the first time, so nothing has happened.
    is_start: bool,
}

#[derive(PartialEq, Eq)]
struct SeenRecord {
    session_id: Uuid,
    generation: u32,
    /// A repeated refresh brings another access token of the same generation.
    access_token: Secret,
}

impl SeenRecord {
    fn of(record: &Record) -> Self {
        Self {
            session_id: record.session_id,
            generation: record.generation,
            access_token: record.access_token.clone(),
        }
    }
}

/// Whether what follows from an event was done by this tab. A change or a renewal of this tab may find in
/// storage what another tab has done before.
fn is_own(event: &Event) -> bool {
    match event {
        Event::Stored(_) | Event::Gone => false,
        Event::Changed { applied, .. } => *applied,
        Event::Renewed { of, stored } => stored.record().is_some_and(|record| {
            record.session_id == of.session_id
                && record.generation == of.generation.saturating_add(1)
        }),
        _ => true,
    }
}

impl Seen {
    fn before(machine: &Machine, event: &Event) -> Self {
        Self {
            held: machine.record().map(SeenRecord::of),
            is_leaving: machine.is_leaving(),
            is_own: is_own(event),
            is_start: matches!(event, Event::Start { .. }),
        }
    }

    fn add_changes(self, after: &Machine, changes: &mut Vec<ClientEvent>) {
        if self.is_leaving && !after.is_leaving() {
            changes.push(ClientEvent::SignOutsConfirmed);
        }
        if self.is_start || self.held == after.record().map(SeenRecord::of) {
            return;
        }
        changes.push(match after.record() {
            Some(record) => ClientEvent::Stored {
                account_id: record.account_id,
                session_id: record.session_id,
                generation: record.generation,
                is_new_session: self
                    .held
                    .is_none_or(|before| before.session_id != record.session_id),
                by_this_tab: self.is_own,
            },
            None => ClientEvent::Cleared {
                why: match after.view() {
                    View::Anonymous { ending } => ending,
                    View::Unknown | View::SignedIn { .. } => None,
                },
                by_this_tab: self.is_own,
            },
        });
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use holdfast_protocol::renewal::{Link, RECORD_VERSION, Stored};

    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const ACCOUNT: Uuid = Uuid::from_u128(2);

    const NOW: Moment = Moment {
        wall_ms: 0,
        running_ms: 0,
        jitter: 0,
    };

    fn signed_in(generation: u32, access_token: &str) -> Stored {
        Stored::SignedIn(Record {
            version: RECORD_VERSION,
            epoch: 1,
            signed_in_epoch: 1,
            life: Uuid::nil(),
            account_id: ACCOUNT,
            session_id: SESSION,
            generation,
            access_token: access_token.into(),
            refresh_token: format!("hfr_{generation}").into(),
            obtained_at: 0,
            expires_in: 300,
            refresh_expires_in: 7_776_000,
            refresh_idle_expires_in: 2_592_000,
            remember: true,
        })
    }

    fn start(stored: Stored) -> Event {
        Event::Start {
            stored,
            visible: false,
        }
    }

    fn stored(generation: u32) -> ClientEvent {
        ClientEvent::Stored {
            account_id: ACCOUNT,
            session_id: SESSION,
            generation,
            is_new_session: false,
            by_this_tab: false,
        }
    }

    /// What a listener hears of these events.
    fn heard(events: impl IntoIterator<Item = Event>) -> Vec<ClientEvent> {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let to = heard.clone();
        let _watch = watch::watch(move |event| to.borrow_mut().push(event.clone()));
        let turns = Turns::default();
        for event in events {
            turns.take(event, || NOW, |_| {}, |_| {});
        }
        heard.take()
    }

    #[test]
    fn a_listener_may_use_the_client() {
        let turns = Rc::new(Turns::default());
        let published = Rc::new(Cell::new(0));
        let take = {
            let published = published.clone();
            move |turns: &Turns, event| {
                let publish = |_| published.set(published.get() + 1);
                turns.take(event, || NOW, |_| {}, publish);
            }
        };
        take(&turns, start(signed_in(0, "first")));
        let found = Rc::new(RefCell::new(Vec::new()));
        let _watch = {
            let (turns, found, take) = (turns.clone(), found.clone(), take.clone());
            let published = published.clone();
            watch::watch(move |event| {
                let ClientEvent::Stored { generation, .. } = *event else {
                    return;
                };
                // The machine has the tokens of this event, and the view knows them.
                let held = turns.machine().record().map(|record| record.generation);
                found.borrow_mut().push((generation, held, published.get()));
                if generation == 1 {
                    take(&turns, Event::Stored(signed_in(2, "third")));
                }
            })
        };
        take(&turns, Event::Stored(signed_in(1, "second")));
        assert_eq!(*found.borrow(), [(1, Some(1), 2), (2, Some(2), 3)]);
    }

    #[test]
    fn new_tokens_are_told_once_and_a_fresh_access_token_alone_as_well() {
        let events = heard([
            start(signed_in(0, "first")),
            Event::Stored(signed_in(1, "second")),
            Event::Stored(signed_in(1, "second")),
            Event::Stored(signed_in(1, "third")),
        ]);
        assert_eq!(events, [stored(1), stored(1)]);
    }

    #[test]
    fn what_a_tab_finds_in_storage_after_its_own_work_is_not_its_own() {
        let of = Link {
            session_id: SESSION,
            generation: 3,
        };
        let changed = |applied| Event::Changed {
            stored: Stored::default(),
            applied,
        };
        let renewed = |stored| Event::Renewed { of, stored };
        for (event, expected) in [
            (changed(true), true),
            (changed(false), false),
            (renewed(signed_in(4, "next")), true),
            (renewed(signed_in(5, "of another tab")), false),
            (renewed(Stored::default()), false),
            (Event::Gone, false),
            (Event::Timer, true),
        ] {
            assert_eq!(is_own(&event), expected, "{event:?}");
        }
    }

    #[test]
    fn the_listener_learns_when_the_server_has_confirmed_every_sign_out() {
        let events = heard([
            start(Stored::default()),
            Event::LeavingFound,
            Event::LeavingSent { all: false },
            Event::Reached,
            Event::LeavingSent { all: true },
            Event::Reached,
        ]);
        assert_eq!(events, [ClientEvent::SignOutsConfirmed]);
    }
}
