//! Rotations that wait at the same moment are sent to the database together.
//!
//! A rotation costs the database less as one of many rows of a statement than as a statement of its
//! own, because the rows share the round trip, the parsing of the message and the commit. So there
//! are a few lanes, each with a connection of its own. An idle lane takes the rotations that wait,
//! at most 64, and does not wait for more. So without load every rotation is sent alone and at
//! once.
//!
//! A security duty: the caller only learns that its rotation was stored if the statement
//! returns exactly this rotation. A rotation that the statement has skipped (another request
//! was faster, the row is locked, the session is over) has changed nothing, and the caller
//! reads the row.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::futures::OwnedNotified;
use tokio::sync::{Notify, Semaphore, SemaphorePermit, oneshot};
use tokio::time::timeout;
use uuid::Uuid;

use crate::limits::slots::{Slot, Slots};
use crate::store::sessions::{self, Remaining, Rotate};
use crate::store::{self, Connection, Pool};

/// How many rotations one statement has at most.
const MOST_TOGETHER: usize = 64;

/// How many rotations may wait.
const MOST_WAITING: usize = 4096;

/// How long the database may take for one statement, and how long a rotation outside of the
/// lanes waits until it is its turn.
const PATIENCE: Duration = Duration::from_secs(3);

/// How many rotations run outside of the lanes at once. A lane has skipped each of them, although
/// its row has not changed. Usually another transaction holds a lock on the row. These rotations
/// run outside of the lanes, so that one locked row does not make the rotations in the lanes wait.
const MOST_ALONE: usize = 2;

/// When a rotation counts as stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum RotationCommit {
    /// When it is on disk.
    Synchronous,
    /// When Postgres has it in memory.
    Asynchronous,
}

/// The lanes of one instance. Clones share them.
#[derive(Debug, Clone)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    /// As many connections as there are lanes; none behind a pooler.
    connections: Option<Pool>,
    lanes: usize,
    waiting: Mutex<Waiting>,
    /// For rotations outside of the lanes.
    others: Pool,
    alone: Semaphore,
    alone_by_session: Slots<Uuid>,
    /// A rotation outside of the lanes has ended.
    alone_is_over: Notify,
}

#[derive(Debug, Default)]
struct Waiting {
    entries: VecDeque<Entry>,
    /// The sessions that have a rotation in the queue or in a lane, and what wakes the other
    /// requests of the session when that rotation is over. A session is there only once, because a
    /// statement can carry only one rotation of a row, and because one session must not fill the
    /// queue.
    travelling: HashMap<Uuid, Option<Arc<Notify>>>,
    /// How many lanes are busy.
    busy: usize,
}

#[derive(Debug)]
struct Entry {
    rotate: Rotate,
    answer: oneshot::Sender<Carried>,
}

/// What becomes of a rotation that was added.
#[derive(Debug)]
enum Added {
    /// A lane has to begin for it.
    Begins,
    /// A busy lane will carry it.
    Waits,
    /// Another rotation of the session is under way. When that rotation ends, this wakes the
    /// caller.
    After(OwnedNotified),
}

/// The time that remains for the session that was rotated; `None` if nothing was changed.
type Carried = Result<Option<Remaining>, RotationError>;

/// Why a rotation failed. It may still have been stored: a repeat with the same attempt key is
/// answered with the same successor.
#[derive(Debug, Clone, thiserror::Error)]
pub enum RotationError {
    /// Too many wait already.
    #[error("{MOST_WAITING} rotations wait for the database already")]
    Full,
    /// A rotation outside of the lanes took too long. Usually another transaction does not release
    /// its locks of rows.
    #[error("this rotation waited for longer than {} seconds; rows of sessions may be locked", PATIENCE.as_secs())]
    Locked,
    /// The database, or the way to it.
    #[error(transparent)]
    Database(#[from] Arc<sqlx::Error>),
}

impl Lanes {
    /// Makes `lanes` lanes. Each has a connection of its own, in addition to the connections of the
    /// pool. The pool carries the rotations whose row is locked.
    ///
    /// Behind a pooler there are no lanes, and each rotation uses the pool by itself. The lanes
    /// need settings that a pooler does not keep. If the lanes connected directly to Postgres,
    /// their connections and those of the pool could lead to different databases during a failover.
    pub fn new(pool: Pool, lanes: u32, commit: RotationCommit) -> Self {
        let asynchronous = commit == RotationCommit::Asynchronous;
        let connections = store::lanes(&pool, lanes, asynchronous);
        Self(Arc::new(Shared {
            connections,
            lanes: usize::try_from(lanes).unwrap_or(usize::MAX),
            waiting: Mutex::default(),
            others: pool,
            alone: Semaphore::new(MOST_ALONE),
            alone_by_session: Slots::default(),
            alone_is_over: Notify::new(),
        }))
    }

    /// Rotates, together with all rotations that wait at the same moment. `None` if nothing was
    /// changed. There are four possible reasons: the row differs from the row for which the
    /// decision was made, the session has expired, another transaction has locked the row, or
    /// another rotation of the session was on its way.
    ///
    /// # Errors
    /// While the database does not answer, or too many wait.
    pub async fn rotate(&self, rotate: Rotate) -> Carried {
        if self.0.connections.is_none() {
            return self.0.rotate_by_pool(&rotate).await;
        }
        let (answer, carried) = oneshot::channel();
        let entry = Entry { rotate, answer };
        // The lock is released before anything is awaited.
        let added = self.0.waiting().add(entry, self.0.lanes)?;
        match added {
            Added::Begins => {
                tokio::spawn(Lane::new(&self.0).run());
            }
            Added::Waits => {}
            Added::After(over) => {
                over.await;
                return Ok(None);
            }
        }
        carried.await.unwrap_or_else(|_| {
            let error = sqlx::Error::WorkerCrashed;
            Err(Arc::new(error).into())
        })
    }

    /// Rotates outside of the lanes, and waits for the lock of the row. The caller uses this if a
    /// lane has skipped the rotation although the rule allows it. `None` if nothing was changed, or
    /// if this has waited for another such rotation of the session. Then the caller looks at the
    /// row again.
    ///
    /// # Errors
    /// While the database does not answer, or when rows stay locked.
    pub async fn rotate_alone(&self, rotate: &Rotate) -> Carried {
        let shared = &*self.0;
        let turn = timeout(PATIENCE, shared.turn_of(rotate.session_id)).await;
        let Some(_turn) = turn.map_err(|_| RotationError::Locked)? else {
            return Ok(None);
        };
        let rotated = timeout(PATIENCE, shared.rotate_by_pool(rotate));
        rotated.await.unwrap_or(Err(RotationError::Locked))
    }

    /// Closes the connections of the lanes. Those that are in use are closed when they are given
    /// back.
    pub async fn close(&self) {
        if let Some(connections) = &self.0.connections {
            connections.close().await;
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One rotation by itself, on a connection of the pool.
    async fn rotate_by_pool(&self, rotate: &Rotate) -> Carried {
        let mut connection = self.others.acquire().await.map_err(Arc::new)?;
        let remaining = sessions::rotate(&mut connection, rotate).await;
        let remaining = remaining.map_err(Arc::new)?;
        connection.release();
        Ok(remaining)
    }

    /// Returns the turn of a session outside of the lanes. If another rotation of this session has
    /// the turn, this waits for its end and returns `None`.
    async fn turn_of(&self, session_id: Uuid) -> Option<(Alone<'_>, SemaphorePermit<'_>)> {
        let mut has_waited = false;
        loop {
            let is_over = self.alone_is_over.notified();
            if let Some(slot) = self.alone_by_session.take(session_id, 1) {
                let alone = Alone {
                    slot: Some(slot),
                    shared: self,
                };
                if has_waited {
                    return None;
                }
                // The semaphore is never closed.
                let permit = self.alone.acquire().await.ok()?;
                return Some((alone, permit));
            }
            has_waited = true;
            is_over.await;
        }
    }
}

impl Waiting {
    /// Lets an entry wait, unless its session is on its way already.
    fn add(&mut self, entry: Entry, lanes: usize) -> Result<Added, RotationError> {
        let session_id = entry.rotate.session_id;
        if let Some(over) = self.travelling.get_mut(&session_id) {
            let over = over.get_or_insert_default();
            return Ok(Added::After(Arc::clone(over).notified_owned()));
        }
        if self.entries.len() >= MOST_WAITING {
            return Err(RotationError::Full);
        }
        self.travelling.insert(session_id, None);
        self.entries.push_back(entry);
        if self.busy == lanes {
            return Ok(Added::Waits);
        }
        self.busy += 1;
        Ok(Added::Begins)
    }

    /// What one statement can carry: the oldest entries. A caller that has gone away was
    /// told that its rotation failed, so its rotation is not made any more.
    fn take(&mut self) -> Vec<Entry> {
        let mut taken = Vec::new();
        while taken.len() < MOST_TOGETHER
            && let Some(entry) = self.entries.pop_front()
        {
            if entry.answer.is_closed() {
                self.is_over(entry.rotate.session_id);
            } else {
                taken.push(entry);
            }
        }
        taken
    }

    /// The session's rotation is over, and its other requests wake up.
    fn is_over(&mut self, session_id: Uuid) {
        if let Some(Some(over)) = self.travelling.remove(&session_id) {
            over.notify_waiters();
        }
    }
}

/// The only rotation of its session outside of the lanes, until it is dropped.
struct Alone<'a> {
    slot: Option<Slot<Uuid>>,
    shared: &'a Shared,
}

impl Drop for Alone<'_> {
    fn drop(&mut self) {
        drop(self.slot.take());
        self.shared.alone_is_over.notify_waiters();
    }
}

/// One lane.
struct Lane {
    shared: Arc<Shared>,
    /// Whether it is counted as busy.
    is_busy: bool,
}

/// If a lane panics while rotations wait, a new lane starts for them.
impl Drop for Lane {
    fn drop(&mut self) {
        if !self.is_busy {
            return;
        }
        let mut waiting = self.shared.waiting();
        if std::thread::panicking() && !waiting.entries.is_empty() {
            drop(waiting);
            tokio::spawn(Lane::new(&self.shared).run());
        } else {
            waiting.busy -= 1;
        }
    }
}

/// Sessions that are under way, until this is dropped: also where the lane panics.
struct SessionsUnderWay<'a> {
    shared: &'a Shared,
    sessions: Vec<Uuid>,
}

impl Drop for SessionsUnderWay<'_> {
    fn drop(&mut self) {
        let mut waiting = self.shared.waiting();
        for session in &self.sessions {
            waiting.is_over(*session);
        }
    }
}

/// Lets the tasks run that can run now. `tokio::task::yield_now` would wait longer: until its worker has no
/// task at all.
async fn behind_the_others() {
    let mut is_behind = false;
    poll_fn(|context| {
        if is_behind {
            return Poll::Ready(());
        }
        is_behind = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

impl Lane {
    /// One that was counted as busy already.
    fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            is_busy: true,
        }
    }

    /// Carries what waits, until nothing waits.
    async fn run(mut self) {
        // The requests that can run now come first: their rotations travel in the same statement. This
        // waits for no timer, so a rotation without others is sent at once.
        behind_the_others().await;
        while let Some(entries) = self.next() {
            let sessions = entries.iter().map(|entry| entry.rotate.session_id);
            let under_way = SessionsUnderWay {
                shared: &self.shared,
                sessions: sessions.collect(),
            };
            self.carry(entries).await;
            drop(under_way);
        }
    }

    /// Takes the waiting rotations. If there are none, counts the lane as idle and returns `None`.
    /// Both happen under one lock, so a rotation that comes later starts a lane.
    fn next(&mut self) -> Option<Vec<Entry>> {
        let mut waiting = self.shared.waiting();
        let entries = waiting.take();
        if entries.is_empty() {
            waiting.busy -= 1;
            self.is_busy = false;
            return None;
        }
        Some(entries)
    }

    async fn carry(&self, entries: Vec<Entry>) {
        let (rotations, answers): (Vec<_>, Vec<_>) = entries
            .into_iter()
            .map(|entry| (entry.rotate, entry.answer))
            .unzip();
        let carried = timeout(PATIENCE, self.try_to_carry(&rotations));
        let carried = match carried.await {
            Ok(carried) => carried,
            Err(_) => Err(sqlx::Error::Io(io::ErrorKind::TimedOut.into())),
        };
        match carried {
            Ok(all) => {
                for (answer, carried) in answers.into_iter().zip(all) {
                    // A caller that has gone away needs no answer.
                    let _ = answer.send(carried);
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for answer in answers {
                    let _ = answer.send(Err(Arc::clone(&error).into()));
                }
            }
        }
    }

    /// The outcome of each rotation, in their order. An error is the error of all.
    async fn try_to_carry(&self, rotations: &[Rotate]) -> sqlx::Result<Vec<Carried>> {
        // Without connections nothing gets into the lanes.
        let Some(connections) = &self.shared.connections else {
            return Err(sqlx::Error::PoolClosed);
        };
        let mut connection = connections.acquire().await?;
        let carried = match rotations {
            [one] => vec![carry_one(&mut connection, one).await?],
            many => match sessions::rotate_together(&mut connection, many).await {
                Ok(remaining) => remaining.into_iter().map(Ok).collect(),
                Err(error) if is_about_a_value(&error) => one_by_one(&mut connection, many).await?,
                Err(error) => return Err(error),
            },
        };
        connection.release();
        Ok(carried)
    }
}

/// If the row stays locked for half a second, this returns `None`. `rotate_together` also returns
/// `None` for a locked row.
async fn carry_one(connection: &mut Connection, rotate: &Rotate) -> sqlx::Result<Carried> {
    match sessions::rotate(connection, rotate).await {
        Ok(remaining) => Ok(Ok(remaining)),
        Err(error) if is_about_a_lock(&error) => Ok(Ok(None)),
        Err(error) => Err(error),
    }
}

/// Used after a statement that failed because of one value, which must not fail the others.
async fn one_by_one(
    connection: &mut Connection,
    rotations: &[Rotate],
) -> sqlx::Result<Vec<Carried>> {
    let mut carried = Vec::with_capacity(rotations.len());
    for rotate in rotations {
        carried.push(match carry_one(connection, rotate).await {
            Err(error) if is_about_a_value(&error) => Err(Arc::new(error).into()),
            outcome => outcome?,
        });
    }
    Ok(carried)
}

/// A lock that was waited for too long: SQLSTATE `lock_not_available`.
fn is_about_a_lock(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code == "55P03")
}

/// Data exceptions and broken constraints: SQLSTATE classes 22 and 23.
fn is_about_a_value(error: &sqlx::Error) -> bool {
    code(error).is_some_and(|code| code.starts_with("22") || code.starts_with("23"))
}

fn code(error: &sqlx::Error) -> Option<std::borrow::Cow<'_, str>> {
    error.as_database_error().and_then(|error| error.code())
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::attempt_key::AttemptMark;

    use super::*;
    use crate::store::ClientInfo;

    /// An entry, and the caller that waits for it.
    fn entry(session: u128) -> (Entry, oneshot::Receiver<Carried>) {
        let (answer, caller) = oneshot::channel();
        let rotate = Rotate {
            session_id: Uuid::from_u128(session),
            from_generation: 0,
            from_hash: [0; 32],
            to_generation: 1,
            to_hash: [1; 32],
            attempt: AttemptMark::of(None),
            client: ClientInfo::default(),
        };
        (Entry { rotate, answer }, caller)
    }

    fn sessions(entries: &[Entry]) -> Vec<u128> {
        let ids = entries.iter().map(|entry| entry.rotate.session_id);
        ids.map(|id| id.as_u128()).collect()
    }

    #[tokio::test]
    async fn a_session_travels_once_and_its_other_requests_are_woken_afterwards() {
        let mut waiting = Waiting::default();
        let (first, _caller) = entry(1);
        assert!(matches!(waiting.add(first, 1), Ok(Added::Begins)));
        let (other, _other_caller) = entry(2);
        assert!(matches!(waiting.add(other, 1), Ok(Added::Waits)));
        let Ok(Added::After(while_it_waits)) = waiting.add(entry(1).0, 1) else {
            panic!("the session is in the queue");
        };
        assert_eq!(sessions(&waiting.take()), [1, 2]);
        let Ok(Added::After(while_it_travels)) = waiting.add(entry(1).0, 1) else {
            panic!("the session is in a lane");
        };
        assert!(waiting.take().is_empty());
        waiting.is_over(Uuid::from_u128(1));
        while_it_waits.await;
        while_it_travels.await;
        let (again, _caller) = entry(1);
        assert!(matches!(waiting.add(again, 1), Ok(Added::Waits)));
        assert_eq!(sessions(&waiting.take()), [1]);
    }

    #[test]
    fn a_statement_carries_sixty_four_at_the_most_and_the_oldest_first() {
        let mut waiting = Waiting::default();
        let callers: Vec<_> = (0..100)
            .map(|n| {
                let (entry, caller) = entry(n);
                waiting.add(entry, 4).unwrap();
                caller
            })
            .collect();
        assert_eq!(waiting.busy, 4);
        assert_eq!(sessions(&waiting.take()), (0..64).collect::<Vec<_>>());
        assert_eq!(sessions(&waiting.take()), (64..100).collect::<Vec<_>>());
        drop(callers);
    }

    #[tokio::test]
    async fn the_rotation_of_a_caller_that_has_gone_away_is_not_made() {
        let mut waiting = Waiting::default();
        let (gone, caller) = entry(1);
        waiting.add(gone, 1).unwrap();
        let (stays, _caller) = entry(2);
        waiting.add(stays, 1).unwrap();
        let Ok(Added::After(over)) = waiting.add(entry(1).0, 1) else {
            panic!("the session is in the queue");
        };
        drop(caller);
        assert_eq!(sessions(&waiting.take()), [2]);
        over.await;
    }

    #[test]
    fn the_queue_has_a_bound() {
        let mut waiting = Waiting::default();
        let most = u128::try_from(MOST_WAITING).unwrap();
        for n in 0..most {
            waiting.add(entry(n).0, 1).unwrap();
        }
        let beyond = waiting.add(entry(most).0, 1);
        assert!(matches!(beyond, Err(RotationError::Full)));
    }
}
