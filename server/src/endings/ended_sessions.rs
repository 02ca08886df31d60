//! The set of sessions that ended lately, in memory.
//!
//! An id is kept for [`KEPT`], twice the longest lifetime that an access token may have. It
//! is never forgotten earlier, because a forgotten id would make a stolen token valid again.
//! There is one set for each minute, so that whole sets are dropped and no large set has to
//! grow. An entry takes about 20 bytes.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::{Duration, Instant};

use holdfast_protocol::wire::EndReason;
use tokio::sync::Notify;
use uuid::Uuid;

use crate::lifetimes::LONGEST_ACCESS_TOKEN;

/// How long an ending is kept in memory. The table keeps it at least as long.
pub const KEPT: Duration = LONGEST_ACCESS_TOKEN.saturating_mul(2);

/// After this time without a read, an instance is ready but degraded.
pub const DEGRADED_AFTER: Duration = Duration::from_secs(5);

/// The shortest time for which a read is trusted. Access tokens of a few seconds are
/// for tests, and the table is read once a second.
const TRUSTED_AT_LEAST: Duration = Duration::from_secs(10);

/// How many endings may wait to be sent to other instances. If there are more, they are not
/// sent: the others read them within a second.
const MOST_NEWS: usize = 10_000;

/// The sessions that ended lately. Clones share one set.
#[derive(Clone, Debug)]
pub struct EndedSessions {
    shared: Arc<Shared>,
}

/// A session that ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ending {
    /// The session's id.
    pub session_id: Uuid,
    /// Why it ended.
    pub reason: EndReason,
    /// How long ago it ended.
    pub age: Duration,
}

#[derive(Debug)]
struct Shared {
    /// Minutes are counted from this moment.
    origin: Instant,
    trusted_for: Duration,
    read_at: Mutex<Option<Instant>>,
    minutes: RwLock<BTreeMap<i64, Minute>>,
    news: Mutex<Vec<(Uuid, EndReason)>>,
    told: Notify,
}

/// The sessions that ended within one minute.
type Minute = HashMap<Uuid, EndReason, BuildHasherDefault<IdHasher>>;

impl EndedSessions {
    /// An empty set. It is trusted only after a read of the table, for one lifetime of an access
    /// token, and for at least ten seconds.
    pub fn new(access_token_ttl: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                origin: Instant::now(),
                trusted_for: access_token_ttl.max(TRUSTED_AT_LEAST),
                read_at: Mutex::default(),
                minutes: RwLock::default(),
                news: Mutex::default(),
                told: Notify::new(),
            }),
        }
    }

    /// Notes that the set now contains every ending of the last [`KEPT`] that the read could see.
    pub fn note_read(&self) {
        *lock(&self.shared.read_at) = Some(Instant::now());
    }

    /// How long ago the table was read. `None` before the first read.
    pub fn since_read(&self) -> Option<Duration> {
        lock(&self.shared.read_at).map(|at| at.elapsed())
    }

    /// Whether the set can decide about an access token. It is trusted only after a read of the
    /// table, for one lifetime of an access token, and for at least ten seconds.
    pub fn is_trusted(&self) -> bool {
        self.trusts(self.since_read())
    }

    fn trusts(&self, since_read: Option<Duration>) -> bool {
        since_read.is_some_and(|age| age < self.shared.trusted_for)
    }

    /// Whether this session ended lately, and why.
    pub fn get(&self, session_id: Uuid) -> Option<EndReason> {
        let minutes = self.read();
        minutes
            .values()
            .rev()
            .find_map(|minute| minute.get(&session_id).copied())
    }

    /// Adds endings that this instance has just committed, and lets the listener tell the
    /// other instances.
    pub fn announce(&self, session_ids: impl IntoIterator<Item = Uuid>, reason: EndReason) {
        let endings: Vec<_> = session_ids.into_iter().map(|id| (id, reason)).collect();
        if endings.is_empty() {
            return;
        }
        let just_now = |&(session_id, reason)| Ending {
            session_id,
            reason,
            age: Duration::ZERO,
        };
        self.learn(endings.iter().map(just_now));
        let mut news = lock(&self.shared.news);
        let room = MOST_NEWS.saturating_sub(news.len());
        news.extend(endings.into_iter().take(room));
        self.shared.told.notify_one();
    }

    /// Adds endings that another instance committed.
    pub fn learn(&self, endings: impl IntoIterator<Item = Ending>) {
        self.learn_at(endings, Instant::now());
    }

    fn learn_at(&self, endings: impl IntoIterator<Item = Ending>, now: Instant) {
        let mut endings = endings.into_iter().peekable();
        if endings.peek().is_none() {
            return;
        }
        let mut minutes = self.write();
        for Ending {
            session_id,
            reason,
            age,
        } in endings
        {
            let known = minutes
                .entry(self.minute(now, age))
                .or_default()
                .entry(session_id)
                .or_insert(reason);
            if *known == EndReason::Unknown {
                *known = reason;
            }
        }
    }

    /// Waits until there are endings to send, and takes up to `most` of them.
    pub async fn news(&self, most: usize) -> Vec<(Uuid, EndReason)> {
        loop {
            let told = self.shared.told.notified();
            {
                let mut news = lock(&self.shared.news);
                if !news.is_empty() {
                    let most = most.min(news.len());
                    let rest = news.split_off(most);
                    return std::mem::replace(&mut *news, rest);
                }
            }
            told.await;
        }
    }

    /// Forgets endings whose access tokens have all expired.
    pub fn forget_old(&self) {
        self.forget_old_at(Instant::now());
    }

    fn forget_old_at(&self, now: Instant) {
        // A minute's set is dropped once its last second is too old.
        let kept_minutes = i64::try_from(KEPT.as_secs() / 60).unwrap_or(i64::MAX);
        let oldest = self.minute(now, Duration::ZERO) - kept_minutes - 1;
        let is_old = |minute: i64| minute < oldest;
        if self
            .read()
            .keys()
            .next()
            .is_some_and(|minute| is_old(*minute))
        {
            self.write().retain(|minute, _| !is_old(*minute));
        }
    }

    /// In which minute an ending of this age at `now` happened.
    fn minute(&self, now: Instant, age: Duration) -> i64 {
        let seconds = |duration: Duration| i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        let since_origin = seconds(now.saturating_duration_since(self.shared.origin));
        since_origin.saturating_sub(seconds(age)).div_euclid(60)
    }

    /// How many endings are in the set.
    pub fn len(&self) -> usize {
        self.read().values().map(HashMap::len).sum()
    }

    /// Whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn read(&self) -> RwLockReadGuard<'_, BTreeMap<i64, Minute>> {
        let minutes = self.shared.minutes.read();
        minutes.unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, BTreeMap<i64, Minute>> {
        let minutes = self.shared.minutes.write();
        minutes.unwrap_or_else(PoisonError::into_inner)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Hashes a session's id by its last 62 bits, which are random (UUIDv7). A lookup searches up
/// to 121 sets, and the library's hash would take most of its time. Holdfast's servers made
/// every id in a set, so no client can choose ids that collide.
#[derive(Debug, Default)]
struct IdHasher(u64);

impl Hasher for IdHasher {
    fn write(&mut self, bytes: &[u8]) {
        let last = bytes.iter().rev().take(8).rev();
        self.0 = last.fold(self.0, |hash, byte| (hash << 8) | u64::from(*byte));
    }

    fn finish(&self) -> u64 {
        // Spreads the random bits over the fixed ones at the top.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);
    const TTL: Duration = Duration::from_secs(300);

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    fn ending(reason: EndReason, age: Duration) -> Ending {
        let session_id = ID;
        Ending {
            session_id,
            reason,
            age,
        }
    }

    #[test]
    fn an_ending_is_remembered_for_two_hours_and_forgotten_soon_after() {
        let ended = EndedSessions::new(TTL);
        let start = Instant::now();
        ended.learn_at([ending(EndReason::Logout, Duration::ZERO)], start);
        ended.forget_old_at(after(start, 7200));
        assert_eq!(ended.get(ID), Some(EndReason::Logout));
        ended.forget_old_at(after(start, 7200 + 180));
        assert_eq!(ended.get(ID), None);
        assert!(ended.is_empty());
    }

    #[test]
    fn an_ending_that_is_read_late_is_not_remembered_longer() {
        let ended = EndedSessions::new(TTL);
        ended.learn([ending(EndReason::Reuse, Duration::from_secs(7000))]);
        assert_eq!(ended.get(ID), Some(EndReason::Reuse));
        ended.forget_old_at(after(Instant::now(), 400));
        assert_eq!(ended.get(ID), None);
    }

    #[test]
    fn a_reason_that_comes_after_the_ending_is_kept() {
        let ended = EndedSessions::new(TTL);
        let now = Instant::now();
        ended.learn_at([ending(EndReason::Unknown, Duration::ZERO)], now);
        ended.learn_at([ending(EndReason::PasswordChanged, Duration::ZERO)], now);
        assert_eq!(ended.get(ID), Some(EndReason::PasswordChanged));
        assert_eq!(ended.len(), 1);
    }

    #[test]
    fn the_set_is_trusted_for_one_lifetime_after_a_read_and_never_before_the_first() {
        let ended = EndedSessions::new(TTL);
        assert!(!ended.is_trusted());
        ended.note_read();
        assert!(ended.is_trusted());
        assert!(ended.trusts(Some(Duration::from_secs(299))));
        assert!(!ended.trusts(Some(Duration::from_secs(300))));
    }

    #[tokio::test]
    async fn an_ending_of_this_instance_is_sent_once_and_a_learnt_one_never() {
        let ended = EndedSessions::new(TTL);
        let reason = EndReason::Logout;
        ended.learn([ending(EndReason::Reuse, Duration::ZERO)]);
        ended.announce((1..=3).map(Uuid::from_u128), reason);
        assert_eq!(ended.news(2).await.len(), 2);
        assert_eq!(ended.news(2).await, [(Uuid::from_u128(3), reason)]);
    }
}
