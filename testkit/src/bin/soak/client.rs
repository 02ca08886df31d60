//! One client without a browser. Like a tab, it is a [`Environment`] for the driver of
//! `holdfast_protocol::renewal`, which makes every decision.
//!
//! [`Storage`] contains what a real client would write to disk. Only this survives a crash, and the
//! client crashes from time to time during a refresh.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Method;
use holdfast_protocol::attempt_key::{Attempt, AttemptKey, attempt};
use holdfast_protocol::problem::{MEDIA_TYPE, Meaning, Problem};
use holdfast_protocol::renewal::driver::{self, Environment, Outcome, Prepared, RefreshAnswer};
use holdfast_protocol::renewal::{
    Access, Change, Ending, Event, Link, LogoutAnswer, Machine, Moment, Notice, Record,
    RefusedLogouts, Stored, Vault, View,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::clock::Clock;
use holdfast_testkit::{Answer, Http, NoAnswer, Random, new_key};
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use uuid::Uuid;

use crate::tally::Tally;

/// How long an answer may take, and how long a call waits for a renewal: as in the
/// browser.
const PATIENCE: Duration = Duration::from_secs(20);
const CALL_WAIT: Duration = Duration::from_secs(30);

/// A client crashes about this often.
const LIFE: Duration = Duration::from_secs(120);

/// The phase of the soak.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Phase {
    Soak,
    /// Everything is repaired.
    Afterwards,
    Over,
}

/// The data that survive a crash.
#[derive(Default)]
struct Storage {
    vault: Vault,
    attempt_keys: BTreeMap<(Uuid, u32), AttemptKey>,
    /// The links whose refresh was sent at least once, only for the tally.
    sent: BTreeSet<(Uuid, u32)>,
}

impl Storage {
    fn change(&mut self, change: Option<Change>) -> Outcome {
        let vault = &mut self.vault;
        let before = vault.leaving.clone();
        let applied = change.is_some_and(|change| vault.apply(&change));
        Outcome {
            stored: vault.stored.clone(),
            applied,
            is_leaving: !vault.leaving.is_empty(),
            has_left: vault.leaving.iter().any(|token| !before.contains(token)),
            asked: vault.asked(),
            is_awaiting: vault.is_awaiting(),
            news: None,
        }
    }
}

/// What the tasks of a client share: the servers' address, the storage, and a way to its machine.
#[derive(Clone)]
struct Door {
    address: SocketAddr,
    storage: Arc<Mutex<Storage>>,
    tally: Arc<Tally>,
    clock: Clock,
    told: Arc<Mutex<Told>>,
    /// What the tasks tell the machine.
    events: mpsc::UnboundedSender<Event>,
}

/// What the tasks know of the machine, and what it tells them.
#[derive(Default)]
struct Told {
    held: Stored,
    is_leaving: bool,
    wake: Option<Instant>,
    refused: RefusedLogouts,
}

/// See the module.
pub(crate) struct Client {
    number: usize,
    door: Door,
    random: Random,
    started: Instant,
    machine: Machine,
    crash: Instant,
    tasks: JoinSet<Option<Called>>,
    events: mpsc::UnboundedReceiver<Event>,
    call: Call,
    last_words: String,
    is_settled: bool,
}

/// The result of the protected call.
struct Called {
    of: Link,
    heard: Heard,
}

/// The protected call; there is one at a time.
#[derive(Clone, Copy)]
enum Call {
    Pause {
        until: Instant,
    },
    Wanted {
        since: Instant,
        begun: Phase,
        again: bool,
    },
    OnItsWay {
        begun: Phase,
        again: bool,
    },
}

/// The result of a request.
enum Heard {
    Body(String),
    Problem(Problem),
    /// There was an answer, but not Holdfast's.
    NotOurs,
    Silence,
}

impl Client {
    /// A client that has just signed up.
    pub(crate) fn new(
        number: usize,
        address: SocketAddr,
        tokens: &Tokens,
        tally: Arc<Tally>,
        random: Random,
    ) -> anyhow::Result<Self> {
        let clock = Clock::system();
        let record = Record::new(tokens, true, wall_ms(&clock)).context("tokens of no session")?;
        let mut storage = Storage::default();
        storage.vault.apply(&Change::SignIn {
            record,
            known_browser: tokens.known_browser.clone(),
            asked: None,
        });
        let now = Instant::now();
        let (sender, events) = mpsc::unbounded_channel();
        Ok(Self {
            number,
            door: Door {
                address,
                storage: Arc::new(Mutex::new(storage)),
                tally,
                clock,
                told: Arc::default(),
                events: sender,
            },
            random,
            started: now,
            machine: Machine::new(),
            crash: now,
            tasks: JoinSet::new(),
            events,
            call: Call::Pause { until: now },
            last_words: String::new(),
            is_settled: false,
        })
    }

    /// Makes calls until the soak is over, or until the client is signed out.
    pub(crate) async fn run(mut self, mut phase: watch::Receiver<Phase>) {
        self.start();
        while *phase.borrow() != Phase::Over {
            let call = self.next_call();
            let wake = self.door.told().wake;
            tokio::select! {
                Some(Ok(called)) = self.tasks.join_next() => {
                    if let Some(Called { of, heard }) = called {
                        self.called(of, heard);
                    }
                }
                Some(event) = self.events.recv() => self.take(event),
                () = sleep_until(wake.unwrap_or(call)), if wake.is_some() => {
                    self.door.told().wake = None;
                    self.feed(Event::Timer);
                }
                () = sleep_until(call) => {
                    let begun = *phase.borrow();
                    self.begin_call(begun);
                }
                () = sleep_until(self.crash) => {
                    self.door.tally.crashes.one_more();
                    self.start();
                }
                _ = phase.changed() => {}
            }
            // Nothing that a task has said is lost when the soak ends.
            while let Ok(event) = self.events.try_recv() {
                self.take(event);
            }
            self.go_on_with_call();
            if let View::Anonymous { ending } = self.machine.view() {
                let number = self.number;
                let said = &self.last_words;
                let how = format!("client {number}: {ending:?} after {said}");
                self.door.tally.sign_out(how);
                return;
            }
        }
    }

    /// Starts, or starts again after a crash, from the content of storage and without requests
    /// under way. An older answer that comes now is lost.
    fn start(&mut self) {
        self.tasks.abort_all();
        self.tasks = JoinSet::new();
        (self.door.events, self.events) = mpsc::unbounded_channel();
        self.door.told = Arc::default();
        self.machine = Machine::new();
        self.started = Instant::now();
        self.crash = self.started + self.up_to(LIFE * 2);
        let until = self.started + self.up_to(Duration::from_secs(2));
        self.call = Call::Pause { until };
        let stored = self.door.storage().vault.stored.clone();
        self.feed(Event::Start {
            stored,
            visible: true,
        });
    }

    fn feed(&mut self, event: Event) {
        let moment = self.now();
        let (machine, actions) = std::mem::take(&mut self.machine).on(event, moment);
        self.machine = machine;
        {
            let mut told = self.door.told();
            told.held = self.machine.stored();
            told.is_leaving = self.machine.is_leaving();
        }
        for action in actions {
            let work = driver::perform(self.door.clone(), action);
            self.tasks.spawn(async move {
                work.await;
                None
            });
        }
    }

    fn take(&mut self, event: Event) {
        if let Event::NotRenewed { of, failure } = &event {
            let generation = of.generation;
            self.last_words = format!("{failure:?} of generation {generation}");
        }
        self.feed(event);
    }

    /// When the next call begins, or gives up waiting.
    fn next_call(&self) -> Instant {
        match self.call {
            Call::Pause { until } => until,
            Call::Wanted { since, .. } => since + CALL_WAIT,
            Call::OnItsWay { .. } => Instant::now() + PATIENCE * 2,
        }
    }

    fn begin_call(&mut self, begun: Phase) {
        match self.call {
            Call::Pause { .. } => {
                self.call = Call::Wanted {
                    since: Instant::now(),
                    begun,
                    again: false,
                };
            }
            Call::Wanted { .. } => self.end_call(None),
            Call::OnItsWay { .. } => {}
        }
    }

    /// Sends the call as soon as there is an access token for it.
    fn go_on_with_call(&mut self) {
        let Call::Wanted { begun, again, .. } = self.call else {
            return;
        };
        self.feed(Event::CallWanted);
        let now = self.now();
        match self.machine.access(now) {
            Access::Ready { of, token, .. } => {
                let door = self.door.clone();
                self.call = Call::OnItsWay { begun, again };
                self.tasks.spawn(async move {
                    let heard = door.call(&token).await;
                    Some(Called { of, heard })
                });
            }
            Access::NotNow | Access::Outdated => self.end_call(None),
            Access::Soon | Access::SignedOut => {}
        }
    }

    /// A call whose access token was refused is made once more, after a renewal.
    fn called(&mut self, of: Link, heard: Heard) {
        let Call::OnItsWay { begun, again } = self.call else {
            return;
        };
        match heard {
            Heard::Problem(problem) if problem.code.meaning() == Meaning::Renew && !again => {
                self.feed(Event::CallRefused { of });
                self.call = Call::Wanted {
                    since: Instant::now(),
                    begun,
                    again: true,
                };
            }
            Heard::Problem(problem) if problem.code.meaning() == Meaning::SessionOver => {
                self.last_words = format!("{:?} for a call", problem.code);
                self.feed(Event::CallOver {
                    session_id: of.session_id,
                    why: Ending::of(&problem),
                });
                self.end_call(None);
            }
            Heard::Silence => {
                self.feed(Event::Unreachable);
                self.end_call(None);
            }
            Heard::Problem(_) | Heard::NotOurs => {
                self.feed(Event::Reached);
                self.end_call(None);
            }
            Heard::Body(_) => {
                self.feed(Event::Reached);
                self.end_call(Some(begun));
            }
        }
    }

    fn end_call(&mut self, succeeded: Option<Phase>) {
        match succeeded {
            Some(begun) => {
                self.door.tally.calls.one_more();
                if begun == Phase::Afterwards && !self.is_settled {
                    self.is_settled = true;
                    self.door.tally.settle();
                }
            }
            None => self.door.tally.failed_calls.one_more(),
        }
        let pause = Duration::from_millis(500) + self.up_to(Duration::from_secs(3));
        self.call = Call::Pause {
            until: Instant::now() + pause,
        };
    }

    fn now(&mut self) -> Moment {
        Moment {
            wall_ms: wall_ms(&self.door.clock),
            running_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            jitter: u32::try_from(self.random.below(1 << 32)).unwrap_or_default(),
        }
    }

    fn up_to(&mut self, limit: Duration) -> Duration {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.random.below(limit.max(1)))
    }
}

impl Door {
    fn storage(&self) -> MutexGuard<'_, Storage> {
        self.storage.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn call(&self, token: &Secret) -> Heard {
        heard(Http.call_with(token, Method::GET, self.address, paths::ACCOUNT, None)).await
    }
}

impl Environment for Door {
    /// Only one task of a client renews.
    type Lock = ();

    fn wall_ms(&self) -> i64 {
        wall_ms(&self.clock)
    }

    fn feed(&self, event: Event) {
        // A client that has crashed gets no more events.
        let _ = self.events.send(event);
    }

    fn held(&self) -> Stored {
        self.told().held.clone()
    }

    fn is_leaving(&self) -> bool {
        self.told().is_leaving
    }

    fn wake(&self, after_ms: Option<u64>) {
        self.told().wake = after_ms.map(|ms| Instant::now() + Duration::from_millis(ms));
    }

    /// This client shows no messages.
    fn show(&self, _: Notice) {}

    /// A crash must not lose an ending that the client has learnt of.
    fn note_at_once(&self, change: &Change) {
        if matches!(
            change,
            Change::SignOut { .. } | Change::End { .. } | Change::EndLink { .. }
        ) {
            self.storage().vault.apply(change);
        }
    }

    /// Its storage has no other tabs.
    fn tell_others(&self) {}

    fn is_memory_untold(&self) -> bool {
        false
    }

    /// It never changes its password.
    fn note_session_over(&self, _: Uuid, _: Ending) -> bool {
        false
    }

    async fn lock(&self) {}

    async fn change(&self, change: Option<Change>) -> Outcome {
        self.storage().change(change)
    }

    /// The attempt key is in storage before anything is sent.
    async fn prepare(&self, of: Link) -> Prepared {
        let mut storage = self.storage();
        let outcome = storage.change(None);
        let Some(record) = outcome.stored.record().filter(|it| it.link() == of) else {
            return Prepared::Moved(outcome);
        };
        let at = (of.session_id, of.generation);
        let of_session = (of.session_id, 0)..=(of.session_id, u32::MAX);
        let highest = storage.attempt_keys.range(of_session).next_back();
        let highest = highest.map(|((_, generation), _)| *generation);
        let kept = storage.attempt_keys.get(&at).cloned();
        let key = match (attempt(of.generation, kept.is_some(), highest), kept) {
            (Attempt::Use, Some(key)) => key,
            (Attempt::Make, _) => {
                let key = new_key();
                storage.attempt_keys.insert(at, key.clone());
                key
            }
            (Attempt::Use | Attempt::Behind, _) => return Prepared::Behind,
        };
        if !storage.sent.insert(at) {
            self.tally.retries.one_more();
        }
        Prepared::Send(record.clone(), key)
    }

    async fn leaving(&self) -> Option<Vec<Secret>> {
        Some(self.storage().vault.leaving.clone())
    }

    fn with_refused<T>(&self, use_them: impl FnOnce(&mut RefusedLogouts) -> T) -> T {
        use_them(&mut self.told().refused)
    }

    async fn send_refresh(&self, token: &Secret, key: &AttemptKey) -> RefreshAnswer {
        match heard(Http.try_refresh(self.address, token, key)).await {
            Heard::Body(body) => match serde_json::from_str::<Tokens>(&body) {
                Ok(tokens) => RefreshAnswer::Tokens(Box::new(tokens)),
                Err(_) => RefreshAnswer::NoAnswer,
            },
            Heard::Problem(problem) => RefreshAnswer::Refused(problem),
            Heard::NotOurs | Heard::Silence => RefreshAnswer::NoAnswer,
        }
    }

    async fn send_logout(&self, token: &Secret) -> LogoutAnswer {
        let body = json!({"refresh_token": token.expose()});
        match heard(Http.post(self.address, paths::LOGOUT, &body)).await {
            Heard::Body(_) => LogoutAnswer::Over,
            Heard::Problem(problem) => LogoutAnswer::of(&problem),
            Heard::NotOurs | Heard::Silence => LogoutAnswer::NoAnswer,
        }
    }

    async fn probe(&self) -> bool {
        let answer = heard(Http.get(self.address, paths::HEALTHZ)).await;
        !matches!(answer, Heard::Silence)
    }
}

/// What an answer means to a client, as in `client/src/transport.rs`.
async fn heard(asking: impl Future<Output = Result<Answer, NoAnswer>>) -> Heard {
    let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asking).await else {
        return Heard::Silence;
    };
    if answer.status.is_success() {
        return Heard::Body(answer.text());
    }
    match serde_json::from_slice::<Problem>(&answer.body) {
        Ok(mut problem) if answer.header("content-type") == MEDIA_TYPE => {
            problem.retry_after = answer.header("retry-after").parse().ok();
            Heard::Problem(problem)
        }
        _ => Heard::NotOurs,
    }
}

fn wall_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now_micros() / 1000).unwrap_or(i64::MAX)
}
