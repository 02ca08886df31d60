//! This tab: it carries out what the renewal machine decides.
//!
//! Every event goes through [`Tab::feed`], one after the other, and every decision
//! is made in `holdfast_protocol::renewal`. What is left here is reading, writing,
//! sending and waiting. It runs in the browser only.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::select;
use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::renewal::{
    Access, Action, Ending, Event, Failure, Link, Machine, Record, View, may_replace,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{LogoutRequest, RefreshRequest, Tokens, paths};
use leptos::prelude::*;
use leptos::task::spawn_local;
use uuid::Uuid;
use web_sys::BroadcastChannel;

use super::attempts::{Attempts, Kept};
use super::context::{Facts, Signals};
use super::http::{self, ApiError, Call};
use super::storage::Storage;
use super::{clock, lock, tabs};

/// The lock of one renewal among the tabs.
const LOCK: &str = "holdfast.renewal";

/// How long a renewal waits for another tab's before it goes on regardless.
const LOCK_WAIT_MS: u32 = 2000;

/// How long a call waits for a renewal before it fails.
const CALL_WAIT_MS: u32 = 30_000;

thread_local! {
    static TAB: OnceCell<Rc<Tab>> = const { OnceCell::new() };
}

/// The one driver of this page.
pub(super) struct Tab {
    machine: RefCell<Machine>,
    /// Events that came up while others were being worked through.
    queue: RefCell<VecDeque<Event>>,
    busy: Cell<bool>,
    pub(super) storage: Storage,
    attempts: Attempts,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    timer: RefCell<Option<Timeout>>,
    channel: Option<BroadcastChannel>,
    signals: Signals,
}

impl Tab {
    /// Starts the tab: reads storage, listens, and tells `signals` from now on.
    pub(super) fn start(signals: Signals) {
        let tab = Rc::new(Self {
            machine: RefCell::default(),
            queue: RefCell::default(),
            busy: Cell::new(false),
            storage: Storage::open(),
            attempts: Attempts::default(),
            waiting: RefCell::default(),
            timer: RefCell::default(),
            channel: tabs::channel(),
            signals,
        });
        let is_first = TAB.with(|cell| cell.set(tab.clone()).is_ok());
        if !is_first {
            return;
        }
        let stored = tab.storage.record();
        let is_forgotten = stored
            .as_ref()
            .is_some_and(|record| !record.remember && !tabs::browser_has_been_open());
        tab.feed(Event::Start {
            stored,
            visible: tabs::is_visible(),
        });
        if is_forgotten {
            tab.feed(Event::SignOut {
                why: Ending::BrowserClosed,
            });
        }
        if tab.storage.is_memory() {
            tab.feed(Event::StorageFailed);
        }
        tabs::listen(&tab, tab.channel.as_ref());
        tab.send_leaving();
    }

    /// The tab, once it has started. There is none on the server.
    pub(super) fn current() -> Option<Rc<Self>> {
        TAB.with(|cell| cell.get().cloned())
    }

    /// Takes in what happened and does what follows from it.
    pub(super) fn feed(self: &Rc<Self>, event: Event) {
        self.queue.borrow_mut().push_back(event);
        if self.busy.replace(true) {
            return;
        }
        loop {
            let Some(event) = self.queue.borrow_mut().pop_front() else {
                break;
            };
            let machine = self.machine.take();
            let (machine, actions) = machine.on(event, clock::now());
            self.machine.replace(machine);
            for action in actions {
                self.perform(action);
            }
        }
        self.busy.set(false);
        self.publish();
        for waiting in self.waiting.take() {
            let _ = waiting.send(());
        }
    }

    /// Reads storage again: another tab may have been faster than its message.
    pub(super) fn look(self: &Rc<Self>) {
        let held = self.record();
        let stored = self.storage.record();
        if stored != held {
            let ending = held.and_then(|held| self.storage.ending(held.session_id));
            self.feed(Event::Stored { stored, ending });
        }
    }

    /// The record as this tab holds it.
    pub(super) fn record(&self) -> Option<Record> {
        self.machine.borrow().record().cloned()
    }

    /// The access token for a call that began with session `bound`, after a renewal
    /// if that is what it takes. The first time, `bound` is filled in.
    pub(super) async fn access(
        self: &Rc<Self>,
        bound: &mut Option<Uuid>,
    ) -> Result<(Link, Secret), ApiError> {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        loop {
            self.look();
            if bound.is_none() {
                *bound = self.record().map(|record| record.session_id);
            }
            self.feed(Event::CallWanted);
            let now = clock::now();
            match self.machine.borrow().access(now) {
                Access::Ready { of, .. } if *bound != Some(of.session_id) => {
                    return Err(ApiError::SessionChanged);
                }
                Access::Ready { of, token } => return Ok((of, token)),
                Access::SignedOut => return Err(ApiError::SignedOut),
                Access::NotNow => return Err(ApiError::SILENCE),
                Access::Soon if now.running_ms >= deadline => return Err(ApiError::SILENCE),
                Access::Soon => {}
            }
            let (tell, told) = oneshot::channel();
            self.waiting.borrow_mut().push(tell);
            let left = u32::try_from(deadline - now.running_ms).unwrap_or(CALL_WAIT_MS);
            select(told, TimeoutFuture::new(left)).await;
        }
    }

    /// Takes in how a call went that carried the access token of `of`.
    pub(super) fn note_outcome(self: &Rc<Self>, of: Link, outcome: &Result<String, ApiError>) {
        self.feed(match outcome {
            Err(ApiError::Problem(problem)) if problem.code.meaning() == Meaning::SessionOver => {
                Event::CallOver {
                    session_id: of.session_id,
                    code: problem.code,
                }
            }
            Err(ApiError::Unreachable {
                answered: false, ..
            }) => Event::Unreachable,
            _ => Event::Reached,
        });
    }

    fn perform(self: &Rc<Self>, action: Action) {
        match action {
            Action::Refresh { of } => {
                let tab = self.clone();
                spawn_local(async move {
                    let event = tab.refresh(of).await;
                    tab.feed(event);
                });
            }
            Action::Store(record) => {
                if may_replace(self.storage.record().as_ref(), &record) {
                    self.write(record);
                } else {
                    self.look_later();
                }
            }
            Action::StoreNew(record) => self.write(record),
            Action::Clear { session_id, why } => {
                let is_its = |stored: Record| stored.session_id == session_id;
                if self.storage.record().is_some_and(is_its) {
                    self.storage.clear(session_id, why);
                }
                self.forget_attempts(session_id);
            }
            Action::ClearLink { of, why, leave } => match self.storage.record() {
                Some(stored) if stored.link() == of => {
                    if leave {
                        self.leave(&stored.refresh_token);
                    }
                    self.storage.clear(of.session_id, why);
                    self.forget_attempts(of.session_id);
                }
                _ => self.look_later(),
            },
            Action::Leave(token) => self.leave(&token),
            Action::Wake(after) => {
                let timer = after.map(|ms| {
                    let tab = self.clone();
                    // The browser counts in 32 bits; a timer that is early is asked again.
                    let ms = u32::try_from(ms)
                        .unwrap_or(u32::MAX)
                        .min(i32::MAX.unsigned_abs());
                    Timeout::new(ms, move || {
                        tab.look();
                        tab.feed(Event::Timer);
                    })
                });
                *self.timer.borrow_mut() = timer;
            }
            Action::Broadcast => {
                // The message carries nothing: storage is the truth.
                if let Some(channel) = &self.channel {
                    let _ = channel.post_message(&"look".into());
                }
            }
            Action::Probe => {
                let tab = self.clone();
                spawn_local(async move {
                    let answer = http::send(&Call::new(Method::GET, paths::HEALTHZ), None).await;
                    let silence = matches!(
                        answer,
                        Err(ApiError::Unreachable {
                            answered: false,
                            ..
                        })
                    );
                    tab.feed(if silence {
                        Event::Unreachable
                    } else {
                        Event::ProbeAnswered
                    });
                });
            }
            Action::Tell(notice) => self.signals.notice.set(Some(notice)),
        }
    }

    /// Reads storage once the events at hand are worked through.
    fn look_later(&self) {
        let held = self.record();
        self.queue.borrow_mut().push_back(Event::Stored {
            stored: self.storage.record(),
            ending: held.and_then(|held| self.storage.ending(held.session_id)),
        });
    }

    fn forget_attempts(self: &Rc<Self>, session_id: Uuid) {
        let tab = self.clone();
        let in_memory = self.storage.is_memory();
        spawn_local(async move { tab.attempts.forget(session_id, in_memory).await });
    }

    fn write(&self, record: Record) {
        if !record.remember {
            tabs::mark_browser_open();
        }
        if self.storage.write(&record).is_err() {
            self.storage.go_memory(Some(record));
            self.queue.borrow_mut().push_back(Event::StorageFailed);
        }
    }

    /// One refresh. It is composed from what storage holds in the very step that
    /// sends it: between the steps another tab may have been here.
    async fn refresh(self: &Rc<Self>, of: Link) -> Event {
        let not_renewed = |failure| Event::NotRenewed { of, failure };
        let _lock = lock::acquire(LOCK, LOCK_WAIT_MS).await;
        if !self.storage_holds(of) {
            return not_renewed(Failure::Moved);
        }
        let key = match self.attempts.key_for(of, self.storage.is_memory()).await {
            Kept::Key(key) => key,
            Kept::Behind => return not_renewed(Failure::Behind),
            Kept::Later => return not_renewed(Failure::Later { retry_after: None }),
            Kept::NotStorable => {
                // A token whose attempt is stored nowhere must not stay in storage
                // either: after a crash it would look stolen.
                if self.storage.is_memory() {
                    return not_renewed(Failure::Later { retry_after: None });
                }
                self.storage.go_memory(self.storage.record());
                self.feed(Event::StorageFailed);
                return not_renewed(Failure::Moved);
            }
        };
        let Some(record) = self.storage.record().filter(|record| record.link() == of) else {
            self.look();
            return not_renewed(Failure::Moved);
        };
        let mut call = Call::new(Method::POST, paths::REFRESH).with_json(&RefreshRequest {
            refresh_token: record.refresh_token.clone(),
        });
        call.attempt_key = Some(Secret::from(key.expose()));
        // Counted from the sending: an access token is never older than we think.
        let sent_at = clock::now().wall_ms;
        match http::send(&call, None).await {
            Ok(body) => {
                let tokens = http::parse::<Tokens>(&body).ok();
                match tokens.and_then(|tokens| Record::new(&tokens, record.remember, sent_at)) {
                    Some(record) => Event::Renewed { of, record },
                    None => not_renewed(Failure::Later { retry_after: None }),
                }
            }
            Err(ApiError::Problem(problem)) => not_renewed(Failure::of(&problem)),
            Err(ApiError::Unreachable { retry_after, .. }) => {
                not_renewed(Failure::Later { retry_after })
            }
            Err(_) => not_renewed(Failure::Later { retry_after: None }),
        }
    }

    fn storage_holds(self: &Rc<Self>, of: Link) -> bool {
        self.look();
        self.storage
            .record()
            .is_some_and(|record| record.link() == of)
    }

    /// Keeps a token for the logout, and sends it.
    pub(super) fn leave(self: &Rc<Self>, token: &Secret) {
        self.storage.add_leaving(token);
        let tab = self.clone();
        let token = token.clone();
        spawn_local(async move { tab.send_logout(token).await });
    }

    /// Sends the logouts that have not reached the server yet.
    pub(super) fn send_leaving(self: &Rc<Self>) {
        for token in self.storage.leaving() {
            let tab = self.clone();
            spawn_local(async move { tab.send_logout(token).await });
        }
    }

    async fn send_logout(self: Rc<Self>, token: Secret) {
        let call = Call::new(Method::POST, paths::LOGOUT).with_json(&LogoutRequest {
            refresh_token: token.clone(),
        });
        let is_done = match http::send(&call, None).await {
            Ok(_) => true,
            Err(ApiError::Problem(problem)) => problem.code.meaning() != Meaning::Later,
            Err(_) => false,
        };
        if is_done {
            self.storage.remove_leaving(&token);
        }
        self.signals.leaving.set(!self.storage.leaving().is_empty());
    }

    /// Tells the view. Signals that do not change tell nobody.
    fn publish(&self) {
        let machine = self.machine.borrow();
        let view = machine.view();
        let facts = machine.record().map(Facts::of);
        drop(machine);
        let before = self.signals.view.get_untracked();
        if before != view {
            self.signals.view.set(view);
        }
        if is_reconnecting(before) && !is_reconnecting(view) {
            self.signals.resumed.update(|times| *times += 1);
        }
        if self.signals.facts.get_untracked() != facts {
            self.signals.facts.set(facts);
        }
    }
}

fn is_reconnecting(view: View) -> bool {
    matches!(view, View::SignedIn { reconnecting, .. } if reconnecting)
}
