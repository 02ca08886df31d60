//! Reads `session_ends` every second. This read makes the set of endings complete. The same read
//! tells which accounts have a new name.
//!
//! The reader has a connection of its own, so that it can read even when requests use every
//! connection of the pool. If that connection fails, the same read makes another one; if
//! that fails, it uses the pool. The reader never waits without a limit. It never writes,
//! because a write may wait for a standby that does not answer.

use std::time::{Duration, Instant};

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{EndedSessions, Ending, KEPT};
use crate::profiles::Profiles;
use crate::secrets_in_use::SecretsInUse;
use crate::store::session_ends::{self, PageStart};
use crate::store::{self, Pool, diagnosis, former_usernames, is_broken};

/// How often the table is read.
const EVERY: Duration = Duration::from_secs(1);

/// How long the reader's connection may take to answer before another one is made.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long a new connection may take to connect, and to answer. All endings in the table
/// are read through it.
const NEW_PATIENCE: Duration = Duration::from_secs(3);

/// How long the reader's connection is used. If the address leads to another server by then,
/// the new connection goes there, although the old server still runs.
const RENEWED_EVERY: Duration = Duration::from_secs(60);

/// How long a read through the pool may take.
const POOLS_PATIENCE: Duration = Duration::from_secs(5);

/// How much reads overlap. An ending has the time when it is written, but it becomes visible
/// when its transaction commits. If a transaction is open for longer than the overlap, for example
/// because its commit waits for a standby, the next read begins before the start of that
/// transaction.
const OVERLAP: Duration = Duration::from_secs(60);

/// How many endings one statement reads.
const PAGE: i64 = 50_000;

/// How much this instance's clock may differ from the database's, in seconds.
const CLOCK_SLACK: u64 = 2;

/// Reads for ever.
pub async fn run(mut reader: Reader) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        reader.read_and_tell().await;
    }
}

/// The reader's own connection.
#[derive(Debug)]
struct Own {
    connection: PgConnection,
    made_at: Instant,
}

/// Reads the endings, and in the same read which master secrets are in use.
#[derive(Debug)]
pub struct Reader {
    pool: Pool,
    ended: EndedSessions,
    secrets: SecretsInUse,
    profiles: Profiles,
    own: Option<Own>,
    renewed_every: Duration,
    /// Which database was read.
    identity: Option<String>,
    /// The task that notes, in the database, which secret this instance uses. It runs beside the
    /// reads.
    saying: Option<JoinHandle<()>>,
    /// Where the next read begins, on the database's clock. `None` reads everything that is
    /// kept.
    read_from: Option<OffsetDateTime>,
    overlap: Duration,
    is_migrated: bool,
    failed: bool,
    clock_differs: bool,
}

impl Reader {
    /// For one instance.
    pub fn new(
        pool: Pool,
        ended: EndedSessions,
        secrets: SecretsInUse,
        profiles: Profiles,
    ) -> Self {
        Self {
            pool,
            ended,
            secrets,
            profiles,
            own: None,
            renewed_every: RENEWED_EVERY,
            identity: None,
            saying: None,
            read_from: None,
            overlap: OVERLAP,
            is_migrated: false,
            failed: false,
            clock_differs: false,
        }
    }

    /// A reader whose reads overlap by this much, so that a test need not wait for a minute.
    pub fn overlapping(self, overlap: Duration) -> Self {
        Self { overlap, ..self }
    }

    /// A reader whose connection is renewed this often.
    pub fn renewing_every(self, renewed_every: Duration) -> Self {
        Self {
            renewed_every,
            ..self
        }
    }

    async fn read_and_tell(&mut self) {
        let read = self.read().await;
        let failed = read.is_err();
        // This is logged once, not every second, because it does not change.
        if let (Err(error), false) = (read, self.failed) {
            tracing::warn!(%error, "The ended sessions cannot be read; trying again every second.");
        }
        self.failed = failed;
    }

    /// Reads once, through the reader's connection or else through the pool.
    ///
    /// # Errors
    /// While the database cannot be read in any of these ways.
    pub async fn read(&mut self) -> anyhow::Result<()> {
        self.ended.forget_old();
        let read = self.read_somehow().await;
        self.say_what_is_due();
        read
    }

    async fn read_somehow(&mut self) -> anyhow::Result<()> {
        let Some(mut own) = self.own.take() else {
            return match self.read_by_new_connection().await {
                Ok(()) => Ok(()),
                Err(_) => self.read_by_pool().await,
            };
        };
        if own.made_at.elapsed() >= self.renewed_every {
            own = self.renewed(own).await;
        }
        let Err(failed) = self.read_by(&mut own.connection, PATIENCE).await else {
            self.own = Some(own);
            return Ok(());
        };
        drop(own);
        let again_at = Instant::now();
        let again = self.read_by_new_connection().await;
        if casts_doubt(&failed, &again, again_at.elapsed()) {
            self.pool.doubt();
        }
        match again {
            Ok(()) => Ok(()),
            Err(_) => self.read_by_pool().await,
        }
    }

    async fn read_by_new_connection(&mut self) -> anyhow::Result<()> {
        let mut own = self.connect(NEW_PATIENCE).await?;
        // It is not certain what the broken connection read last. So the next read reads all
        // endings that are kept.
        self.read_from = None;
        self.read_by(&mut own.connection, NEW_PATIENCE).await?;
        self.own = Some(own);
        Ok(())
    }

    /// Replaces a connection that works by a new one. If no new one can be made, the old one
    /// is used until the next renewal.
    async fn renewed(&mut self, old: Own) -> Own {
        let Ok(new) = self.connect(PATIENCE).await else {
            return Own {
                made_at: Instant::now(),
                ..old
            };
        };
        tokio::spawn(timeout(PATIENCE, old.connection.close()));
        new
    }

    /// Connects. If the connection leads to another database than before, everything is read
    /// again.
    async fn connect(&mut self, patience: Duration) -> anyhow::Result<Own> {
        let made_at = Instant::now();
        let connection = PgConnection::connect_with(self.pool.options());
        let mut connection = timeout(patience, connection).await??;
        let server = diagnosis::server(&mut connection);
        let identity = Some(timeout(patience, server).await??.identity);
        if self.identity != identity {
            self.identity = identity;
            self.is_migrated = false;
            self.read_from = None;
        }
        Ok(Own {
            connection,
            made_at,
        })
    }

    /// If it is time for that, starts the task that notes, in the database, which secret this
    /// instance uses and how long its sessions live. The reads do not wait for the task.
    fn say_what_is_due(&mut self) {
        let is_saying = self.saying.as_ref().is_some_and(|task| !task.is_finished());
        if !is_saying && self.secrets.is_due() {
            let (secrets, pool) = (self.secrets.clone(), self.pool.clone());
            self.saying = Some(tokio::spawn(async move { secrets.say(&pool).await }));
        }
    }

    async fn read_by_pool(&mut self) -> anyhow::Result<()> {
        let mut connection = timeout(POOLS_PATIENCE, self.pool.acquire()).await??;
        self.read_by(&mut connection, POOLS_PATIENCE).await?;
        connection.release();
        Ok(())
    }

    /// Reads page after page. Each page may take as long as `patience`.
    async fn read_by(
        &mut self,
        connection: &mut PgConnection,
        patience: Duration,
    ) -> anyhow::Result<()> {
        if !self.is_migrated {
            let is_migrated = timeout(patience, store::is_migrated(connection)).await??;
            anyhow::ensure!(is_migrated, "the database is not migrated");
            self.is_migrated = true;
        }
        let mut begun_at = None;
        let oldest_writer = session_ends::oldest_writer(connection);
        let oldest_writer = timeout(patience, oldest_writer).await??;
        let mut place = match self.read_from {
            Some(moment) => PageStart::After(moment),
            None => PageStart::Kept(KEPT.as_secs_f64()),
        };
        loop {
            let page = session_ends::read(connection, place, PAGE);
            let page = timeout(patience, page).await??;
            // The time of the first page counts: endings that are written meanwhile are read
            // the next time.
            let begun_at = *begun_at.get_or_insert(page.read_at);
            self.compare_clocks(page.read_at);
            self.ended.learn(page.endings.iter().map(|ended| {
                Ending {
                    session_id: ended.session_id,
                    reason: ended.reason,
                    age: (page.read_at - ended.ended_at)
                        .try_into()
                        .unwrap_or_default(),
                }
            }));
            match page.next {
                Some(next) => place = next,
                None => {
                    timeout(patience, self.secrets.read(connection)).await??;
                    timeout(patience, self.forget_old_names(connection)).await??;
                    if !self.ended.is_trusted() {
                        tracing::info!(
                            sessions = self.ended.len(),
                            "The ended sessions are known."
                        );
                    }
                    self.ended.note_read();
                    let overlapping = begun_at - self.overlap;
                    let unseen = oldest_writer.map_or(overlapping, |at| at.min(overlapping));
                    // The set keeps no endings that are older than this.
                    self.read_from = Some(unseen.max(begun_at - KEPT));
                    return Ok(());
                }
            }
        }
    }

    /// Removes the accounts from the cache that have a new name since the last read.
    async fn forget_old_names(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        let Some(read_from) = self.read_from else {
            // It is not known when the read before was.
            self.profiles.forget_all();
            return Ok(());
        };
        // A change gets its time when it is written, and becomes visible when its transaction commits. So
        // this read also overlaps with the one before.
        let since = read_from - self.overlap;
        for account_id in former_usernames::renamed_since(connection, since).await? {
            self.profiles.forget(account_id);
        }
        Ok(())
    }

    fn compare_clocks(&mut self, databases: OffsetDateTime) {
        let databases = u64::try_from(databases.unix_timestamp()).unwrap_or(0);
        let seconds = databases.abs_diff(self.secrets.clock().now());
        let differs = seconds > CLOCK_SLACK;
        if differs && !self.clock_differs {
            tracing::warn!(
                clock.differs.seconds = seconds,
                "The clock of this machine differs from the database's. Set it, because the server dates access tokens by it."
            );
        }
        self.clock_differs = differs;
    }
}

/// Whether the connections of the pool may be broken. `failed` is how the reader's connection
/// failed, `again` is the result with another connection, and `took` is how long that took.
///
/// A busy database breaks no connection, and the pool must not ask a full database for new
/// connections.
fn casts_doubt(failed: &anyhow::Error, again: &anyhow::Result<()>, took: Duration) -> bool {
    if failed.downcast_ref::<sqlx::Error>().is_some_and(is_broken) {
        return true;
    }
    if !failed.is::<Elapsed>() {
        return false;
    }
    match again {
        // The database answers quickly, so only the connection did not answer.
        Ok(()) => took < PATIENCE,
        // The host does not answer either.
        Err(error) => error.is::<Elapsed>() || error.downcast_ref().is_some_and(is_broken),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn elapsed() -> anyhow::Error {
        let elapsed = timeout(Duration::ZERO, std::future::pending::<()>()).await;
        elapsed.unwrap_err().into()
    }

    fn io() -> anyhow::Error {
        sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()).into()
    }

    #[tokio::test]
    async fn a_busy_or_a_full_database_casts_no_doubt_on_the_pool() {
        let slow = Duration::from_secs(2);
        let full = || Err(sqlx::Error::PoolTimedOut.into());
        assert!(!casts_doubt(&elapsed().await, &Ok(()), slow));
        assert!(!casts_doubt(&elapsed().await, &full(), Duration::ZERO));
        let refused = sqlx::Error::RowNotFound.into();
        assert!(!casts_doubt(&refused, &Ok(()), Duration::ZERO));
    }

    #[tokio::test]
    async fn a_broken_connection_and_a_silent_host_cast_doubt_on_the_pool() {
        let slow = Duration::from_secs(2);
        assert!(casts_doubt(&io(), &Ok(()), slow));
        assert!(casts_doubt(&elapsed().await, &Ok(()), Duration::ZERO));
        assert!(casts_doubt(&elapsed().await, &Err(io()), slow));
        assert!(casts_doubt(&elapsed().await, &Err(elapsed().await), slow));
    }
}
