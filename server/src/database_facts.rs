//! What an instance knows about its database: whether it can be the right one.
//!
//! A duty to the person who is signed in: an instance that lost its `DATABASE_URL`, or has
//! the address of an empty database, must not tell browsers that their sessions are over,
//! because the browsers would delete them. If a session is older than the database, and the
//! database does not know it, the session belongs to another database. The server answers
//! its token with 503, and the log has an error.
//!
//! An instance reads these facts again every second: since its start, another instance may
//! have got a longer lifetime of sessions, and an operator may have run
//! `holdfast database begin-anew`.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::{Duration, Instant};

use anyhow::bail;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::setting::Setting;
use crate::store::database::{InstanceFacts, StoredDatabase};

/// How much the clocks of the instances and of the database may differ, in seconds.
const CLOCK_SLACK: u64 = 60 * 60;

/// How much this instance's clock may be behind the database's birth at a start, in
/// seconds. A new database was made a moment ago, and its birth is from another clock.
const START_SLACK: u64 = 60;

/// How often the log says that the database is the wrong one.
const ALARM_EVERY: Duration = Duration::from_secs(60);

/// What this instance knows about the database. Clones share what was read, and the
/// alarms.
#[derive(Debug, Clone)]
pub struct DatabaseFacts {
    read: Arc<RwLock<Read>>,
    /// The issuer in the database when this instance started, if it is neither this
    /// instance's issuer nor a previous one. It is not read again: while the issuer is
    /// changed, the instances with the old one go on.
    other_issuer: Option<String>,
    is_another: Arc<AtomicBool>,
    clock: Clock,
    alarms: Arc<Mutex<Alarms>>,
}

/// What changes while an instance runs.
#[derive(Debug, Clone, Copy)]
struct Read {
    /// Unix seconds. `None` after `begin-anew`: then every session counts as younger.
    birth: Option<u64>,
    /// In seconds.
    longest_session: u64,
}

/// When each alarm was last logged.
#[derive(Debug, Default)]
struct Alarms {
    unheard_of: Option<Instant>,
    maybe_forged: Option<Instant>,
    pool_elsewhere: Option<Instant>,
}

impl DatabaseFacts {
    /// The facts of a database without a birth: no session is older than it.
    pub fn unknown(longest_session: Duration, clock: Clock) -> Self {
        let read = Read {
            birth: None,
            longest_session: longest_session.as_secs(),
        };
        Self {
            read: Arc::new(RwLock::new(read)),
            other_issuer: None,
            is_another: Arc::default(),
            clock,
            alarms: Arc::default(),
        }
    }

    /// The facts in `stored`, for an instance that has written `own`.
    ///
    /// # Errors
    /// When this instance's clock is before the birth of the database: the sessions that
    /// it opens would count as those of another database.
    pub fn new(stored: StoredDatabase, own: &InstanceFacts, clock: Clock) -> anyhow::Result<Self> {
        let read = Read::from(&stored);
        if read
            .birth
            .is_some_and(|birth| clock.now() + START_SLACK < birth)
        {
            bail!(
                "The clock of this machine shows a time before the database was made. Set the clock."
            );
        }
        Ok(Self {
            read: Arc::new(RwLock::new(read)),
            other_issuer: stored.issuer.filter(|issuer| !own.accepts(issuer)),
            is_another: Arc::default(),
            clock,
            alarms: Arc::default(),
        })
    }

    /// Takes over what was read from the database.
    pub fn learn(&self, stored: &StoredDatabase) {
        *self.read.write().unwrap_or_else(PoisonError::into_inner) = Read::from(stored);
    }

    /// Does the same with the row alone. The birth in the row may be later than the oldest
    /// account.
    pub fn learn_row(&self, row: &StoredDatabase) {
        let mut read = self.read.write().unwrap_or_else(PoisonError::into_inner);
        let birth = match (read.birth, Read::from(row).birth) {
            (Some(before), Some(birth)) => Some(before.min(birth)),
            (_, birth) => birth,
        };
        *read = Read {
            birth,
            ..Read::from(row)
        };
    }

    fn read(&self) -> Read {
        *self.read.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// The longest lifetime of a session in the settings of all instances.
    pub fn longest_session(&self) -> Duration {
        Duration::from_secs(self.read().longest_session)
    }

    /// The issuer of the other instances, if this instance has another one.
    pub fn other_issuer(&self) -> Option<&str> {
        self.other_issuer.as_deref()
    }

    /// Whether this is another database than the one in which the instance has entered its
    /// master secret: its address leads elsewhere since then.
    pub fn is_another(&self) -> bool {
        self.is_another.load(Ordering::Relaxed)
    }

    /// Notes whether this is another database. Returns whether this is news.
    pub fn note_another(&self, is_another: bool) -> bool {
        self.is_another.swap(is_another, Ordering::Relaxed) != is_another
    }

    /// A session that was opened before this moment (Unix seconds) may be of another
    /// database. Its ending is kept for as long as its tokens could live.
    pub fn young_until(&self) -> u64 {
        self.read().birth.map_or(0, |birth| birth + CLOCK_SLACK)
    }

    /// 503 for a session without a row and without an ending, if the session may be of
    /// another database. `None` if it is certain that the session is over.
    pub fn never_heard_of(&self, session_id: Uuid) -> Option<ApiError> {
        let error = self.foreign(session_id, self.young_until())?;
        if is_due(&mut self.alarms().unheard_of) {
            tracing::error!(
                "This is probably the wrong database: a browser has a session that is older than the database, and the database does not know it. Check {}. If you want to begin with an empty database, run `holdfast database begin-anew`.",
                Setting::Database
            );
        }
        Some(error)
    }

    /// 503 for a well-formed token that no secret of this server made, if its session is
    /// older than the database: the secret may have been lost together with the database.
    /// `None` if the token is certainly invalid.
    pub fn older_than_the_secret(&self, session_id: Uuid) -> Option<ApiError> {
        let error = self.foreign(session_id, self.read().birth.unwrap_or(0))?;
        if is_due(&mut self.alarms().maybe_forged) {
            tracing::warn!(
                "A client sent a token that no master secret of this server has signed. Its session is older than the database. The token may be forged; then there is nothing to do. If browsers cannot renew their sessions, the database or the secret is the wrong one: check {} and {}. If you want to begin with an empty database, run `holdfast database begin-anew`.",
                Setting::Database,
                Setting::Secret
            );
        }
        Some(error)
    }

    /// Logs that a connection of the pool leads to a database without this instance's secret,
    /// although the reads find it.
    pub fn pool_leads_elsewhere(&self) {
        if is_due(&mut self.alarms().pool_elsewhere) {
            tracing::warn!(
                "A connection for requests leads to a database without the master secret of this instance, but the reads of every second find the secret. Check where {} leads, and restart the servers.",
                Setting::Database
            );
        }
    }

    fn foreign(&self, session_id: Uuid, before: u64) -> Option<ApiError> {
        let opened_at = opened_at(session_id)?;
        let is_over = opened_at.saturating_add(self.read().longest_session) < self.clock.now();
        if opened_at >= before || is_over {
            return None;
        }
        Some(ApiError::Unsure("the session is older than this database"))
    }

    fn alarms(&self) -> MutexGuard<'_, Alarms> {
        self.alarms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl From<&StoredDatabase> for Read {
    fn from(stored: &StoredDatabase) -> Self {
        Self {
            birth: stored.birth.and_then(|birth| u64::try_from(birth).ok()),
            longest_session: u64::try_from(stored.longest_session_seconds).unwrap_or(0),
        }
    }
}

/// Whether an alarm may be logged again. If it may, notes that it is logged now.
fn is_due(raised_at: &mut Option<Instant>) -> bool {
    let is_due = raised_at.is_none_or(|at| at.elapsed() > ALARM_EVERY);
    if is_due {
        *raised_at = Some(Instant::now());
    }
    is_due
}

/// When a session was opened, in Unix seconds: its id is a UUIDv7.
fn opened_at(session_id: Uuid) -> Option<u64> {
    if session_id.get_version_num() != 7 {
        return None;
    }
    Some(session_id.get_timestamp()?.to_unix().0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: u64 = 60 * 60;

    fn facts(age: u64) -> (DatabaseFacts, u64) {
        let clock = Clock::system();
        let now = clock.now();
        let stored = StoredDatabase {
            birth: Some(i64::try_from(now - age).unwrap()),
            issuer: None,
            longest_session_seconds: i64::try_from(90 * 24 * HOUR).unwrap(),
        };
        let facts = DatabaseFacts::new(stored, &InstanceFacts::default(), clock);
        (facts.unwrap(), now)
    }

    fn session_of(unix_seconds: u64) -> Uuid {
        uuid::Builder::from_unix_timestamp_millis(unix_seconds * 1000, &[7; 10]).into_uuid()
    }

    #[test]
    fn a_session_from_before_the_first_hour_may_live_elsewhere_and_a_later_one_not() {
        let (facts, now) = facts(2 * HOUR);
        assert!(facts.never_heard_of(session_of(now - HOUR - 1)).is_some());
        assert!(facts.never_heard_of(session_of(now - HOUR)).is_none());
        assert!(
            facts
                .older_than_the_secret(session_of(now - 2 * HOUR - 1))
                .is_some()
        );
        assert!(
            facts
                .older_than_the_secret(session_of(now - 2 * HOUR))
                .is_none()
        );
    }

    #[test]
    fn a_session_that_has_expired_is_over_in_every_database() {
        let (facts, now) = facts(2 * HOUR);
        let longest = 90 * 24 * HOUR;
        assert!(
            facts
                .never_heard_of(session_of(now - longest - 1))
                .is_none()
        );
        assert!(
            facts
                .never_heard_of(session_of(now - longest + 1))
                .is_some()
        );
    }

    #[test]
    fn after_begin_anew_no_session_is_older() {
        let clock = Clock::system();
        let session = session_of(clock.now() - 10 * HOUR);
        let facts = DatabaseFacts::unknown(Duration::from_secs(90 * 24 * HOUR), clock);
        assert!(facts.never_heard_of(session).is_none());
        assert!(facts.older_than_the_secret(session).is_none());
    }

    #[test]
    fn every_clone_learns_what_is_read_later() {
        let (facts, now) = facts(2 * HOUR);
        let clone = facts.clone();
        let session = session_of(now - 100 * 24 * HOUR);
        assert!(clone.never_heard_of(session).is_none());
        facts.learn(&StoredDatabase {
            birth: i64::try_from(now - 2 * HOUR).ok(),
            issuer: None,
            longest_session_seconds: i64::try_from(200 * 24 * HOUR).unwrap(),
        });
        assert!(clone.never_heard_of(session).is_some());
        let days = |days: u64| Duration::from_secs(days * 24 * HOUR);
        assert_eq!(clone.longest_session(), days(200));
        facts.learn(&StoredDatabase {
            birth: None,
            issuer: None,
            longest_session_seconds: i64::try_from(90 * 24 * HOUR).unwrap(),
        });
        assert!(clone.never_heard_of(session).is_none());
        assert_eq!(clone.longest_session(), days(90));
        assert_eq!(clone.young_until(), 0);
    }

    #[test]
    fn the_row_alone_does_not_forget_an_account_that_is_older() {
        let (facts, now) = facts(2 * HOUR);
        let row = |birth: Option<u64>| StoredDatabase {
            birth: birth.and_then(|birth| i64::try_from(birth).ok()),
            issuer: None,
            longest_session_seconds: 0,
        };
        let young_until = facts.young_until();
        facts.learn_row(&row(Some(now - HOUR)));
        assert_eq!(facts.young_until(), young_until);
        facts.learn_row(&row(None));
        assert_eq!(facts.young_until(), 0);
    }

    #[test]
    fn a_clock_before_the_birth_of_the_database_stops_the_start() {
        let clock = Clock::system();
        let stored = |birth: u64| StoredDatabase {
            birth: i64::try_from(birth).ok(),
            issuer: None,
            longest_session_seconds: 0,
        };
        let new =
            |birth| DatabaseFacts::new(stored(birth), &InstanceFacts::default(), clock.clone());
        assert!(new(clock.now() + 3 * START_SLACK).is_err());
        assert!(new(clock.now() + START_SLACK / 2).is_ok());
    }
}
