//! Failures in a row: all instances count them together, and they limit strangers.
//!
//! NIST SP 800-63B-4 §3.2.2 allows at most 100 in a row. After ten, strangers wait: one
//! second at first, and twice as long each time. After a hundred they are refused. This ends
//! when a person who knows the password uses it in a known browser or in a session, or when
//! an operator helps.
//!
//! An answer does not wait until its failure is written. In an earlier version, each request wrote
//! its failure in its own transaction, and a flood used every connection. Failures that are not
//! written yet are counted from memory, so a stalled database does not allow more attempts at this
//! instance. [`Failures`] collects them, and [`run`] writes them on a connection of its own, many
//! failures in one statement.
//!
//! How exact the hundred is: a failure is counted when its password has been computed, and
//! other instances see it when it is written. At each instance two attempts under one name
//! may be under way. So with N instances, up to 2 N more passwords may be tried. Between two
//! attempts there is a wait of up to 15 minutes, so attempts above the limit are rare. A deployment
//! that must stay below a hundred in every case has to lower the limit by this number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_protocol::wire::EventKind;
use sha2::Sha256;
use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use tokio::sync::Notify;
use uuid::Uuid;

use super::refusal::Refusal;
use crate::store::accounts::Failed;
use crate::store::events::CountedEvent;
use crate::store::sign_in_failures::Counted;
use crate::store::{self, ClientInfo, Pool};

/// From this number of failures on, strangers wait.
pub const FEW: u64 = 10;

/// From this number of failures on, strangers are refused. NIST allows a hundred. All
/// instances must have this number or a smaller one.
const MOST: u64 = 100;

/// After this number of failures, a known browser's token has no effect any more.
const SPENT: u64 = 10;

/// The longest wait, in seconds. The server also tells this time to a stranger whom it
/// refuses.
const LONGEST_WAIT: u64 = 15 * 60;

/// How long an attempt waits until failures of its keys are written, and how often it reads them. If
/// they are still being written then, the attempt may count some failures twice, but it misses none.
const PATIENCE_FOR_A_WRITE: Duration = Duration::from_secs(1);
const READS: usize = 3;

/// How many keys may wait to be written. If there are more, the database has not answered for
/// a long time, and then no password can be verified either.
const MOST_WAITING: usize = 100_000;

/// How long writing may take, and how long to wait after it failed.
const PATIENCE: Duration = Duration::from_secs(10);
const AFTER_A_FAILURE: Duration = Duration::from_secs(1);

/// How many entries of an hour the activity has for the failures of strangers. Each of these entries counts
/// the failures of some browsers and addresses.
const ENTRIES_OF_STRANGERS: u8 = 4;

/// The key under which failures are counted: a keyed hash of a name, a known browser or a
/// session.
pub type FailureKey = [u8; 16];

/// Where a wrong password was entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EnteredIn {
    /// In this session, which had to confirm it.
    Session(Uuid),
    /// At a sign-in, in a browser that the account knows.
    KnownBrowser,
    /// At a sign-in, in any other browser.
    StrangeBrowser,
}

impl EnteredIn {
    /// The session.
    pub fn session_id(self) -> Option<Uuid> {
        match self {
            Self::Session(session_id) => Some(session_id),
            Self::KnownBrowser | Self::StrangeBrowser => None,
        }
    }
}

/// The changes that are not written yet. Clones share them.
#[derive(Clone, Default)]
pub struct Failures {
    changes: Arc<Mutex<Changes>>,
    news: Arc<Notify>,
    written: Arc<Notify>,
}

#[derive(Default)]
struct Changes {
    waiting: Batch,
    /// The changes that are being written at this moment.
    writing: HashMap<FailureKey, Change>,
    /// Whether events are being written at this moment.
    are_events_written: bool,
    /// How often writing has begun.
    begun: u64,
}

#[derive(Default)]
struct Batch {
    keys: HashMap<FailureKey, Change>,
    events: HashMap<Uuid, CountedEvent>,
}

/// What has happened to one key.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Change {
    /// All earlier failures were forgotten.
    cleared: bool,
    failures: u64,
}

impl Failures {
    /// Counts a failure, and an event if the failure is about an account.
    pub fn count(&self, key: FailureKey, event: Option<CountedEvent>) {
        let mut changes = self.lock();
        let batch = &mut changes.waiting;
        if batch.keys.len() < MOST_WAITING || batch.keys.contains_key(&key) {
            batch.keys.entry(key).or_default().failures += 1;
        }
        if let Some(event) = event {
            batch.add(event);
        }
        drop(changes);
        self.news.notify_one();
    }

    /// Forgets the failures under this key.
    pub fn clear(&self, key: FailureKey) {
        let change = Change {
            cleared: true,
            failures: 0,
        };
        self.lock().waiting.keys.insert(key, change);
        self.news.notify_one();
    }

    /// Reads the failures of these keys from the database, and adds those that are not
    /// written yet. Each failure counts once. If failures are written while `lookup` reads,
    /// its answer may contain them or not. So this waits until they are written and reads
    /// again.
    ///
    /// # Errors
    /// Those of `lookup`.
    pub async fn read<T, E, F>(
        &self,
        keys: &[FailureKey],
        lookup: impl Fn() -> F,
    ) -> Result<(T, Vec<Unwritten>), E>
    where
        F: Future<Output = Result<T, E>>,
    {
        let mut reads = 0;
        loop {
            reads += 1;
            let waited_in_vain = !self.until_written(keys).await;
            // Memory is read before the database. So a failure that is written in between
            // is counted twice, and never missed.
            let (unwritten, begun) = self.unwritten(keys);
            let found = lookup().await?;
            let is_known_exactly = unwritten.iter().all(Unwritten::is_nothing)
                || self.lock().begun == begun && !self.are_being_written(keys);
            if is_known_exactly || waited_in_vain || reads == READS {
                return Ok((found, unwritten));
            }
        }
    }

    /// The unwritten changes of each key, and how often writing had begun.
    fn unwritten(&self, keys: &[FailureKey]) -> (Vec<Unwritten>, u64) {
        let changes = self.lock();
        let unwritten = keys.iter().map(|key| {
            let of = |changes: &HashMap<_, _>| changes.get(key).copied().unwrap_or_default();
            Unwritten(of(&changes.writing).then(of(&changes.waiting.keys)))
        });
        (unwritten.collect(), changes.begun)
    }

    fn are_being_written(&self, keys: &[FailureKey]) -> bool {
        let changes = self.lock();
        keys.iter().any(|key| changes.writing.contains_key(key))
    }

    /// Waits until none of these keys is being written. `false` if that took too long.
    async fn until_written(&self, keys: &[FailureKey]) -> bool {
        let waiting = async {
            loop {
                // From here on, this is notified of every write that ends.
                let written = self.written.notified();
                if !self.are_being_written(keys) {
                    return;
                }
                written.await;
            }
        };
        let waited = tokio::time::timeout(PATIENCE_FOR_A_WRITE, waiting).await;
        waited.is_ok()
    }

    /// Whether everything that was counted or cleared is written.
    pub fn are_written(&self) -> bool {
        let changes = self.lock();
        changes.waiting.is_empty() && changes.writing.is_empty() && !changes.are_events_written
    }

    /// Waits until everything that was counted or cleared is written.
    pub async fn written(&self) {
        while !self.are_written() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Notes that the failures are written. Their events follow.
    fn keys_are_written(&self) {
        self.lock().writing.clear();
        self.written.notify_waiters();
    }

    /// Notes that writing has ended. Changes that could not be written are kept.
    fn end(&self, kept: Option<Batch>) {
        let mut changes = self.lock();
        changes.writing.clear();
        changes.are_events_written = false;
        if let Some(batch) = kept {
            let later = std::mem::replace(&mut changes.waiting, batch);
            changes.waiting.before(later);
        }
        drop(changes);
        self.written.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, Changes> {
        self.changes.lock().unwrap_or_else(|p| p.into_inner())
    }
}

/// Changes that the database may not know yet.
#[derive(Debug, Clone, Copy)]
pub struct Unwritten(Change);

impl Unwritten {
    fn is_nothing(&self) -> bool {
        self.0 == Change::default()
    }

    /// Adds the changes to what the database says.
    pub fn with(self, stored: Failed) -> Failed {
        let Change { cleared, failures } = self.0;
        let before = if cleared { Failed::default() } else { stored };
        Failed {
            failures: self.count(stored.failures),
            seconds_ago: if failures > 0 { 0 } else { before.seconds_ago },
        }
    }

    /// How many failures there are, if the database knows of `stored`.
    pub fn count(self, stored: u64) -> u64 {
        let Change { cleared, failures } = self.0;
        failures + if cleared { 0 } else { stored }
    }
}

/// Whether a stranger may try.
///
/// # Errors
/// If they may not, and how long they have to wait.
pub fn allow_stranger(failed: Failed) -> Result<(), Refusal> {
    let refused = |seconds: u64| {
        Err(Refusal::TooManyFailures {
            retry_after: u32::try_from(seconds).unwrap_or(u32::MAX),
        })
    };
    if failed.failures >= MOST {
        return refused(LONGEST_WAIT);
    }
    let Some(doublings) = failed.failures.checked_sub(FEW) else {
        return Ok(());
    };
    // Ten doublings are more than the longest wait.
    let wait = (1_u64 << doublings.min(10)).min(LONGEST_WAIT);
    match wait.checked_sub(failed.seconds_ago) {
        Some(left) if left > 0 => refused(left),
        _ => Ok(()),
    }
}

/// Whether the token of a known browser with this many failures has no effect any more.
pub fn is_spent(failures: u64) -> bool {
    failures >= SPENT
}

impl Change {
    fn then(self, later: Self) -> Self {
        if later.cleared {
            return later;
        }
        Self {
            cleared: self.cleared,
            failures: self.failures + later.failures,
        }
    }
}

impl Changes {
    /// Takes the changes that wait, to write them now.
    fn begin(&mut self) -> Batch {
        let batch = std::mem::take(&mut self.waiting);
        self.writing.clone_from(&batch.keys);
        self.are_events_written = !batch.events.is_empty();
        self.begun += 1;
        batch
    }
}

impl Batch {
    fn add(&mut self, event: CountedEvent) {
        if let Some(counted) = self.events.get_mut(&event.event_id) {
            counted.add(&event);
        } else if self.events.len() < MOST_WAITING {
            self.events.insert(event.event_id, event);
        }
    }

    /// Puts this batch, which could not be written, before `later`.
    fn before(&mut self, later: Self) {
        for (key, change) in later.keys {
            let earlier = self.keys.entry(key).or_default();
            *earlier = earlier.then(change);
        }
        for event in later.events.into_values() {
            self.add(event);
        }
    }

    fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.events.is_empty()
    }
}

/// An event about a failure. `key` is a secret, so that a client cannot predict the ids of entries.
///
/// The failures of one hour and one session are one entry, and so are those in known browsers. Those of
/// strangers are up to four, so a stranger's try rarely hides behind a mistake of the person, and nobody can
/// bury what matters under entries. A keyed hash of the browser and its address chooses the entry, so nobody
/// can aim at the entry of another browser.
///
/// A change of the password begins new entries, so the activity shows which failures were before it.
pub fn event(
    key: &[u8],
    now: u64,
    account_id: Uuid,
    password_changed_at: OffsetDateTime,
    entered_in: EnteredIn,
    client: &ClientInfo,
) -> CountedEvent {
    let hour = now / 3600 * 3600;
    let kind = EventKind::SignInFailed;
    let session_id = entered_in.session_id();
    let keyed = Hmac::<Sha256>::new_from_slice(key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    let mut mac = keyed.clone();
    mac.update(account_id.as_bytes());
    mac.update(session_id.unwrap_or_default().as_bytes());
    mac.update(kind.as_str().as_bytes());
    mac.update(&hour.to_be_bytes());
    mac.update(&password_changed_at.unix_timestamp_nanos().to_be_bytes());
    if entered_in == EnteredIn::StrangeBrowser {
        mac.update(&[entry_of_stranger(keyed, account_id, client)]);
    }
    let mut tail = [0; 10];
    tail.copy_from_slice(&mac.finalize().into_bytes()[..10]);
    CountedEvent {
        event_id: uuid::Builder::from_unix_timestamp_millis(hour * 1000, &tail).into_uuid(),
        account_id,
        session_id,
        kind,
        client: client.clone(),
        times: 1,
    }
}

/// Which of the entries of strangers this client belongs to.
fn entry_of_stranger(mut keyed: Hmac<Sha256>, account_id: Uuid, client: &ClientInfo) -> u8 {
    keyed.update(b"entry of a stranger");
    keyed.update(account_id.as_bytes());
    keyed.update(client.ip.as_deref().unwrap_or_default().as_bytes());
    // Neither of the two texts has this byte.
    keyed.update(&[0]);
    keyed.update(client.user_agent.as_deref().unwrap_or_default().as_bytes());
    keyed.finalize().into_bytes()[0] % ENTRIES_OF_STRANGERS
}

/// Writes for ever.
pub async fn run(failures: Failures, pool: Pool) {
    let mut connection = None;
    loop {
        failures.news.notified().await;
        while !write_once(&failures, &pool, &mut connection).await {
            connection = None;
            tokio::time::sleep(AFTER_A_FAILURE).await;
        }
    }
}

/// Writes the changes. `false` if that failed; then they are kept.
async fn write_once(
    failures: &Failures,
    pool: &Pool,
    connection: &mut Option<PgConnection>,
) -> bool {
    let batch = {
        let mut changes = failures.lock();
        changes.begin()
    };
    if batch.is_empty() {
        return true;
    }
    let Batch { keys, events } = &batch;
    if let Err(why) = within(write_keys(keys, pool, connection)).await {
        tracing::warn!(error = %why, "Failed sign-ins were not counted; trying again.");
        failures.end(Some(batch));
        return false;
    }
    // The events are written afterwards, and no attempt waits for them. Only a name with an account
    // has events, so the wait would tell that there is an account.
    failures.keys_are_written();
    if let Err(why) = within(write_events(events, pool, connection)).await {
        tracing::warn!(error = %why, "Failed sign-ins were not noted in the activity; trying again.");
        failures.end(Some(Batch {
            keys: HashMap::new(),
            events: batch.events,
        }));
        return false;
    }
    failures.end(None);
    true
}

/// Writes, or says why not.
async fn within(writing: impl Future<Output = sqlx::Result<()>>) -> Result<(), String> {
    match tokio::time::timeout(PATIENCE, writing).await {
        Ok(written) => written.map_err(|error| error.to_string()),
        Err(_) => Err(format!("no answer within {PATIENCE:?}")),
    }
}

/// The writer's own connection.
async fn connected<'a>(
    connection: &'a mut Option<PgConnection>,
    pool: &Pool,
) -> sqlx::Result<&'a mut PgConnection> {
    match connection {
        Some(connection) => Ok(connection),
        None => Ok(connection.insert(PgConnection::connect_with(pool.options()).await?)),
    }
}

async fn write_keys(
    keys: &HashMap<FailureKey, Change>,
    pool: &Pool,
    connection: &mut Option<PgConnection>,
) -> sqlx::Result<()> {
    let connection = connected(connection, pool).await?;
    let changes = || keys.iter();
    let cleared: Vec<_> = changes()
        .filter(|(_, change)| change.cleared)
        .map(|(key, _)| *key)
        .collect();
    let counted: Vec<_> = changes()
        .filter(|(_, change)| change.failures > 0)
        .map(|(key, change)| Counted {
            key: *key,
            failures: i64::try_from(change.failures).unwrap_or(i64::MAX),
        })
        .collect();
    // Keys are cleared in a transaction of their own, although this may then happen twice:
    // a transaction that clears some keys and then counts others could deadlock with that of
    // another instance. Each transaction locks rows in the order of their keys.
    if !cleared.is_empty() {
        store::sign_in_failures::clear(connection, &cleared).await?;
    }
    // Counting is repeated after a failure and must not count twice. So it is a transaction: if
    // this is broken off while the statement waits, nothing is committed.
    if counted.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin().await?;
    store::sign_in_failures::count(&mut transaction, &counted).await?;
    transaction.commit().await
}

async fn write_events(
    events: &HashMap<Uuid, CountedEvent>,
    pool: &Pool,
    connection: &mut Option<PgConnection>,
) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = events.values().cloned().collect();
    // A transaction, as for the failures.
    let mut transaction = connected(connection, pool).await?.begin().await?;
    store::events::count(&mut transaction, &events).await?;
    transaction.commit().await
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    const KEY: FailureKey = [1; 16];

    /// When the password of each account was set.
    const SET: OffsetDateTime = OffsetDateTime::UNIX_EPOCH;

    fn failed(failures: u64, seconds_ago: u64) -> Failed {
        Failed {
            failures,
            seconds_ago,
        }
    }

    #[test]
    fn strangers_wait_twice_as_long_each_time_and_are_refused_at_a_hundred() {
        let wait = |failures| match allow_stranger(failed(failures, 0)) {
            Ok(()) => 0,
            Err(Refusal::TooManyFailures { retry_after }) => retry_after,
            Err(other) => panic!("{other:?}"),
        };
        let waits: Vec<_> = (8..22).map(wait).collect();
        assert_eq!(
            waits,
            [0, 0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]
        );
        assert_eq!(wait(99), 900);
        assert_eq!(allow_stranger(failed(99, 900)), Ok(()));
        assert!(allow_stranger(failed(100, 1_000_000)).is_err());
        assert_eq!(allow_stranger(failed(13, 8)), Ok(()));
        let left = allow_stranger(failed(13, 5));
        assert_eq!(left, Err(Refusal::TooManyFailures { retry_after: 3 }));
    }

    #[test]
    fn an_unwritten_failure_counts() {
        let failures = Failures::default();
        let stored = failed(8, 500);
        let with_stored = |key| failures.unwritten(&[key]).0[0].with(stored);
        assert_eq!(with_stored(KEY), stored);
        failures.count(KEY, None);
        failures.count(KEY, None);
        assert_eq!(with_stored(KEY), failed(10, 0));
        failures.clear(KEY);
        assert_eq!(with_stored(KEY), failed(0, 0));
        failures.count(KEY, None);
        assert_eq!(with_stored(KEY), failed(1, 0));
        assert_eq!(with_stored([2; 16]), stored);
    }

    /// Reads while a database of one key is written to. `while_reading` is what happens
    /// during each read, before the answer.
    async fn read(failures: &Failures, while_reading: impl Fn(&mut u64)) -> (Failed, usize) {
        let stored = Mutex::new((0, 0));
        let (found, unwritten) = failures
            .read(&[KEY], || async {
                let mut stored = stored.lock().unwrap();
                while_reading(&mut stored.0);
                stored.1 += 1;
                Ok::<_, sqlx::Error>(failed(stored.0, 0))
            })
            .await
            .unwrap();
        let reads = stored.lock().unwrap().1;
        (unwritten[0].with(found), reads)
    }

    #[tokio::test]
    async fn a_failure_that_is_written_while_it_is_read_counts_once() {
        let failures = Failures::default();
        failures.count(KEY, None);
        let (counted, reads) = read(&failures, |stored| {
            let batch = failures.lock().begin();
            *stored += batch.keys.get(&KEY).map_or(0, |change| change.failures);
            failures.end(None);
        })
        .await;
        assert_eq!((counted.failures, reads), (1, 2));
    }

    #[tokio::test]
    async fn an_attempt_waits_for_a_failure_that_is_being_written() {
        let failures = Failures::default();
        failures.count(KEY, None);
        let batch = failures.lock().begin();
        let reading = tokio::spawn({
            let failures = failures.clone();
            // The database has it by the time at which it is read.
            async move { read(&failures, |stored| *stored = 1).await }
        });
        tokio::task::yield_now().await;
        assert!(!reading.is_finished());
        failures.end(None);
        drop(batch);
        let (counted, reads) = reading.await.unwrap();
        assert_eq!((counted.failures, reads), (1, 1));
    }

    #[tokio::test]
    async fn a_write_that_fails_loses_no_failure() {
        let failures = Failures::default();
        failures.count(KEY, None);
        let batch = failures.lock().begin();
        failures.count(KEY, None);
        failures.end(Some(batch));
        let (counted, reads) = read(&failures, |_| ()).await;
        assert_eq!((counted.failures, reads), (2, 1));
    }

    #[tokio::test]
    async fn a_write_that_does_not_end_delays_an_attempt_for_a_second_and_counts() {
        let failures = Failures::default();
        failures.count(KEY, None);
        let _batch = failures.lock().begin();
        let (counted, reads) = read(&failures, |_| ()).await;
        assert_eq!((counted.failures, reads), (1, 1));
    }

    #[test]
    fn changes_that_could_not_be_written_come_before_later_ones() {
        let change = |cleared, failures| Change { cleared, failures };
        for (earlier, later, expected) in [
            (change(false, 2), change(false, 3), change(false, 5)),
            (change(true, 2), change(false, 3), change(true, 5)),
            (change(false, 2), change(true, 3), change(true, 3)),
        ] {
            let keys = |change| HashMap::from([(KEY, change)]);
            let batch = |keys| Batch {
                keys,
                events: HashMap::new(),
            };
            let mut all = batch(keys(earlier));
            all.before(batch(keys(later)));
            assert_eq!(all.keys, keys(expected));
        }
    }

    #[test]
    fn the_failures_of_one_hour_in_known_browsers_are_one_entry() {
        let account = Uuid::from_u128(1);
        let event = |now, account, ip: &str| {
            let client = ClientInfo {
                ip: Some(ip.to_owned()),
                user_agent: None,
            };
            super::event(b"key", now, account, SET, EnteredIn::KnownBrowser, &client)
        };
        let mut batch = Batch::default();
        batch.add(event(7200, account, "192.0.2.1"));
        batch.add(event(10_799, account, "192.0.2.1"));
        batch.add(event(10_800, account, "192.0.2.1"));
        batch.add(event(7200, Uuid::from_u128(2), "192.0.2.1"));
        assert_eq!(batch.events.len(), 3);
        let id = event(7200, account, "").event_id;
        assert_eq!(id.get_version_num(), 7);
        assert_eq!(batch.events[&id].times, 2);
        assert_eq!(batch.events[&id].client.ip.as_deref(), Some("192.0.2.1"));
        batch.add(event(7300, account, "192.0.2.2"));
        assert_eq!(batch.events[&id].client.ip, None);
    }

    #[test]
    fn strangers_make_four_entries_an_hour_and_count_in_no_other_one() {
        let account = Uuid::from_u128(1);
        let entries = |entered_in| -> HashSet<Uuid> {
            let events = (0..200_u32).map(|n| {
                let client = ClientInfo {
                    ip: Some(format!("192.0.2.{n}")),
                    user_agent: Some(format!("curl/{}", n / 10)),
                };
                super::event(b"key", 7200, account, SET, entered_in, &client)
            });
            events.map(|event| event.event_id).collect()
        };
        let strangers = entries(EnteredIn::StrangeBrowser);
        assert_eq!(strangers.len(), usize::from(ENTRIES_OF_STRANGERS));
        let known = entries(EnteredIn::KnownBrowser);
        let session = entries(EnteredIn::Session(Uuid::from_u128(2)));
        assert_eq!((known.len(), session.len()), (1, 1));
        assert!(known.is_disjoint(&session));
        assert!(strangers.is_disjoint(&known) && strangers.is_disjoint(&session));
        // The same client counts in the same entry.
        assert_eq!(entries(EnteredIn::StrangeBrowser), strangers);
    }

    #[test]
    fn a_change_of_the_password_begins_a_new_entry() {
        let client = ClientInfo {
            ip: Some("192.0.2.1".to_owned()),
            user_agent: None,
        };
        let changed = SET + Duration::from_micros(1);
        for entered_in in [
            EnteredIn::StrangeBrowser,
            EnteredIn::KnownBrowser,
            EnteredIn::Session(Uuid::from_u128(2)),
        ] {
            let id = |now, set| {
                let account = Uuid::from_u128(1);
                super::event(b"key", now, account, set, entered_in, &client).event_id
            };
            assert_eq!(id(7200, SET), id(7300, SET), "{entered_in:?}");
            assert_ne!(id(7200, SET), id(7300, changed), "{entered_in:?}");
            assert_eq!(id(7200, changed), id(7300, changed), "{entered_in:?}");
        }
    }
}
