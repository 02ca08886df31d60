//! The pool of connections to the database.
//!
//! sqlx has a pool, but it has two faults for this server. Each time a connection is given
//! back, it tests whether the connection is alive; this doubles the cost of a rotation for
//! the database. And it waits for the answer without a limit, so a database host that
//! vanishes without closing its connections keeps every connection for ever. This pool uses
//! deadpool, and it never waits without a limit.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool::Runtime;
use deadpool::managed::{self, Metrics, Object, PoolError, QueueMode, RecycleError};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, Executor as _, PgConnection, PgTransaction};

/// How long a request waits for a free connection. Opening a new connection has the same limit.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a connection may take to say that it is alive.
const ANSWERS_WITHIN: Duration = Duration::from_secs(1);

/// A connection that was not used for this time is not used again, because firewalls forget
/// such connections.
const IDLE: Duration = Duration::from_secs(10 * 60);

/// No connection gets older than this, so that the server follows an address that leads to
/// another database.
const LIFETIME: Duration = Duration::from_secs(30 * 60);

/// The connections of one instance. Clones share them.
#[derive(Clone)]
pub struct Pool {
    kept: managed::Pool<Manager>,
    /// Where connections outside of the pool lead: to Postgres itself, without a pooler.
    direct: Arc<PgConnectOptions>,
    is_behind_pooler: bool,
    doubts: Doubts,
}

/// A connection. It belongs to the caller until it is dropped.
#[derive(Debug)]
pub struct Connection {
    object: Option<Object<Manager>>,
    doubts: Doubts,
    /// Whether `begin` was sent and Postgres has not answered yet.
    is_beginning: bool,
}

/// Makes connections, and says which can be used again.
struct Manager {
    options: PgConnectOptions,
    doubts: Doubts,
}

/// A connection, and when it was last known to work.
#[derive(Debug)]
struct Kept {
    connection: PgConnection,
    worked_at: Instant,
}

/// When a connection last turned out to be broken. Other connections that have not answered
/// since may be broken as well, so they are not used again.
#[derive(Clone, Debug, Default)]
struct Doubts(Arc<Mutex<Option<Instant>>>);

impl Pool {
    /// A pool. It connects when a caller needs the first connection.
    pub(super) fn new(options: PgConnectOptions, connections: u32) -> Self {
        Self::with_doubts(options.clone(), options, connections, Doubts::default())
    }

    /// A pool whose connections lead to a pooler, while `direct` leads to Postgres itself.
    pub(super) fn behind_pooler(
        options: PgConnectOptions,
        direct: PgConnectOptions,
        connections: u32,
    ) -> Self {
        Self {
            is_behind_pooler: true,
            ..Self::with_doubts(options, direct, connections, Doubts::default())
        }
    }

    /// Makes a second pool, of `connections` connections to the same address with more settings.
    /// When a connection of one pool is broken, neither pool uses its idle connections again.
    /// `None` behind a pooler, which keeps no settings.
    pub(super) fn of_its_own(
        &self,
        connections: u32,
        settings: impl FnOnce(PgConnectOptions) -> PgConnectOptions,
    ) -> Option<Self> {
        if self.is_behind_pooler {
            return None;
        }
        let options = settings(self.options().clone());
        let (direct, doubts) = (options.clone(), self.doubts.clone());
        Some(Self::with_doubts(options, direct, connections, doubts))
    }

    fn with_doubts(
        options: PgConnectOptions,
        direct: PgConnectOptions,
        connections: u32,
        doubts: Doubts,
    ) -> Self {
        let manager = Manager {
            options,
            doubts: doubts.clone(),
        };
        let most = usize::try_from(connections).unwrap_or(usize::MAX);
        let kept = managed::Pool::builder(manager)
            .max_size(most)
            // The connection that was used last comes first, so that the others can grow old
            // and be closed.
            .queue_mode(QueueMode::Lifo)
            .wait_timeout(Some(PATIENCE))
            .create_timeout(Some(PATIENCE))
            .runtime(Runtime::Tokio1)
            .build()
            // This only fails without a runtime.
            .unwrap_or_else(|error| unreachable!("{error}"));
        Self {
            kept,
            direct: Arc::new(direct),
            is_behind_pooler: false,
            doubts,
        }
    }

    /// A connection from the pool, or a new one.
    ///
    /// # Errors
    /// When no connection is free within 3 seconds, or the database cannot be reached.
    pub async fn acquire(&self) -> sqlx::Result<Connection> {
        match self.kept.get().await {
            Ok(object) => Ok(Connection {
                object: Some(object),
                doubts: self.doubts.clone(),
                is_beginning: false,
            }),
            Err(PoolError::Closed) => Err(sqlx::Error::PoolClosed),
            Err(PoolError::Backend(error)) => {
                // A database that has no room for another connection has answered. That says
                // nothing about the other connections.
                if is_broken(&error) {
                    self.doubt();
                }
                Err(error)
            }
            Err(_) => Err(sqlx::Error::PoolTimedOut),
        }
    }

    /// Notes that the database may have gone away: connections that have not answered since
    /// are not used again.
    pub fn doubt(&self) {
        self.doubts.arise();
    }

    /// Where connections outside of the pool lead: to Postgres itself, without a pooler.
    pub fn options(&self) -> &PgConnectOptions {
        &self.direct
    }

    /// How many connections there are, in use or not.
    pub fn len(&self) -> usize {
        self.kept.status().size
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Closes connections that were not used for ten minutes.
    pub async fn close_idle(&self) {
        let idle = self
            .kept
            .retain(|_, metrics| metrics.last_used() < IDLE && metrics.age() < LIFETIME);
        close(idle.removed).await;
    }

    /// Closes every connection. Those that are in use are closed when they are given back.
    pub async fn close(&self) {
        let all = self.kept.retain(|_, _| false);
        self.kept.close();
        close(all.removed).await;
    }
}

/// Whether an error means that the connection is gone.
pub fn is_broken(error: &sqlx::Error) -> bool {
    matches!(
        error,
        sqlx::Error::Io(_) | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_)
    )
}

async fn close(connections: Vec<Kept>) {
    for kept in connections {
        let _ = tokio::time::timeout(ANSWERS_WITHIN, kept.connection.close()).await;
    }
}

/// Does not print the address, because it may contain the database's password.
impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("kept", &self.kept)
            .finish_non_exhaustive()
    }
}

/// Does not print the options, because they contain the database's password.
impl fmt::Debug for Manager {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manager")
            .field("host", &self.options.get_host())
            .field("database", &self.options.get_database())
            .finish_non_exhaustive()
    }
}

impl managed::Manager for Manager {
    type Type = Kept;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<Kept> {
        let connection = PgConnection::connect_with(&self.options).await?;
        Ok(Kept {
            connection,
            worked_at: Instant::now(),
        })
    }

    async fn recycle(
        &self,
        kept: &mut Kept,
        metrics: &Metrics,
    ) -> managed::RecycleResult<sqlx::Error> {
        if metrics.age() > LIFETIME || metrics.last_used() > IDLE {
            return Err(RecycleError::message("too old"));
        }
        // A test of a broken connection could take a second. A new connection takes milliseconds.
        if self.doubts.since(kept.worked_at) {
            return Err(RecycleError::message("others of its age are broken"));
        }
        Ok(())
    }
}

impl Connection {
    /// Begins a transaction, which is rolled back unless it is committed.
    ///
    /// # Errors
    /// When the connection is broken.
    pub async fn begin(&mut self) -> sqlx::Result<PgTransaction<'_>> {
        let Some(object) = &mut self.object else {
            unreachable!("it is taken when the connection is given back")
        };
        // sqlx rolls a transaction back only if it has had the answer to its first statement.
        self.is_beginning = true;
        let transaction = sqlx::Connection::begin(&mut object.connection).await?;
        self.is_beginning = false;
        Ok(transaction)
    }

    /// Gives the connection back without testing whether it still works. Call this after a
    /// statement that was answered, outside of a transaction. Because of it, a rotation is
    /// one round trip.
    pub fn release(mut self) {
        if self.is_beginning {
            return;
        }
        if let Some(mut object) = self.object.take() {
            object.worked_at = Instant::now();
        }
    }
}

impl Deref for Connection {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        match &self.object {
            Some(object) => &object.connection,
            None => unreachable!("it is taken when the connection is given back"),
        }
    }
}

impl DerefMut for Connection {
    fn deref_mut(&mut self) -> &mut PgConnection {
        match &mut self.object {
            Some(object) => &mut object.connection,
            None => unreachable!("it is taken when the connection is given back"),
        }
    }
}

/// If a caller drops a connection without `release`, its request may have stopped in the middle of
/// a statement, or it may have met an error. So the connection is tested, which also rolls back an
/// open transaction. If the connection does not answer, it is closed.
///
/// A security duty: no connection is given back with an open transaction. Otherwise the statements
/// of the next request would run inside that transaction. `now()` would be the time at which the
/// transaction began, and nothing would be committed.
impl Drop for Connection {
    fn drop(&mut self) {
        let Some(mut object) = self.object.take() else {
            return;
        };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else {
            return;
        };
        let (doubts, is_beginning) = (self.doubts.clone(), self.is_beginning);
        runtime.spawn(async move {
            let test = async {
                if is_beginning {
                    // Postgres runs this after the `begin` that was sent before.
                    object.connection.execute("rollback").await?;
                }
                object.connection.ping().await
            };
            match tokio::time::timeout(ANSWERS_WITHIN, test).await {
                Ok(Ok(())) => object.worked_at = Instant::now(),
                answer => {
                    // A connection that does not answer may still run the statement that was
                    // broken off.
                    if matches!(answer, Ok(Err(error)) if is_broken(&error)) {
                        doubts.arise();
                    }
                    drop(Object::take(object));
                }
            }
        });
    }
}

impl Doubts {
    fn arise(&self) {
        *self.0.lock().unwrap_or_else(|p| p.into_inner()) = Some(Instant::now());
    }

    fn since(&self, instant: Instant) -> bool {
        self.0
            .lock()
            .unwrap_or_else(|p| p.into_inner())
            .is_some_and(|doubted_at| doubted_at >= instant)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pool_does_not_print_the_password() {
        let pooler = "postgres://ada:hunter2@db.example/holdfast";
        let direct = "postgres://ada:hunter2@direct.example/holdfast";
        let pool = Pool::behind_pooler(pooler.parse().unwrap(), direct.parse().unwrap(), 2);
        let printed = format!("{pool:?}");
        assert!(printed.contains("db.example"), "{printed}");
        assert!(!printed.contains("hunter2"), "{printed}");
    }
}
