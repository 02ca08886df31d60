//! Reads `session_ends` every second: the truth about endings.
//!
//! It has a connection of its own, so that requests which hold every connection of the
//! pool cannot keep it from reading. When that connection fails, the same second's read
//! goes through the pool.

use std::time::Duration;

use sqlx::{Connection as _, PgConnection};
use time::OffsetDateTime;
use tokio::time::{MissedTickBehavior, interval, timeout};

use super::{EndedSessions, Ending, KEPT};
use crate::secrets_in_use::SecretsInUse;
use crate::store::session_ends::{self, Place};
use crate::store::{self, Pool};

/// How often the table is read.
const EVERY: Duration = Duration::from_secs(1);

/// How long the own connection may take to be made or to answer before the pool is asked.
const PATIENCE: Duration = Duration::from_millis(500);

/// How long the pool may take.
const POOLS_PATIENCE: Duration = Duration::from_secs(5);

/// By how much reads overlap: an ending is dated when it is written and becomes visible
/// when it commits, at most a statement's time limit later.
const OVERLAP: Duration = Duration::from_secs(60);

/// How many endings one statement reads.
const PAGE: i64 = 50_000;

/// By how much this instance's clock may differ from the database's.
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

/// Reads the endings, and with them which master secrets are in use.
#[derive(Debug)]
pub struct Reader {
    pool: Pool,
    ended: EndedSessions,
    secrets: SecretsInUse,
    own: Option<PgConnection>,
    /// The database's clock at the last read. `None` reads everything that is kept.
    read_at: Option<OffsetDateTime>,
    is_migrated: bool,
    failed: bool,
    clock_differs: bool,
}

impl Reader {
    /// For one instance.
    pub fn new(pool: Pool, ended: EndedSessions, secrets: SecretsInUse) -> Self {
        Self {
            pool,
            ended,
            secrets,
            own: None,
            read_at: None,
            is_migrated: false,
            failed: false,
            clock_differs: false,
        }
    }

    async fn read_and_tell(&mut self) {
        let read = self.read().await;
        let failed = read.is_err();
        // Once, not every second: a database that is away says nothing new.
        if let (Err(error), false) = (read, self.failed) {
            tracing::warn!(%error, "The ended sessions cannot be read; trying again every second.");
        }
        self.failed = failed;
    }

    /// Reads once, over the own connection or else the pool.
    ///
    /// # Errors
    /// While the database cannot be read in either way.
    pub async fn read(&mut self) -> anyhow::Result<()> {
        self.ended.forget_old();
        if self.read_by_own_connection().await.is_ok() {
            return Ok(());
        }
        self.own = None;
        self.pool.doubt();
        self.read_by_pool().await
    }

    async fn read_by_own_connection(&mut self) -> anyhow::Result<()> {
        let mut connection = match self.own.take() {
            Some(connection) => connection,
            None => {
                let options = self.pool.options();
                let connection = PgConnection::connect_with(options);
                let connection = timeout(PATIENCE, connection).await??;
                // It may lead to another server than before: begin anew.
                self.read_at = None;
                connection
            }
        };
        self.read_by(&mut connection, PATIENCE).await?;
        self.own = Some(connection);
        Ok(())
    }

    async fn read_by_pool(&mut self) -> anyhow::Result<()> {
        let mut connection = timeout(POOLS_PATIENCE, self.pool.acquire()).await??;
        self.read_by(&mut connection, POOLS_PATIENCE).await?;
        connection.release();
        Ok(())
    }

    /// Reads page after page. `patience` is for each of them.
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
        self.secrets.read(connection).await?;
        let mut begun_at = None;
        let mut place = match self.read_at {
            Some(read_at) => Place::After(read_at - OVERLAP),
            None => Place::Kept(KEPT.as_secs_f64()),
        };
        loop {
            let page = session_ends::read(connection, place, PAGE);
            let page = timeout(patience, page).await??;
            // Of the first page: what is written meanwhile is read the next time.
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
                    if !self.ended.is_trusted() {
                        tracing::info!(
                            sessions = self.ended.len(),
                            "The ended sessions are known."
                        );
                    }
                    self.ended.note_read();
                    self.read_at = Some(begun_at);
                    return Ok(());
                }
            }
        }
    }

    fn compare_clocks(&mut self, databases: OffsetDateTime) {
        let databases = u64::try_from(databases.unix_timestamp()).unwrap_or(0);
        let seconds = databases.abs_diff(self.secrets.clock().now());
        let differs = seconds > CLOCK_SLACK;
        if differs && !self.clock_differs {
            tracing::warn!(
                clock.differs.seconds = seconds,
                "The clock of this machine is not the database's. Set it: access tokens are dated by it."
            );
        }
        self.clock_differs = differs;
    }
}
