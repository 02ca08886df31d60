//! How a driver carries out what the machine decides.
//!
//! The browser's tab, the simulated tab and the soak's client each give an [`Environment`]: their
//! storage, their requests, their lock and their timer. All other steps are here, so all three run
//! the same code. Nothing here waits by itself, reads a clock or sends anything: the environment
//! does.

use std::future::Future;

use uuid::Uuid;

use super::ending::Ending;
use super::logouts::{LogoutAnswer, RefusedLogouts};
use super::record::{Link, Record, Stored};
use super::vault::{Asked, Change};
use super::words::{Action, Event, Failure, Notice};
use crate::attempt_key::AttemptKey;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::wire::Tokens;

/// What a driver works with. Each `async` function may take any time. The driver may be dropped
/// while it waits, just as a page may be closed.
pub trait Environment {
    /// The lock for renewals. Dropping the value releases the lock. The lock only avoids needless
    /// requests: two tabs may still renew at once.
    type Lock;

    /// The client's clock, in milliseconds since the Unix epoch.
    fn wall_ms(&self) -> i64;

    /// Gives the machine this event.
    fn feed(&self, event: Event);

    /// The stored state, as far as the machine knows it: `Machine::stored`.
    fn held(&self) -> Stored;

    /// `Machine::is_leaving`.
    fn is_leaving(&self) -> bool;

    /// Sets the timer, as [`Action::Wake`] says.
    fn wake(&self, after_ms: Option<u64>);

    /// Tells the person.
    fn show(&self, notice: Notice);

    /// Writes a sign-out or an ending to local storage, which can be written at once. The page may
    /// be closed before the database has the change. Other changes are ignored.
    fn note_at_once(&self, change: &Change);

    /// Tells the other tabs that storage may have changed.
    fn tell_others(&self);

    /// Whether only the memory of this page has the session, and the person was not told so yet.
    fn is_memory_untold(&self) -> bool;

    /// Notes that the server has said that this session is over. Returns `true` if a running change
    /// of the password, in any tab, replaces the session. In that case the client waits for the new
    /// session.
    fn note_session_over(&self, session_id: Uuid, why: Ending) -> bool;

    /// Takes the lock for renewals, or goes on without it after a while.
    fn lock(&self) -> impl Future<Output = Self::Lock>;

    /// Reads storage, and makes a change if there is one. If a stored state is older than
    /// [`Environment::held`], this writes the state of `held` there. There is always an outcome.
    fn change(&self, change: Option<Change>) -> impl Future<Output = Outcome>;

    /// The record of this link and the only attempt key of the link, from one transaction.
    fn prepare(&self, of: Link) -> impl Future<Output = Prepared>;

    /// The tokens whose sessions the server still has to end. `None` if storage did not answer,
    /// which is not the same as an empty list.
    fn leaving(&self) -> impl Future<Output = Option<Vec<Secret>>>;

    /// The logouts that the server has refused for now.
    fn with_refused<T>(&self, use_them: impl FnOnce(&mut RefusedLogouts) -> T) -> T;

    /// Sends a refresh.
    fn send_refresh(&self, token: &Secret, key: &AttemptKey)
    -> impl Future<Output = RefreshAnswer>;

    /// Sends a logout.
    fn send_logout(&self, token: &Secret) -> impl Future<Output = LogoutAnswer>;

    /// Whether the server can be reached.
    fn probe(&self) -> impl Future<Output = bool>;
}

/// The state after storage was read or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Who is signed in.
    pub stored: Stored,
    /// Whether the change is done: it was made now, or before. `false` if storage had changed so
    /// that the change did not fit any more, if storage could not take the change, or if there was
    /// no change.
    pub applied: bool,
    /// Whether there are sessions that the server still has to end.
    pub is_leaving: bool,
    /// Whether this change has added one of them.
    pub has_left: bool,
    /// The number of the last request for a session, or of the last sign-out. After
    /// [`Change::Ask`], it is the number of the request of that change.
    pub asked: Asked,
    /// Whether the session of that request is not stored yet; see `Vault::is_awaiting`.
    pub is_awaiting: bool,
    /// What happened to storage itself, if anything.
    pub news: Option<StorageNews>,
}

/// An event of storage itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StorageNews {
    /// Storage was opened and is empty, although a person is signed in here.
    Gone,
    /// Storage belongs to a later version of Holdfast and was not changed.
    LaterVersion,
}

/// The result of the request for a record and its attempt key.
#[derive(Debug)]
pub enum Prepared {
    /// Both are stored: send them.
    Send(Record, AttemptKey),
    /// Storage has another record than the caller expects.
    Moved(Outcome),
    /// See [`Attempt::Behind`](crate::attempt_key::Attempt::Behind).
    Behind,
    /// Storage belongs to a later version of Holdfast.
    Outdated,
    /// Not now. The caller tries again later, and must not make another key meanwhile.
    Later,
}

/// The answer to a refresh.
#[derive(Debug)]
pub enum RefreshAnswer {
    /// New tokens.
    Tokens(Box<Tokens>),
    /// A problem of Holdfast's own.
    Refused(Problem),
    /// No answer, or an answer of another program.
    NoAnswer,
}

/// What a driver does with the copy of the stored state, which other tabs write as well.
#[derive(Debug, PartialEq, Eq)]
pub enum CopyIs {
    /// Another tab has overwritten it with an older copy, or the data were deleted meanwhile. A
    /// read of storage finds out which of these is true, and corrects the copy.
    Read,
    /// The machine takes it over.
    Feed(Stored),
    /// The copy has the same record as this tab.
    Known,
}

impl CopyIs {
    /// `held` is the state that this tab knows.
    pub fn of(copy: Stored, held: &Stored) -> Self {
        let is_of_another_life = copy.era().is_of_another_life(held.era());
        if is_of_another_life || copy.position() < held.position() {
            Self::Read
        } else if copy.record() == held.record() {
            Self::Known
        } else {
            Self::Feed(copy)
        }
    }
}

/// Carries out an action. The part that must not wait is done before this function returns. The
/// caller runs the returned work to its end, or drops it with the page.
pub fn perform<E: Environment>(environment: E, action: Action) -> impl Future<Output = ()> {
    match &action {
        Action::Wake(after_ms) => environment.wake(*after_ms),
        Action::Tell(notice) => environment.show(*notice),
        Action::Change(change) => environment.note_at_once(change),
        Action::Refresh { .. } | Action::Probe | Action::SendLeaving => {}
    }
    async move {
        match action {
            Action::Wake(_) | Action::Tell(_) => {}
            Action::Change(change) => {
                make_change(&environment, change).await;
            }
            Action::Refresh { of } => {
                let event = refresh(&environment, of).await;
                environment.feed(event);
            }
            Action::Probe => {
                let event = match environment.probe().await {
                    true => Event::ProbeAnswered,
                    false => Event::Unreachable,
                };
                environment.feed(event);
            }
            Action::SendLeaving => {
                let all = send_leaving(&environment).await;
                environment.feed(Event::LeavingSent { all });
            }
        }
    }
}

/// Makes a change. The machine already knows that this change is under way. Returns `false` if the
/// change did not apply any more.
pub async fn make_change<E: Environment>(environment: &E, change: Change) -> bool {
    let outcome = environment.change(Some(change)).await;
    let applied = outcome.applied;
    environment.feed(Event::Changed {
        stored: outcome.stored,
        applied,
    });
    take_news(environment, outcome.news);
    take_leaving(environment, outcome.is_leaving, outcome.has_left);
    environment.tell_others();
    applied
}

/// Reads storage.
pub async fn read<E: Environment>(environment: &E) {
    let outcome = environment.change(None).await;
    take(environment, outcome);
}

/// Takes over the state of storage.
pub fn take<E: Environment>(environment: &E, outcome: Outcome) {
    if outcome.news.is_none() && outcome.stored != environment.held() {
        environment.feed(Event::Stored(outcome.stored));
    }
    take_news(environment, outcome.news);
    take_leaving(environment, outcome.is_leaving, outcome.has_left);
}

fn take_news<E: Environment>(environment: &E, news: Option<StorageNews>) {
    match news {
        Some(StorageNews::Gone) => environment.feed(Event::Gone),
        Some(StorageNews::LaterVersion) => environment.feed(Event::StorageOfLaterVersion),
        None => {}
    }
}

/// The client sends the logouts at once in two cases: a token was added, or storage has tokens and
/// the machine knows of none. If a round is under way, the client sends them after that round. It
/// does not wait for the pause that follows a refused logout. In all other cases the machine
/// decides when. This function also tells the machine if only the memory of this page has the
/// session.
fn take_leaving<E: Environment>(environment: &E, is_leaving: bool, has_left: bool) {
    if has_left || is_leaving && !environment.is_leaving() {
        environment.feed(Event::LeavingFound);
    }
    report_memory(environment);
}

/// Tells the machine if only the memory of this page has the session.
fn report_memory<E: Environment>(environment: &E) {
    if environment.is_memory_untold() {
        environment.feed(Event::StorageFailed);
    }
}

/// Renews once. The record and its attempt key come from one transaction, and the client sends both
/// in one request.
async fn refresh<E: Environment>(environment: &E, of: Link) -> Event {
    let not_renewed = |failure| Event::NotRenewed { of, failure };
    let later = Failure::Later { retry_after: None };
    let _lock = environment.lock().await;
    let prepared = environment.prepare(of).await;
    report_memory(environment);
    let (record, key) = match prepared {
        Prepared::Send(record, key) => (record, key),
        Prepared::Moved(outcome) => {
            take(environment, outcome);
            return not_renewed(Failure::Moved);
        }
        Prepared::Behind => return not_renewed(Failure::Behind),
        Prepared::Outdated => return not_renewed(Failure::Outdated),
        Prepared::Later => return not_renewed(later),
    };
    // The client counts the age of the access token from the moment of the request. So the token is
    // never older than the tab believes.
    let sent_at = environment.wall_ms();
    let renewed = match environment.send_refresh(&record.refresh_token, &key).await {
        RefreshAnswer::Tokens(tokens) => Record::new(&tokens, record.remember, sent_at),
        RefreshAnswer::Refused(problem) => {
            return match Failure::of(&problem) {
                Failure::Over(why) if environment.note_session_over(of.session_id, why) => {
                    not_renewed(later)
                }
                failure => not_renewed(failure),
            };
        }
        RefreshAnswer::NoAnswer => None,
    };
    let Some(renewed) = renewed else {
        return not_renewed(later);
    };
    let outcome = environment
        .change(Some(Change::Renew { record: renewed }))
        .await;
    take_news(environment, outcome.news);
    take_leaving(environment, outcome.is_leaving, outcome.has_left);
    environment.tell_others();
    Event::Renewed {
        of,
        stored: outcome.stored,
    }
}

/// Sends the logouts that the server does not know yet, one by one. Returns `true` if the server
/// has accepted all of them.
async fn send_leaving<E: Environment>(environment: &E) -> bool {
    // A list that could not be read may contain tokens, so it is read again later.
    let Some(leaving) = environment.leaving().await else {
        return false;
    };
    let leaving = environment.with_refused(|refused| refused.in_order(leaving));
    let mut all = true;
    for token in leaving {
        let answer = environment.send_logout(&token).await;
        environment.with_refused(|refused| refused.note(&token, answer));
        match answer {
            LogoutAnswer::Over => {
                environment.change(Some(Change::Left(token))).await;
            }
            LogoutAnswer::NotYet => all = false,
            LogoutAnswer::Later | LogoutAnswer::NoAnswer => return false,
        }
    }
    all
}
