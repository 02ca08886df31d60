//! All the SQL, as plain functions on a connection. Nearly every table has a file of its own.

pub mod accounts;
pub mod database;
pub mod diagnosis;
pub mod events;
mod pool;
pub mod recovery_codes;
pub mod secrets;
pub mod session_ends;
pub mod sessions;
pub mod sign_in_failures;

use std::io;
use std::sync::LazyLock;
use std::time::Duration;

use sqlx::migrate::{MigrateError, Migrator};
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

pub use pool::{Connection, Pool, is_broken};

/// How long a connection outside of a pool may take until it can be used.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// The migrations, compiled in. Several instances may apply them at once: the
/// migrator takes an advisory lock.
///
/// Migrations of a later release are ignored, so an instance of this release can still start
/// after an upgrade, and an operator can roll back to it. Therefore a migration only adds things,
/// and the previous release works without them. The next release removes what is not used any
/// more.
pub static MIGRATOR: LazyLock<Migrator> = LazyLock::new(|| {
    let mut migrator = sqlx::migrate!("../migrations");
    migrator.set_ignore_missing(true);
    migrator
});

/// What the database keeps about the client of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address, if it is known.
    pub ip: Option<String>,
    /// The `User-Agent`, cut at 256 bytes.
    pub user_agent: Option<String>,
}

/// A pool whose connections all have the settings that the rules need.
///
/// They use READ COMMITTED: if two requests update the same row, one of them changes nothing, and
/// its second statement must see the row that the other request has written. They have time limits,
/// because a stalled statement must not keep a connection for ever.
pub fn pool(options: PgConnectOptions, connections: u32) -> Pool {
    Pool::new(with_settings(options), connections)
}

/// A pool whose connections lead to a pooler, such as PgBouncer in transaction mode.
/// Connections outside of the pool go to `direct`.
///
/// A pooler refuses the settings that a client sends. Also, the pooler gives the connection to
/// another client later, and a setting would stay. So an operator gives the settings to the role:
/// `alter role … set …`.
pub fn pool_behind_pooler(
    options: PgConnectOptions,
    direct: PgConnectOptions,
    connections: u32,
) -> Pool {
    let pooled = without_settings(options);
    Pool::behind_pooler(pooled, with_settings(direct), connections)
}

/// Removes all settings, for a connection that may lead to a pooler. A pooler also refuses
/// `extra_float_digits`, which sqlx sends by default.
pub fn without_settings(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("holdfast")
        .extra_float_digits(None)
}

/// Whether a connection was refused because it sent settings, as PgBouncer does.
pub fn is_refused_by_pooler(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.message().contains("unsupported startup parameter"))
}

/// Why the database refuses this client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionRefusal<'a> {
    /// The database refuses the connection: the role or the database does not exist, the password
    /// is wrong, or `pg_hba.conf` does not allow the connection. In a new deployment, this may
    /// change in a moment.
    NotYet(&'a str),
    /// The role may not do this, or it is not possible. An operator has to change something.
    ForGood(&'a str),
}

impl<'a> ConnectionRefusal<'a> {
    /// `None` if the database does not answer, or has another temporary problem.
    pub fn of(error: &'a sqlx::Error) -> Option<Self> {
        let error = error.as_database_error()?;
        // Classes of codes (PostgreSQL, appendix A).
        match error.code()?.get(..2)? {
            "28" | "3D" => Some(Self::NotYet(error.message())),
            // An unknown schema, and statements that are not allowed or not possible.
            "3F" | "42" => Some(Self::ForGood(error.message())),
            _ => None,
        }
    }
}

/// Adds the settings of the pool, for a connection outside of the pool.
pub fn with_settings(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("holdfast").options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ])
}

/// The connections of the lanes: as many as there are lanes, with settings for
/// [`sessions::rotate_together`] and for nothing else. `None` behind a pooler.
///
/// With these settings, Postgres has one plan for any number of rotations, and finds rows by the
/// primary key. Without them, Postgres makes a new plan for each statement with fewer than ten
/// rotations. And a plan that was made while the table was small reads the whole table when the
/// table is large.
///
/// With `asynchronous` their commits do not wait for the disk. These connections carry
/// rotations only, so nothing else that is committed can be lost.
pub fn lanes(pool: &Pool, lanes: u32, asynchronous: bool) -> Option<Pool> {
    pool.of_its_own(lanes, |options| {
        let options = options.options([
            ("plan_cache_mode", "force_generic_plan"),
            ("enable_seqscan", "off"),
            ("enable_hashjoin", "off"),
            ("enable_mergejoin", "off"),
            ("lock_timeout", "500ms"),
        ]);
        if asynchronous {
            options.options([("synchronous_commit", "off")])
        } else {
            options
        }
    })
}

/// Connects outside of a pool, with a time limit. Without the limit, sqlx would wait for ever if an
/// address accepts the connection and never answers.
///
/// # Errors
/// When the database cannot be reached, or does not answer within five seconds.
pub async fn connect(options: &PgConnectOptions) -> sqlx::Result<PgConnection> {
    let connecting = PgConnection::connect_with(options);
    let connected = tokio::time::timeout(CONNECTS_WITHIN, connecting).await;
    connected.unwrap_or_else(|_| {
        let silent = io::Error::new(io::ErrorKind::TimedOut, "no answer in time");
        Err(sqlx::Error::Io(silent))
    })
}

/// A connection for migrations only.
///
/// If a migration waits for a lock, every later statement on the table has to wait as well. So the
/// migration stops waiting after one second and is tried again. Once it has its locks, its work has
/// no time limit.
///
/// # Errors
/// As [`connect`].
pub async fn connect_for_migrations(options: PgConnectOptions) -> sqlx::Result<PgConnection> {
    let options = options.application_name("holdfast migrate").options([
        ("lock_timeout", "1s"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
    ]);
    connect(&options).await
}

/// Whether a migration gave up because another statement held a lock.
pub fn found_a_lock(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("55P03")
}

async fn has_table_of_migrations(connection: &mut PgConnection) -> sqlx::Result<bool> {
    sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "exists!""#)
        .fetch_one(connection)
        .await
}

/// Whether the table of migrations belongs to another application: it does not have the first
/// migration of Holdfast.
///
/// # Errors
/// When the database cannot be queried.
pub async fn has_foreign_migrations(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let Some(first) = MIGRATOR.iter().next() else {
        return Ok(false);
    };
    if !has_table_of_migrations(connection).await? {
        return Ok(false);
    }
    // A migrator that was interrupted may have left the table empty.
    sqlx::query_scalar(
        "select exists (select from _sqlx_migrations)
             and not exists (select from _sqlx_migrations where version = $1 and checksum = $2)",
    )
    .bind(first.version)
    .bind(&*first.checksum)
    .fetch_one(connection)
    .await
}

/// Whether every migration of this build has been applied.
///
/// # Errors
/// When the database cannot be queried.
pub async fn is_migrated(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    if !has_table_of_migrations(connection).await? {
        return Ok(false);
    }
    let applied =
        sqlx::query_scalar::<_, i64>("select version from _sqlx_migrations where success")
            .fetch_all(connection)
            .await?;
    let is_applied = |version| applied.contains(&version);
    Ok(MIGRATOR
        .iter()
        .all(|migration| is_applied(migration.version)))
}
