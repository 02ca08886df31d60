//! One client without a browser: it carries out what the renewal machine decides.
//!
//! This file reads, writes, sends and waits, like `client/src/driver.rs`;
//! `holdfast_protocol::renewal` makes every decision. [`Storage`] contains what a real client would
//! write to disk. Only this survives a crash, and the client crashes from time to time during a
//! refresh.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context as _;
use axum::http::Method;
use holdfast_protocol::attempt_key::{Attempt, AttemptKey, attempt};
use holdfast_protocol::problem::{MEDIA_TYPE, Meaning, Problem};
use holdfast_protocol::renewal::{
    Access, Action, Change, Ending, Event, Failure, Link, Machine, Moment, Record, Stored, Vault,
    View,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::clock::Clock;
use holdfast_testkit::{Answer, Http, NoAnswer, Random, new_key};
use serde_json::json;
use tokio::sync::watch;
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

/// The data that tasks of a client share: the address of the servers, and the storage.
#[derive(Clone)]
struct Door {
    address: SocketAddr,
    storage: Arc<Mutex<Storage>>,
    tally: Arc<Tally>,
    clock: Clock,
}

/// See the module.
pub(crate) struct Client {
    number: usize,
    door: Door,
    random: Random,
    started: Instant,
    machine: Machine,
    wake: Option<Instant>,
    crash: Instant,
    tasks: JoinSet<Done>,
    call: Call,
    last_words: String,
    is_settled: bool,
}

/// The result of a task.
enum Done {
    Event(Event),
    Call { of: Link, outcome: Outcome },
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
enum Outcome {
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
        Ok(Self {
            number,
            door: Door {
                address,
                storage: Arc::new(Mutex::new(storage)),
                tally,
                clock,
            },
            random,
            started: now,
            machine: Machine::new(),
            wake: None,
            crash: now,
            tasks: JoinSet::new(),
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
            tokio::select! {
                Some(Ok(done)) = self.tasks.join_next() => self.take(done),
                () = sleep_until(self.wake.unwrap_or(call)), if self.wake.is_some() => {
                    self.wake = None;
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

    /// Starts, or starts again after a crash, from the content of storage and without requests under
    /// way. An older answer that comes now is lost.
    fn start(&mut self) {
        self.tasks.abort_all();
        self.tasks = JoinSet::new();
        self.machine = Machine::new();
        self.wake = None;
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
        for action in actions {
            self.perform(action);
        }
    }

    fn perform(&mut self, action: Action) {
        match action {
            Action::Refresh { of } => {
                let door = self.door.clone();
                self.tasks.spawn(async move { door.refresh(of).await });
            }
            Action::Change(change) => {
                let (stored, applied) = self.door.change(&change);
                self.feed(Event::Changed { stored, applied });
                if !self.door.storage().vault.leaving.is_empty() {
                    self.feed(Event::LeavingFound);
                }
            }
            Action::SendLeaving => {
                let door = self.door.clone();
                self.tasks.spawn(async move { door.send_leaving().await });
            }
            Action::Wake(after) => {
                self.wake = after.map(|ms| Instant::now() + Duration::from_millis(ms));
            }
            Action::Probe => {
                let door = self.door.clone();
                self.tasks.spawn(async move { door.probe().await });
            }
            // This client shows no messages.
            Action::Tell(_) => {}
        }
    }

    fn take(&mut self, done: Done) {
        match done {
            Done::Event(event) => {
                if let Event::NotRenewed { of, failure } = &event {
                    let generation = of.generation;
                    self.last_words = format!("{failure:?} of generation {generation}");
                }
                self.feed(event);
            }
            Done::Call { of, outcome } => self.called(of, outcome),
        }
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
                    let outcome = door.call(&token).await;
                    Done::Call { of, outcome }
                });
            }
            Access::NotNow | Access::Outdated => self.end_call(None),
            Access::Soon | Access::SignedOut => {}
        }
    }

    /// A call whose access token was refused is made once more, after a renewal.
    fn called(&mut self, of: Link, outcome: Outcome) {
        let Call::OnItsWay { begun, again } = self.call else {
            return;
        };
        match outcome {
            Outcome::Problem(problem) if problem.code.meaning() == Meaning::Renew && !again => {
                self.feed(Event::CallRefused { of });
                self.call = Call::Wanted {
                    since: Instant::now(),
                    begun,
                    again: true,
                };
            }
            Outcome::Problem(problem) if problem.code.meaning() == Meaning::SessionOver => {
                self.last_words = format!("{:?} for a call", problem.code);
                self.feed(Event::CallOver {
                    session_id: of.session_id,
                    why: Ending::of(&problem),
                });
                self.end_call(None);
            }
            Outcome::Silence => {
                self.feed(Event::Unreachable);
                self.end_call(None);
            }
            Outcome::Problem(_) | Outcome::NotOurs => {
                self.feed(Event::Reached);
                self.end_call(None);
            }
            Outcome::Body(_) => {
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

    /// One refresh. The step that sends it also reads storage, and the attempt key is in storage
    /// before anything is sent.
    async fn refresh(&self, of: Link) -> Done {
        let not_renewed = |failure| Done::Event(Event::NotRenewed { of, failure });
        let (token, key) = match self.compose(of) {
            Ok(composed) => composed,
            Err(failure) => return not_renewed(failure),
        };
        let sent_at = wall_ms(&self.clock);
        let asking = Http.try_refresh(self.address, &token, &key);
        match outcome_of(asking).await {
            Outcome::Body(body) => {
                let tokens = serde_json::from_str::<Tokens>(&body).ok();
                match tokens.and_then(|tokens| Record::new(&tokens, true, sent_at)) {
                    Some(record) => {
                        let (stored, _) = self.change(&Change::Renew { record });
                        Done::Event(Event::Renewed { of, stored })
                    }
                    None => not_renewed(Failure::Later { retry_after: None }),
                }
            }
            Outcome::Problem(problem) => not_renewed(Failure::of(&problem)),
            Outcome::NotOurs | Outcome::Silence => {
                not_renewed(Failure::Later { retry_after: None })
            }
        }
    }

    fn change(&self, change: &Change) -> (Stored, bool) {
        let vault = &mut self.storage().vault;
        let applied = vault.apply(change);
        (vault.stored.clone(), applied)
    }

    async fn send_leaving(&self) -> Done {
        let leaving = self.storage().vault.leaving.clone();
        let mut all = true;
        for token in leaving {
            let body = json!({"refresh_token": token.expose()});
            let asking = Http.post(self.address, paths::LOGOUT, &body);
            let is_done = matches!(outcome_of(asking).await, Outcome::Body(_));
            if is_done {
                self.change(&Change::Left(token));
            }
            all &= is_done;
        }
        Done::Event(Event::LeavingSent { all })
    }

    fn compose(&self, of: Link) -> Result<(Secret, AttemptKey), Failure> {
        let mut storage = self.storage();
        let record = storage.vault.stored.record().filter(|it| it.link() == of);
        let token = record.ok_or(Failure::Moved)?.refresh_token.clone();
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
            (Attempt::Use | Attempt::Behind, _) => return Err(Failure::Behind),
        };
        if !storage.sent.insert(at) {
            self.tally.retries.one_more();
        }
        Ok((token, key))
    }

    async fn call(&self, token: &Secret) -> Outcome {
        outcome_of(Http.call_with(token, Method::GET, self.address, paths::ACCOUNT, None)).await
    }

    async fn probe(&self) -> Done {
        let answer = outcome_of(Http.get(self.address, paths::HEALTHZ)).await;
        Done::Event(match answer {
            Outcome::Silence => Event::Unreachable,
            _ => Event::ProbeAnswered,
        })
    }
}

/// What an answer means to a client, as in `client/src/transport.rs`.
async fn outcome_of(asking: impl Future<Output = Result<Answer, NoAnswer>>) -> Outcome {
    let Ok(Ok(answer)) = tokio::time::timeout(PATIENCE, asking).await else {
        return Outcome::Silence;
    };
    if answer.status.is_success() {
        return Outcome::Body(answer.body);
    }
    match serde_json::from_str::<Problem>(&answer.body) {
        Ok(mut problem) if answer.header("content-type") == MEDIA_TYPE => {
            problem.retry_after = answer.header("retry-after").parse().ok();
            Outcome::Problem(problem)
        }
        _ => Outcome::NotOurs,
    }
}

fn wall_ms(clock: &Clock) -> i64 {
    i64::try_from(clock.now_micros() / 1000).unwrap_or(i64::MAX)
}
