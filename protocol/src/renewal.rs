//! The client's decision: how one browser tab keeps a session alive.
//!
//! [`Machine::on`] takes what happened and when, and answers the next state and
//! what is to be done. It does no I/O, asks no clock and draws no randomness, so
//! every interleaving of tabs, lost answers and crashes can be tried natively.
//! The driver in `app/src/session` only carries out [`Action`]s, in their order.
//!
//! # What it promises
//!
//! - At most one refresh of a tab is on its way.
//! - A record is only ever replaced by a later generation of the same session, or
//!   by a sign-in. An answer that comes after a sign-out, or after another person
//!   signed in, changes nothing.
//! - The tokens are cleared only on a definitive answer of Holdfast's own, or on a
//!   conflict that has become final. Anything else keeps them and waits.
//! - New tokens are stored before anybody uses them.
//! - A call is repeated at most once, by its caller; nothing here loops without
//!   waiting.
//!
//! # Time
//!
//! Nothing compares the browser's clock with the server's. An access token is
//! used for `expires_in` as measured by the browser's own elapsed time: the
//! page's running clock where the token was obtained in this page's life, the
//! difference of two readings of the wall clock otherwise. A wall clock that is
//! years off cancels out; one that is set while we run costs one extra refresh.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::problem::{Code, Meaning, Problem};
use crate::refresh_token::UnverifiedRefreshToken;
use crate::secret::Secret;
use crate::wire::Tokens;

/// The version of [`Record`] that this code writes.
pub const RECORD_VERSION: u32 = 1;

/// A conflict is not final before the record has stood still for this long.
pub const CONFLICT_PATIENCE_MS: u64 = 60_000;

/// A conflict is not final before this many attempts met one.
pub const CONFLICT_ATTEMPTS: u32 = 3;

/// The longest pause between two attempts while the server cannot be reached.
const LONGEST_PAUSE_MS: u64 = 60_000;

/// The longest pause between two attempts that meet a conflict. Short enough that
/// a theft is noticed within about a minute.
const LONGEST_CONFLICT_PAUSE_MS: u64 = 15_000;

/// The shortest pause of all, so that a dice of zero is not a busy loop.
const SHORTEST_PAUSE_MS: u64 = 250;

/// How far the wall clock may run backwards between two readings and still be
/// believed. Clocks are corrected by seconds all the time.
const CLOCK_SLACK_MS: i64 = 10_000;

/// One link in a session's chain of refresh tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Link {
    /// The session.
    pub session_id: Uuid,
    /// The link number.
    pub generation: u32,
}

/// What the browser keeps: written with one `setItem`, so that a crash leaves
/// either the old pair of tokens or the new one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// [`RECORD_VERSION`]; a tab leaves a later version alone.
    pub version: u32,
    /// The session.
    pub session_id: Uuid,
    /// The link number of `refresh_token`.
    pub generation: u32,
    /// The bearer token of calls.
    pub access_token: Secret,
    /// The token of the next refresh.
    pub refresh_token: Secret,
    /// The browser's own clock when the answer arrived, in Unix seconds (a
    /// fraction in JSON, milliseconds here). Never compared with a server's time.
    #[serde(with = "seconds")]
    pub obtained_at: i64,
    /// Seconds for which the access token is good, from then on.
    pub expires_in: u64,
    /// Seconds until the session is over for good, from then on.
    pub refresh_expires_in: u64,
    /// Seconds until the session is over unless it is renewed, from then on.
    pub refresh_idle_expires_in: u64,
    /// Whether the session outlives the browser's run.
    pub remember: bool,
}

/// Unix milliseconds in Rust, seconds with a fraction in JSON.
mod seconds {
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(ms: &i64, to: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_precision_loss, reason = "exact for 280,000 years")]
        to.serialize_f64(*ms as f64 / 1000.0)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "the cast saturates")]
        f64::deserialize(from).map(|seconds| (seconds * 1000.0).round() as i64)
    }
}

impl Record {
    /// The record of an answer. `None` when its refresh token is not one, or is
    /// another session's: such an answer is not of Holdfast.
    pub fn new(tokens: &Tokens, remember: bool, obtained_at: i64) -> Option<Self> {
        let token = UnverifiedRefreshToken::parse(tokens.refresh_token.expose()).ok()?;
        (token.session_id() == tokens.session_id).then(|| Self {
            version: RECORD_VERSION,
            session_id: tokens.session_id,
            generation: token.generation(),
            access_token: tokens.access_token.clone(),
            refresh_token: tokens.refresh_token.clone(),
            obtained_at,
            expires_in: tokens.expires_in,
            refresh_expires_in: tokens.refresh_expires_in,
            refresh_idle_expires_in: tokens.refresh_idle_expires_in,
            remember,
        })
    }

    /// The link in the chain that its refresh token is.
    pub fn link(&self) -> Link {
        Link {
            session_id: self.session_id,
            generation: self.generation,
        }
    }
}

/// Whether an answer to a renewal may be written over what storage holds. This is
/// the compare of every compare-and-set: the same session, and never back.
pub fn may_replace(stored: Option<&Record>, new: &Record) -> bool {
    stored.is_some_and(|stored| {
        stored.session_id == new.session_id && stored.generation <= new.generation
    })
}

/// What to do about the attempt key of a link, given those in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attempt {
    /// It has one: this is the same attempt again.
    Use,
    /// It has none and may get one.
    Make,
    /// This browser has spent later links: storage has gone back in time, and the
    /// token must not be sent as if it were new.
    Behind,
}

/// Decides about the attempt key of link number `generation`. `highest` is the
/// highest link number that has a key in this browser.
pub fn attempt(generation: u32, has_key: bool, highest: Option<u32>) -> Attempt {
    match highest {
        Some(highest) if highest >= generation.saturating_add(2) => Attempt::Behind,
        _ if has_key => Attempt::Use,
        Some(highest) if highest > generation => Attempt::Behind,
        _ => Attempt::Make,
    }
}

/// When something happened, and the dice of that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, in Unix milliseconds. It may be wrong, and may be set.
    pub wall_ms: i64,
    /// Milliseconds since the page started. It never goes back, but may stand
    /// still while the machine sleeps.
    pub running_ms: u64,
    /// A random number, fresh for each event, for jitter.
    pub dice: u32,
}

impl Moment {
    /// The dice as a number from zero up to `limit`.
    fn up_to(self, limit: u64) -> u64 {
        u64::try_from(u128::from(limit) * u128::from(self.dice) / u128::from(u32::MAX))
            .unwrap_or(limit)
    }
}

/// Why nobody is signed in any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// The person signed out in this tab.
    SignedOut,
    /// The person signed out in another tab.
    SignedOutElsewhere,
    /// Its time was over.
    Expired,
    /// It was ended from elsewhere: another browser, a changed password.
    Ended,
    /// A copy of its token was used.
    Reused,
    /// A conflict that has become final: something else holds a later token.
    Conflict,
    /// The server knows no such token.
    TokenUnknown,
    /// The account is disabled.
    AccountDisabled,
    /// The person asked not to be remembered, and the browser was closed.
    BrowserClosed,
}

impl Ending {
    /// The ending that a definitive answer means.
    fn of(code: Code) -> Self {
        match code {
            Code::RefreshTokenExpired => Self::Expired,
            Code::RefreshTokenReused => Self::Reused,
            Code::RefreshTokenInvalid => Self::TokenUnknown,
            Code::AccountDisabled => Self::AccountDisabled,
            _ => Self::Ended,
        }
    }

    /// What another tab is to say about it.
    fn seen_from_another_tab(self) -> Self {
        match self {
            Self::SignedOut => Self::SignedOutElsewhere,
            other => other,
        }
    }
}

/// Something the person should know that is not an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Storage is blocked or full: the session lives in this tab only.
    ThisTabOnly,
}

/// How a refresh went that brought no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A definitive answer: the session is over.
    Over(Ending),
    /// The server does not know this very token.
    TokenUnknown,
    /// The token was spent by somebody faster.
    Conflict {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// No answer, or one that says nothing about the session.
    Later {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// Nothing was sent: storage holds another record by now.
    Moved,
    /// Nothing was sent: see [`Attempt::Behind`].
    Behind,
}

impl Failure {
    /// What an error answer to a refresh means. Everything that Holdfast did not
    /// say in its own words, or that does not speak of the session, is `Later`.
    pub fn of(problem: &Problem) -> Self {
        let retry_after = problem.retry_after;
        match problem.code.meaning() {
            Meaning::SessionOver => Self::Over(Ending::of(problem.code)),
            Meaning::TokenUnknown => Self::TokenUnknown,
            Meaning::Conflict => Self::Conflict { retry_after },
            Meaning::Renew | Meaning::Later | Meaning::Request => Self::Later { retry_after },
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The page has started, and this is what storage holds.
    Start {
        /// The record in storage.
        stored: Option<Record>,
        /// Whether anybody can see the page.
        visible: bool,
    },
    /// Storage was read, because another tab changed it or to be sure.
    Stored {
        /// The record in storage.
        stored: Option<Record>,
        /// Why it is gone, as the tab that removed it wrote down.
        ending: Option<Ending>,
    },
    /// Somebody wants to make a call and needs an access token.
    CallWanted,
    /// A call was answered with a code that means [`Meaning::Renew`].
    CallRefused {
        /// The link whose access token it carried.
        of: Link,
    },
    /// A call was answered with a code that means [`Meaning::SessionOver`].
    CallOver {
        /// The session it was made for.
        session_id: Uuid,
        /// The code.
        code: Code,
    },
    /// A call, or a look at the server, got no answer at all.
    Unreachable,
    /// The server has answered a call.
    Reached,
    /// The server has answered [`Action::Probe`].
    ProbeAnswered,
    /// A refresh brought new tokens.
    Renewed {
        /// The link that was spent.
        of: Link,
        /// What to keep.
        record: Record,
    },
    /// A refresh brought none.
    NotRenewed {
        /// The link that was presented.
        of: Link,
        /// How it went.
        failure: Failure,
    },
    /// The time of [`Action::Wake`] has come.
    Timer,
    /// The page came into sight, or went out of it.
    Visible(bool),
    /// The browser believes that it has a network again.
    Online,
    /// A sign-in or a sign-up brought the tokens of a new session.
    SignedIn {
        /// What to keep.
        record: Record,
    },
    /// A change of the password ended a session and brought the tokens of a new one.
    PasswordChanged {
        /// The session that asked for it.
        session_id: Uuid,
        /// What to keep, if nobody has signed in or out meanwhile.
        record: Record,
    },
    /// The person wants to sign out.
    SignOut {
        /// Usually [`Ending::SignedOut`].
        why: Ending,
    },
    /// Storage would not take the record; the driver now keeps it in memory.
    StorageFailed,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// Compose a refresh from storage and send it, if storage still holds this
    /// link. Answer with [`Event::Renewed`] or [`Event::NotRenewed`], always.
    Refresh {
        /// The link to spend.
        of: Link,
    },
    /// Write the record, if [`may_replace`] says so; else read storage again.
    Store(Record),
    /// Write the record, whatever storage holds.
    StoreNew(Record),
    /// Remove the record, if it is this session's.
    Clear {
        /// The session that is over.
        session_id: Uuid,
        /// Written down for the other tabs.
        why: Ending,
    },
    /// Remove the record, if storage still holds this very link; else read storage
    /// again.
    ClearLink {
        /// The link.
        of: Link,
        /// Written down for the other tabs.
        why: Ending,
        /// Whether to end the session on the server with the token removed.
        leave: bool,
    },
    /// End a session on the server with this token, now or once it can be reached.
    Leave(Secret),
    /// Send [`Event::Timer`] after this many milliseconds, and not at any earlier
    /// set time; never, for `None`.
    Wake(Option<u64>),
    /// Tell the other tabs to read storage.
    Broadcast,
    /// Ask the server for a sign of life; answer with [`Event::ProbeAnswered`] or
    /// [`Event::Unreachable`].
    Probe,
    /// Tell the person.
    Tell(Notice),
}

/// What a call may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Use this access token.
    Ready {
        /// Where it comes from.
        of: Link,
        /// The token.
        token: Secret,
    },
    /// Wait for the next event: a renewal is on its way, or the page just starts.
    Soon,
    /// The server cannot be reached; fail, and keep the session.
    NotNow,
    /// Nobody is signed in.
    SignedOut,
}

/// What the person is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Not known yet: the server's rendering and the browser's first one.
    Unknown,
    /// Nobody is signed in.
    Anonymous {
        /// Why not any more.
        ending: Option<Ending>,
    },
    /// Somebody is.
    SignedIn {
        /// The session.
        session_id: Uuid,
        /// A renewal has to wait for the server or the network.
        reconnecting: bool,
    },
}

/// The record as this tab holds it, with the age of its access token.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Held {
    record: Record,
    /// How old the access token was, as far as anybody can tell, …
    age_ms: u64,
    /// … when this tab took the record up.
    since_ms: u64,
    /// The age at which a visible tab renews without being asked.
    renew_at_age_ms: u64,
    /// The server has refused this access token.
    refused: bool,
}

impl Held {
    fn new(record: Record, at: Moment) -> Self {
        let lifetime = record.expires_in.saturating_mul(1000);
        let elapsed = at.wall_ms.saturating_sub(record.obtained_at);
        // A token from the future: the clock was set back, its age is unknown.
        let age_ms = match u64::try_from(elapsed) {
            Ok(age) => age,
            Err(_) if elapsed >= -CLOCK_SLACK_MS => 0,
            Err(_) => lifetime,
        };
        // Not all at the same moment: 80 to 90 per cent of the lifetime.
        let renew_at_age_ms = lifetime / 10 * 8 + at.up_to(lifetime / 10);
        Self {
            record,
            age_ms,
            since_ms: at.running_ms,
            renew_at_age_ms,
            refused: false,
        }
    }

    /// The age of the access token. The running clock may have slept, so the wall
    /// clock is asked as well; the larger answer counts.
    fn age(&self, at: Moment) -> u64 {
        let running = self.age_ms + at.running_ms.saturating_sub(self.since_ms);
        let wall = at.wall_ms.saturating_sub(self.record.obtained_at);
        running.max(u64::try_from(wall).unwrap_or(0))
    }

    /// Whether the access token is too old to be sent. A little early, so that it
    /// does not expire on its way.
    fn is_over(&self, at: Moment) -> bool {
        let lifetime = self.record.expires_in.saturating_mul(1000);
        let margin = (lifetime / 20).min(5000);
        self.refused || self.age(at) + margin >= lifetime
    }

    fn is_due(&self, at: Moment) -> bool {
        self.due_in(at) == 0
    }

    /// Milliseconds until a visible tab renews without being asked.
    fn due_in(&self, at: Moment) -> u64 {
        if self.is_over(at) {
            return 0;
        }
        self.renew_at_age_ms.saturating_sub(self.age(at))
    }
}

/// A renewal that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Pause {
    /// Consecutive attempts that failed.
    failures: u32,
    /// How many of them met a conflict, …
    conflicts: u32,
    /// … and when the first one did.
    first_conflict_ms: u64,
    /// The last one met a conflict.
    in_conflict: bool,
    /// When to try again.
    until_ms: u64,
    /// Not before this, whatever happens: the server asked for it.
    not_before_ms: u64,
}

/// The state of one tab.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Machine {
    started: bool,
    visible: bool,
    held: Option<Held>,
    ending: Option<Ending>,
    /// The link of the one refresh on its way.
    in_flight: Option<Link>,
    pause: Option<Pause>,
    /// Calls get no answer although the access token is good: when to look again.
    lost_until_ms: Option<u64>,
    /// How often in a row that happened. A look that succeeds does not reset it,
    /// only a call does: a call that alone never gets through is no busy loop.
    lost_in_a_row: u32,
    wake_at_ms: Option<u64>,
}

impl Machine {
    /// A tab that has not looked into storage.
    pub fn new() -> Self {
        Self::default()
    }

    /// What the person is shown.
    pub fn view(&self) -> View {
        match &self.held {
            _ if !self.started => View::Unknown,
            None => View::Anonymous {
                ending: self.ending,
            },
            Some(held) => View::SignedIn {
                session_id: held.record.session_id,
                reconnecting: self.pause.is_some_and(|pause| !pause.in_conflict)
                    || self.lost_until_ms.is_some(),
            },
        }
    }

    /// The record that this tab holds.
    pub fn record(&self) -> Option<&Record> {
        self.held.as_ref().map(|held| &held.record)
    }

    /// What a call may do now. Send [`Event::CallWanted`] first.
    pub fn access(&self, at: Moment) -> Access {
        let Some(held) = &self.held else {
            return if self.started {
                Access::SignedOut
            } else {
                Access::Soon
            };
        };
        if !held.is_over(at) {
            return Access::Ready {
                of: held.record.link(),
                token: held.record.access_token.clone(),
            };
        }
        match self.pause {
            Some(pause) if !pause.in_conflict && self.in_flight.is_none() => Access::NotNow,
            _ => Access::Soon,
        }
    }

    /// Takes in what happened and says what is to be done.
    #[must_use]
    pub fn on(mut self, event: Event, at: Moment) -> (Self, Vec<Action>) {
        let mut actions = Vec::new();
        self.take(event, at, &mut actions);
        self.renew_if_due(at, &mut actions);
        let wake_at = self.next_look(at);
        if wake_at != self.wake_at_ms {
            self.wake_at_ms = wake_at;
            actions.push(Action::Wake(
                wake_at.map(|ms| ms.saturating_sub(at.running_ms)),
            ));
        }
        (self, actions)
    }

    fn take(&mut self, event: Event, at: Moment, actions: &mut Vec<Action>) {
        match event {
            Event::Start { stored, visible } => {
                self.started = true;
                self.visible = visible;
                self.hold(stored, at);
            }
            Event::Stored { stored, ending } => {
                self.see(stored, ending, at, actions);
            }
            Event::CallWanted => {
                if self.held.as_ref().is_some_and(|held| held.is_over(at)) {
                    self.renew(at, actions);
                }
            }
            Event::CallRefused { of } => {
                if let Some(held) = &mut self.held
                    && held.record.link() == of
                {
                    held.refused = true;
                    self.renew(at, actions);
                }
            }
            Event::CallOver { session_id, code } => {
                self.end(session_id, Ending::of(code), actions);
            }
            Event::Unreachable => self.lose_sight(at),
            Event::Reached => self.found(),
            Event::ProbeAnswered => self.lost_until_ms = None,
            Event::Renewed { of, record } => {
                self.renewed(of, record, at, actions);
            }
            Event::NotRenewed { of, failure } => self.not_renewed(of, failure, at, actions),
            Event::Timer => {
                self.wake_at_ms = None;
                if self.visible && self.lost_until_ms.is_some_and(|ms| ms <= at.running_ms) {
                    self.probe(at, actions);
                }
            }
            Event::Visible(visible) => {
                self.visible = visible;
                if visible {
                    self.hurry(at, actions);
                }
            }
            Event::Online => self.hurry(at, actions),
            Event::SignedIn { record } => self.signed_in(record, at, actions),
            Event::PasswordChanged { session_id, record } => {
                self.password_changed(session_id, record, at, actions);
            }
            Event::SignOut { why } => {
                if let Some(held) = &self.held {
                    let session_id = held.record.session_id;
                    actions.push(Action::Leave(held.record.refresh_token.clone()));
                    self.end(session_id, why, actions);
                }
            }
            Event::StorageFailed => actions.push(Action::Tell(Notice::ThisTabOnly)),
        }
    }

    /// Takes up what storage holds, and forgets what belonged to the record before.
    fn hold(&mut self, record: Option<Record>, at: Moment) {
        self.held = record.map(|record| Held::new(record, at));
        self.pause = None;
    }

    fn see(
        &mut self,
        stored: Option<Record>,
        ending: Option<Ending>,
        at: Moment,
        actions: &mut Vec<Action>,
    ) {
        let held = self.held.as_ref().map(|held| &held.record);
        match (held, stored) {
            (None, None) => {}
            (Some(_), None) => {
                self.hold(None, at);
                self.ending =
                    Some(ending.map_or(Ending::SignedOutElsewhere, Ending::seen_from_another_tab));
            }
            (Some(held), Some(stored)) if *held == stored => {}
            // A slower tab has written an older link over ours: put it right.
            (Some(held), Some(stored))
                if held.session_id == stored.session_id && held.generation > stored.generation =>
            {
                actions.push(Action::Store(held.clone()));
            }
            (_, Some(stored)) => {
                self.hold(Some(stored), at);
                self.ending = None;
            }
        }
    }

    /// Nobody is signed in any more, if this was our session.
    fn end(&mut self, session_id: Uuid, why: Ending, actions: &mut Vec<Action>) {
        if self.session_id() != Some(session_id) {
            return;
        }
        self.forget(why);
        actions.push(Action::Clear { session_id, why });
        actions.push(Action::Broadcast);
    }

    fn forget(&mut self, why: Ending) {
        self.held = None;
        self.pause = None;
        self.found();
        self.ending = Some(why);
    }

    fn session_id(&self) -> Option<Uuid> {
        self.held.as_ref().map(|held| held.record.session_id)
    }

    fn signed_in(&mut self, record: Record, at: Moment, actions: &mut Vec<Action>) {
        if let Some(held) = &self.held
            && held.record.session_id != record.session_id
        {
            actions.push(Action::Leave(held.record.refresh_token.clone()));
        }
        self.store_new(record, at, actions);
    }

    /// The new session takes the place of the one that asked for it, and of no other.
    /// The old one is over on the server, and a tab may have heard of that before the
    /// answer came. But whoever signed out meanwhile stays signed out, and whoever
    /// signed in stays signed in: then the new session is ended.
    fn password_changed(
        &mut self,
        session_id: Uuid,
        record: Record,
        at: Moment,
        actions: &mut Vec<Action>,
    ) {
        let is_its_place = match self.session_id() {
            Some(held) => held == session_id,
            None => self.ending == Some(Ending::Ended),
        };
        if is_its_place {
            self.store_new(record, at, actions);
        } else {
            actions.push(Action::Leave(record.refresh_token));
        }
    }

    fn store_new(&mut self, record: Record, at: Moment, actions: &mut Vec<Action>) {
        actions.push(Action::StoreNew(record.clone()));
        actions.push(Action::Broadcast);
        self.hold(Some(record), at);
        self.found();
        self.ending = None;
    }

    fn renewed(&mut self, of: Link, record: Record, at: Moment, actions: &mut Vec<Action>) {
        if self.in_flight == Some(of) {
            self.in_flight = None;
        }
        let current = self.held.as_ref().map(|held| &held.record);
        if !may_replace(current, &record) {
            return;
        }
        actions.push(Action::Store(record.clone()));
        actions.push(Action::Broadcast);
        self.hold(Some(record), at);
        self.found();
    }

    fn not_renewed(&mut self, of: Link, failure: Failure, at: Moment, actions: &mut Vec<Action>) {
        if self.in_flight == Some(of) {
            self.in_flight = None;
        }
        // An answer about a link that is no longer ours speaks of the session at
        // most, never of the record.
        let ours = self.held.as_ref().filter(|held| held.record.link() == of);
        let is_ours = ours.is_some();
        // Another tab may have brought a fresh access token for the same link, by
        // repeating our refresh. Then there is nothing to wait for.
        let is_wanted = ours.is_some_and(|held| held.is_due(at));
        match failure {
            Failure::Over(why) => self.end(of.session_id, why, actions),
            Failure::TokenUnknown if is_ours => {
                self.forget(Ending::TokenUnknown);
                actions.push(Action::ClearLink {
                    of,
                    why: Ending::TokenUnknown,
                    leave: false,
                });
                actions.push(Action::Broadcast);
            }
            Failure::Conflict { retry_after } if is_wanted => {
                self.conflict(of, retry_after, at, actions);
            }
            // Storage may show an old value for a moment, for instance to a tab
            // that was frozen. So this, too, must stand still before it is final.
            Failure::Behind if is_wanted => self.conflict(of, None, at, actions),
            Failure::Later { retry_after } if is_wanted => {
                let limit = LONGEST_PAUSE_MS;
                self.wait(retry_after, limit, at).in_conflict = false;
            }
            // Nothing to wait for: whatever storage holds now has its own turn.
            _ => {}
        }
    }

    fn conflict(
        &mut self,
        of: Link,
        retry_after: Option<u32>,
        at: Moment,
        actions: &mut Vec<Action>,
    ) {
        let pause = self.wait(retry_after, LONGEST_CONFLICT_PAUSE_MS, at);
        if pause.conflicts == 0 {
            pause.first_conflict_ms = at.running_ms;
        }
        pause.conflicts += 1;
        pause.in_conflict = true;
        let stood_still = at.running_ms.saturating_sub(pause.first_conflict_ms);
        if pause.conflicts >= CONFLICT_ATTEMPTS && stood_still >= CONFLICT_PATIENCE_MS {
            self.forget(Ending::Conflict);
            actions.push(Action::ClearLink {
                of,
                why: Ending::Conflict,
                leave: true,
            });
            actions.push(Action::Broadcast);
        }
    }

    /// Notes a failed attempt and when the next one may be: full jitter below a
    /// limit that doubles, and never before the server's `Retry-After`.
    fn wait(&mut self, retry_after: Option<u32>, limit: u64, at: Moment) -> &mut Pause {
        let pause = self.pause.get_or_insert(Pause {
            failures: 0,
            conflicts: 0,
            first_conflict_ms: 0,
            in_conflict: false,
            until_ms: 0,
            not_before_ms: 0,
        });
        pause.not_before_ms = at.running_ms + u64::from(retry_after.unwrap_or(0)) * 1000;
        let jitter = pause_ms(pause.failures, limit, at);
        pause.until_ms = (at.running_ms + jitter).max(pause.not_before_ms);
        pause.failures = pause.failures.saturating_add(1);
        pause
    }

    fn lose_sight(&mut self, at: Moment) {
        if self.held.is_none() {
            return;
        }
        let pause = 500 + pause_ms(self.lost_in_a_row, LONGEST_PAUSE_MS, at);
        self.lost_until_ms = Some(at.running_ms + pause);
        self.lost_in_a_row = self.lost_in_a_row.saturating_add(1);
    }

    fn found(&mut self) {
        self.lost_until_ms = None;
        self.lost_in_a_row = 0;
    }

    /// Looks whether the server is there; the next look comes with its answer, or
    /// in a minute without one.
    fn probe(&mut self, at: Moment, actions: &mut Vec<Action>) {
        actions.push(Action::Probe);
        self.lost_until_ms = Some(at.running_ms + LONGEST_PAUSE_MS);
    }

    /// The person is looking, or the network is back: do not wait for the jitter.
    fn hurry(&mut self, at: Moment, actions: &mut Vec<Action>) {
        if let Some(pause) = &mut self.pause {
            pause.until_ms = at.running_ms.max(pause.not_before_ms);
        }
        if self.lost_until_ms.is_some() {
            self.probe(at, actions);
        }
    }

    /// Renews without being asked: while somebody looks, or to settle a conflict.
    fn renew_if_due(&mut self, at: Moment, actions: &mut Vec<Action>) {
        let Some(held) = &self.held else { return };
        let wanted = self.visible || self.pause.is_some_and(|pause| pause.in_conflict);
        if wanted && held.is_due(at) {
            self.renew(at, actions);
        }
    }

    /// Sends a refresh, unless one is on its way or has to wait.
    fn renew(&mut self, at: Moment, actions: &mut Vec<Action>) {
        let Some(held) = &self.held else { return };
        let waits = self
            .pause
            .is_some_and(|pause| pause.until_ms > at.running_ms);
        if self.in_flight.is_some() || waits {
            return;
        }
        let of = held.record.link();
        self.in_flight = Some(of);
        actions.push(Action::Refresh { of });
    }

    /// When to look again without being asked.
    fn next_look(&self, at: Moment) -> Option<u64> {
        let held = self.held.as_ref()?;
        let in_conflict = self.pause.is_some_and(|pause| pause.in_conflict);
        if self.in_flight.is_some() || !(self.visible || in_conflict) {
            return None;
        }
        // Never before it is due: a timer that finds nothing to do would be set
        // again at once.
        let due = at.running_ms + held.due_in(at);
        let renewal = self.pause.map_or(due, |pause| pause.until_ms.max(due));
        Some(self.lost_until_ms.map_or(renewal, |ms| ms.min(renewal)))
    }
}

/// Full jitter: anything from nothing to one second, doubled with each failure.
fn pause_ms(failures: u32, limit: u64, at: Moment) -> u64 {
    let ceiling = 1000_u64.saturating_mul(1 << failures.min(16)).min(limit);
    at.up_to(ceiling).max(SHORTEST_PAUSE_MS)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    /// The wall clock when the page started.
    const START: i64 = 1_764_000_000_000;

    fn at(ms: u64) -> Moment {
        Moment {
            wall_ms: START + i64::try_from(ms).unwrap(),
            running_ms: ms,
            dice: u32::MAX / 2,
        }
    }

    /// A record obtained as the page started; its access token lives 300 s.
    fn record(session_id: Uuid, generation: u32) -> Record {
        Record {
            version: RECORD_VERSION,
            session_id,
            generation,
            access_token: Secret::from(format!("access {generation}")),
            refresh_token: Secret::from(format!("refresh {generation}")),
            obtained_at: START,
            expires_in: 300,
            refresh_expires_in: 7_776_000,
            refresh_idle_expires_in: 2_592_000,
            remember: true,
        }
    }

    fn obtained(generation: u32, ms: u64) -> Record {
        Record {
            obtained_at: at(ms).wall_ms,
            ..record(SESSION, generation)
        }
    }

    fn link(generation: u32) -> Link {
        Link {
            session_id: SESSION,
            generation,
        }
    }

    fn started(stored: Option<Record>) -> Machine {
        let start = Event::Start {
            stored,
            visible: true,
        };
        Machine::new().on(start, at(0)).0
    }

    fn feed(machine: Machine, event: Event, ms: u64) -> (Machine, Vec<Action>) {
        let (machine, mut actions) = machine.on(event, at(ms));
        actions.retain(|action| !matches!(action, Action::Wake(_)));
        (machine, actions)
    }

    /// Generation 3 with an access token that is over, and its refresh on its way.
    fn renewing() -> Machine {
        let (machine, actions) = feed(
            started(Some(record(SESSION, 3))),
            Event::CallWanted,
            400_000,
        );
        assert_eq!(actions, [Action::Refresh { of: link(3) }]);
        machine
    }

    fn fail(machine: Machine, failure: Failure, ms: u64) -> (Machine, Vec<Action>) {
        feed(
            machine,
            Event::NotRenewed {
                of: link(3),
                failure,
            },
            ms,
        )
    }

    fn ending(machine: &Machine) -> Option<Ending> {
        match machine.view() {
            View::Anonymous { ending } => ending,
            view => panic!("{view:?}"),
        }
    }

    fn is_signed_in(machine: &Machine) -> bool {
        matches!(machine.view(), View::SignedIn { .. })
    }

    fn is_reconnecting(machine: &Machine) -> bool {
        matches!(machine.view(), View::SignedIn { reconnecting, .. } if reconnecting)
    }

    #[test]
    fn nothing_is_known_before_the_start() {
        assert_eq!(Machine::new().view(), View::Unknown);
        assert_eq!(Machine::new().access(at(0)), Access::Soon);
        assert_eq!(started(None).view(), View::Anonymous { ending: None });
        assert_eq!(started(None).access(at(0)), Access::SignedOut);
    }

    #[test]
    fn a_good_access_token_is_used_without_a_refresh() {
        let machine = started(Some(record(SESSION, 3)));
        let (machine, actions) = feed(machine, Event::CallWanted, 200_000);
        assert!(actions.is_empty());
        assert!(matches!(machine.access(at(200_000)), Access::Ready { of, .. } if of == link(3)));
    }

    #[test]
    fn calls_that_wait_share_one_refresh() {
        let mut machine = renewing();
        for _ in 0..20 {
            let (next, actions) = feed(machine, Event::CallWanted, 400_001);
            assert!(actions.is_empty());
            assert_eq!(next.access(at(400_001)), Access::Soon);
            machine = next;
        }
    }

    #[test]
    fn new_tokens_are_stored_before_they_are_used_or_told() {
        let new = obtained(4, 400_100);
        let renewed = Event::Renewed {
            of: link(3),
            record: new.clone(),
        };
        let (machine, actions) = feed(renewing(), renewed, 400_100);
        assert_eq!(actions, [Action::Store(new), Action::Broadcast]);
        assert!(matches!(machine.access(at(400_200)), Access::Ready { of, .. } if of == link(4)));
    }

    #[test]
    fn a_refused_access_token_is_renewed_once_and_only_if_it_is_still_ours() {
        for (refused, expected) in [
            (link(3), vec![Action::Refresh { of: link(3) }]),
            (link(2), vec![]),
            (
                Link {
                    session_id: OTHER,
                    generation: 3,
                },
                vec![],
            ),
        ] {
            let machine = started(Some(record(SESSION, 3)));
            let (machine, actions) = feed(machine, Event::CallRefused { of: refused }, 10);
            assert_eq!(actions, expected);
            let (_, again) = feed(machine, Event::CallRefused { of: refused }, 20);
            assert!(again.is_empty());
        }
    }

    #[test]
    fn a_visible_page_renews_at_eighty_to_ninety_per_cent() {
        for (dice, earliest) in [(0, 240_000), (u32::MAX / 2, 255_000), (u32::MAX, 270_000)] {
            let start = Event::Start {
                stored: Some(record(SESSION, 3)),
                visible: true,
            };
            let moment = Moment { dice, ..at(0) };
            let (machine, actions) = Machine::new().on(start, moment);
            let [Action::Wake(Some(wake))] = actions[..] else {
                panic!("{actions:?}");
            };
            assert!(wake.abs_diff(earliest) <= 1, "{wake}");
            let (_, early) = feed(machine.clone(), Event::Timer, wake - 10);
            assert!(early.is_empty());
            let (_, due) = feed(machine, Event::Timer, wake);
            assert_eq!(due, [Action::Refresh { of: link(3) }]);
        }
    }

    #[test]
    fn a_hidden_page_renews_when_it_is_looked_at_or_calls() {
        let start = Event::Start {
            stored: Some(record(SESSION, 3)),
            visible: false,
        };
        let (machine, actions) = Machine::new().on(start, at(0));
        assert!(actions.is_empty());
        let (machine, actions) = feed(machine, Event::Timer, 3_600_000);
        assert!(actions.is_empty());
        for event in [Event::Visible(true), Event::CallWanted] {
            let (_, actions) = feed(machine.clone(), event, 3_600_000);
            assert_eq!(actions, [Action::Refresh { of: link(3) }]);
        }
    }

    #[test]
    fn only_elapsed_time_counts() {
        const TEN_YEARS: i64 = 315_360_000_000;
        // (offset of the wall clock at the start, at the call, milliseconds between)
        for (before, after, elapsed, refreshes) in [
            (0, 0, 10_000, false),
            (TEN_YEARS, TEN_YEARS, 10_000, false),
            (-TEN_YEARS, -TEN_YEARS, 10_000, false),
            (-TEN_YEARS, -TEN_YEARS, 400_000, true),
            // Set while we ran: forward costs one refresh, back costs none.
            (0, TEN_YEARS, 10_000, true),
            (0, -TEN_YEARS, 10_000, false),
            (0, -TEN_YEARS, 400_000, true),
        ] {
            let shifted = |ms, offset| Moment {
                wall_ms: at(ms).wall_ms + offset,
                ..at(ms)
            };
            let start = Event::Start {
                stored: Some(Record {
                    obtained_at: START + before,
                    ..record(SESSION, 3)
                }),
                visible: false,
            };
            let machine = Machine::new().on(start, shifted(0, before)).0;
            let (_, actions) = machine.on(Event::CallWanted, shifted(elapsed, after));
            assert_eq!(
                actions.contains(&Action::Refresh { of: link(3) }),
                refreshes,
                "{before} {after} {elapsed}"
            );
        }
    }

    #[test]
    fn a_clock_set_back_between_two_visits_costs_one_refresh() {
        let from_the_future = Record {
            obtained_at: START + 86_400_000,
            ..record(SESSION, 3)
        };
        let machine = started(Some(from_the_future));
        assert_eq!(machine.in_flight, Some(link(3)));
        let renewed = Event::Renewed {
            of: link(3),
            record: obtained(4, 100),
        };
        let (machine, _) = feed(machine, renewed, 100);
        assert_eq!(machine.in_flight, None);
    }

    #[test]
    fn what_an_answer_does_to_the_session() {
        use Failure::*;
        for (failure, expected) in [
            (Over(Ending::Expired), Some(Ending::Expired)),
            (Over(Ending::Reused), Some(Ending::Reused)),
            (Over(Ending::Ended), Some(Ending::Ended)),
            (TokenUnknown, Some(Ending::TokenUnknown)),
            (Conflict { retry_after: None }, None),
            (Later { retry_after: None }, None),
            (Moved, None),
            (Behind, None),
        ] {
            let (machine, _) = fail(renewing(), failure, 400_100);
            match expected {
                Some(expected) => assert_eq!(ending(&machine), Some(expected), "{failure:?}"),
                None => assert!(is_signed_in(&machine), "{failure:?}"),
            }
        }
    }

    #[test]
    fn every_code_as_an_answer_to_a_refresh() {
        for &code in Code::ALL {
            let failure = Failure::of(&Problem::new(code, ""));
            let is_final = matches!(failure, Failure::Over(_) | Failure::TokenUnknown);
            let expected = matches!(
                code,
                Code::SessionEnded
                    | Code::RefreshTokenInvalid
                    | Code::RefreshTokenExpired
                    | Code::RefreshTokenReused
                    | Code::AccountDisabled
            );
            assert_eq!(is_final, expected, "{code:?}");
        }
    }

    #[test]
    fn a_server_that_is_away_keeps_the_session_and_is_asked_seldom() {
        let mut machine = renewing();
        let mut requests = 0;
        let mut ms = 400_000;
        while ms < 400_000 + 3_600_000 {
            let (failed, _) = fail(machine, Failure::Later { retry_after: None }, ms);
            assert!(is_reconnecting(&failed));
            assert_eq!(failed.access(at(ms)), Access::NotNow);
            // Calls and timers in between change nothing.
            let (failed, actions) = feed(failed, Event::CallWanted, ms + 1);
            assert!(actions.is_empty());
            let wait = failed.pause.unwrap().until_ms - ms;
            assert!(wait <= LONGEST_PAUSE_MS);
            ms += wait;
            let (next, actions) = feed(failed, Event::Timer, ms);
            assert_eq!(actions, [Action::Refresh { of: link(3) }]);
            requests += 1;
            machine = next;
        }
        assert!(requests < 150, "{requests}");
    }

    #[test]
    fn retry_after_is_honoured_whatever_happens() {
        let later = Failure::Later {
            retry_after: Some(30),
        };
        let (machine, _) = fail(renewing(), later, 400_000);
        for event in [
            Event::Timer,
            Event::Online,
            Event::Visible(true),
            Event::CallWanted,
        ] {
            let (_, early) = feed(machine.clone(), event.clone(), 429_999);
            assert!(early.is_empty(), "{event:?}");
            let (_, then) = feed(machine.clone(), event, 430_000);
            assert_eq!(then, [Action::Refresh { of: link(3) }]);
        }
    }

    #[test]
    fn coming_back_online_does_not_wait_for_the_jitter() {
        let (machine, _) = fail(renewing(), Failure::Later { retry_after: None }, 400_000);
        let (_, actions) = feed(machine, Event::Online, 400_010);
        assert_eq!(actions, [Action::Refresh { of: link(3) }]);
    }

    #[test]
    fn a_conflict_is_final_after_a_minute_and_three_attempts() {
        let conflict = Failure::Conflict {
            retry_after: Some(1),
        };
        // (times of the attempts, final at the last one)
        for (times, is_final) in [
            (vec![0, 1_000], false),
            (vec![0, 1_000, 59_999], false),
            (vec![0, 60_000], false),
            (vec![0, 1_000, 60_000], true),
            (vec![0, 1_000, 2_000, 4_000, 61_000], true),
        ] {
            let mut machine = renewing();
            let mut actions = Vec::new();
            for ms in &times {
                machine.in_flight = Some(link(3));
                (machine, actions) = fail(machine, conflict, 400_000 + ms);
            }
            let clears = Action::ClearLink {
                of: link(3),
                why: Ending::Conflict,
                leave: true,
            };
            assert_eq!(actions.contains(&clears), is_final, "{times:?}");
            assert_eq!(is_signed_in(&machine), !is_final, "{times:?}");
        }
    }

    #[test]
    fn a_conflict_is_asked_again_often_enough_to_be_settled_in_a_minute_or_so() {
        let mut machine = renewing();
        let mut ms = 400_000;
        while is_signed_in(&machine) {
            (machine, _) = fail(machine, Failure::Conflict { retry_after: None }, ms);
            let Some(pause) = machine.pause else { break };
            ms = pause.until_ms;
            (machine, _) = feed(machine, Event::Timer, ms);
        }
        assert!(ms - 400_000 < 80_000, "{ms}");
    }

    #[test]
    fn a_record_that_moved_on_settles_a_conflict() {
        let conflict = Failure::Conflict { retry_after: None };
        let (machine, _) = fail(renewing(), conflict, 400_000);
        let stored = Event::Stored {
            stored: Some(obtained(4, 400_050)),
            ending: None,
        };
        let (machine, actions) = feed(machine, stored, 400_100);
        assert!(actions.is_empty());
        assert!(matches!(machine.access(at(400_100)), Access::Ready { of, .. } if of == link(4)));
    }

    #[test]
    fn a_failure_about_a_link_with_a_fresh_access_token_is_no_reason_to_wait() {
        for failure in [
            Failure::Later { retry_after: None },
            Failure::Conflict { retry_after: None },
            Failure::Behind,
        ] {
            // Another tab has repeated the refresh before, and stored its answer.
            let stored = Event::Stored {
                stored: Some(obtained(3, 400_050)),
                ending: None,
            };
            let (machine, _) = feed(renewing(), stored, 400_100);
            let not_renewed = Event::NotRenewed {
                of: link(3),
                failure,
            };
            let (machine, actions) = machine.on(not_renewed, at(400_200));
            assert!(is_signed_in(&machine) && !is_reconnecting(&machine));
            let [Action::Wake(Some(wake))] = actions[..] else {
                panic!("{actions:?}");
            };
            assert!(wake > 200_000, "{wake}");
        }
    }

    #[test]
    fn what_storage_holds_and_what_follows() {
        let other = record(OTHER, 0);
        for (stored, ended, holds, actions) in [
            (Some(record(SESSION, 3)), None, Some((SESSION, 3)), vec![]),
            (Some(record(SESSION, 4)), None, Some((SESSION, 4)), vec![]),
            (
                Some(record(SESSION, 2)),
                None,
                Some((SESSION, 3)),
                vec![Action::Store(record(SESSION, 3))],
            ),
            (Some(other), None, Some((OTHER, 0)), vec![]),
            (None, None, None, vec![]),
            (None, Some(Ending::Expired), None, vec![]),
        ] {
            let machine = started(Some(record(SESSION, 3)));
            let event = Event::Stored {
                stored,
                ending: ended,
            };
            let (machine, done) = feed(machine, event, 10);
            let held = machine
                .record()
                .map(|held| (held.session_id, held.generation));
            assert_eq!(held, holds);
            assert_eq!(done, actions);
        }
    }

    #[test]
    fn another_tab_says_why_in_its_own_words() {
        for (noted, told) in [
            (None, Ending::SignedOutElsewhere),
            (Some(Ending::SignedOut), Ending::SignedOutElsewhere),
            (Some(Ending::Reused), Ending::Reused),
        ] {
            let event = Event::Stored {
                stored: None,
                ending: noted,
            };
            let (machine, _) = feed(started(Some(record(SESSION, 3))), event, 10);
            assert_eq!(ending(&machine), Some(told));
        }
    }

    #[test]
    fn signing_out_ends_the_session_here_and_there() {
        let sign_out = Event::SignOut {
            why: Ending::SignedOut,
        };
        let (machine, actions) = feed(started(Some(record(SESSION, 3))), sign_out.clone(), 10);
        assert_eq!(
            actions,
            [
                Action::Leave(Secret::from("refresh 3")),
                Action::Clear {
                    session_id: SESSION,
                    why: Ending::SignedOut
                },
                Action::Broadcast,
            ]
        );
        assert_eq!(ending(&machine), Some(Ending::SignedOut));
        let (_, again) = feed(machine, sign_out, 20);
        assert!(again.is_empty());
    }

    #[test]
    fn a_late_answer_changes_nothing_for_whoever_came_after() {
        let sign_out = Event::SignOut {
            why: Ending::SignedOut,
        };
        let sign_in = Event::SignedIn {
            record: record(OTHER, 0),
        };
        let (signed_out, _) = feed(renewing(), sign_out, 400_010);
        let (signed_in, _) = feed(signed_out.clone(), sign_in, 400_020);
        for before in [signed_out, signed_in] {
            for late in [
                Event::Renewed {
                    of: link(3),
                    record: obtained(4, 400_030),
                },
                Event::NotRenewed {
                    of: link(3),
                    failure: Failure::Over(Ending::Ended),
                },
                Event::NotRenewed {
                    of: link(3),
                    failure: Failure::TokenUnknown,
                },
                Event::CallOver {
                    session_id: SESSION,
                    code: Code::SessionEnded,
                },
            ] {
                let (after, actions) = feed(before.clone(), late, 400_030);
                assert_eq!(after.view(), before.view());
                assert!(
                    !actions
                        .iter()
                        .any(|action| !matches!(action, Action::Refresh { .. })),
                    "{actions:?}"
                );
            }
        }
    }

    #[test]
    fn a_sign_in_ends_the_session_that_was_there() {
        let new = record(OTHER, 0);
        let sign_in = Event::SignedIn {
            record: new.clone(),
        };
        let (machine, actions) = feed(started(Some(record(SESSION, 3))), sign_in, 10);
        assert_eq!(
            actions,
            [
                Action::Leave(Secret::from("refresh 3")),
                Action::StoreNew(new),
                Action::Broadcast,
            ]
        );
        assert!(is_signed_in(&machine));
    }

    #[test]
    fn a_password_change_replaces_the_session_that_asked_for_it_and_no_other() {
        let new = record(Uuid::from_u128(3), 0);
        let changed = Event::PasswordChanged {
            session_id: SESSION,
            record: new.clone(),
        };
        let kept = vec![Action::StoreNew(new.clone()), Action::Broadcast];
        let ended = vec![Action::Leave(new.refresh_token.clone())];
        let gone = |ending| Event::Stored {
            stored: None,
            ending: Some(ending),
        };
        let other = Event::SignedIn {
            record: record(OTHER, 0),
        };
        let over = Event::CallOver {
            session_id: SESSION,
            code: Code::SessionEnded,
        };
        for (meanwhile, expected) in [
            (Event::Reached, &kept),
            // The change has ended it, and a call found out before the answer came.
            (over, &kept),
            (gone(Ending::Ended), &kept),
            (gone(Ending::SignedOut), &ended),
            (other, &ended),
        ] {
            let (machine, _) = feed(started(Some(record(SESSION, 3))), meanwhile.clone(), 10);
            let before = machine.view();
            let (machine, actions) = feed(machine, changed.clone(), 20);
            assert_eq!(&actions, expected, "{meanwhile:?}");
            if expected == &ended {
                assert_eq!(machine.view(), before, "{meanwhile:?}");
            } else {
                assert_eq!(machine.record(), Some(&new), "{meanwhile:?}");
            }
        }
    }

    #[test]
    fn a_token_the_server_does_not_know_is_cleared_only_if_storage_still_holds_it() {
        let (_, actions) = fail(renewing(), Failure::TokenUnknown, 400_100);
        assert_eq!(
            actions,
            [
                Action::ClearLink {
                    of: link(3),
                    why: Ending::TokenUnknown,
                    leave: false
                },
                Action::Broadcast,
            ]
        );
    }

    #[test]
    fn calls_without_an_answer_say_reconnecting_and_look_again() {
        let machine = started(Some(record(SESSION, 3)));
        let (machine, _) = feed(machine, Event::Unreachable, 1_000);
        assert!(is_reconnecting(&machine));
        assert!(matches!(machine.access(at(1_000)), Access::Ready { .. }));
        let until = machine.lost_until_ms.unwrap();
        let (machine, actions) = feed(machine, Event::Timer, until);
        assert_eq!(actions, [Action::Probe]);
        let (machine, _) = feed(machine, Event::ProbeAnswered, until + 10);
        assert!(!is_reconnecting(&machine));
        assert_eq!(machine.lost_in_a_row, 1);
        let (machine, _) = feed(machine, Event::Reached, until + 20);
        assert_eq!(machine.lost_in_a_row, 0);
    }

    #[test]
    fn a_record_is_replaced_by_its_own_later_links_only() {
        let new = record(SESSION, 5);
        for (stored, expected) in [
            (None, false),
            (Some(record(SESSION, 4)), true),
            (Some(record(SESSION, 5)), true),
            (Some(record(SESSION, 6)), false),
            (Some(record(OTHER, 4)), false),
        ] {
            assert_eq!(may_replace(stored.as_ref(), &new), expected);
        }
    }

    #[test]
    fn which_attempt_keys_are_made() {
        use Attempt::*;
        for (generation, has_key, highest, expected) in [
            (0, false, None, Make),
            (5, false, Some(4), Make),
            (5, true, Some(5), Use),
            // The answer to 5 was stored, its successor tried, and then storage lost.
            (5, true, Some(6), Use),
            (5, false, Some(6), Behind),
            (5, true, Some(7), Behind),
            (5, false, Some(7), Behind),
        ] {
            assert_eq!(attempt(generation, has_key, highest), expected);
        }
    }

    #[test]
    fn the_record_reads_as_it_was_written() {
        let record = Record {
            obtained_at: START + 123,
            ..record(SESSION, 3)
        };
        let json = serde_json::to_value(&record).unwrap();
        assert_eq!(json["obtained_at"], 1_764_000_000.123);
        assert_eq!(json["refresh_token"], "refresh 3");
        assert_eq!(serde_json::from_value::<Record>(json).unwrap(), record);
    }
}
