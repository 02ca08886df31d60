//! All the SQL, as plain functions on a connection. Nearly every table has a file of its own.

pub mod accounts;
mod connect;
pub mod database;
pub mod diagnosis;
pub mod events;
pub mod former_usernames;
mod pool;
pub mod recovery_codes;
pub mod reset_codes;
pub mod revoked_browsers;
pub mod schema;
pub mod secrets;
pub mod session_ends;
pub mod sessions;
pub mod sign_in_failures;
pub mod sign_in_notices;

pub use connect::{connect, has_settings, with_settings, without_settings};
pub use pool::{Connection, Pool, is_broken};
pub use schema::{Layout, MIGRATOR, Schema, is_migrated};
use sqlx::PgConnection;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;

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
pub fn pool(options: PgConnectOptions, layout: &Layout, connections: u32) -> Pool {
    Pool::new(layout.with_path(with_settings(options)), connections)
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
    layout: &Layout,
    connections: u32,
) -> Pool {
    let pooled = without_settings(options);
    let direct = layout.with_path(with_settings(direct));
    Pool::behind_pooler(pooled, direct, connections)
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

/// What must not change within a transaction.
#[derive(Debug, PartialEq, Eq)]
pub struct Transaction {
    id: Option<String>,
    role: String,
    path: String,
}

/// The transaction of this connection, as it is now.
///
/// # Errors
/// When the database cannot be queried, or an earlier statement of the transaction has failed.
pub async fn transaction(connection: &mut PgConnection) -> sqlx::Result<Transaction> {
    let (id, role, path) = sqlx::query_as(
        "select
             pg_current_xact_id_if_assigned()::text,
             current_user::text,
             current_setting('search_path')",
    )
    .fetch_one(connection)
    .await?;
    Ok(Transaction { id, role, path })
}

/// Whether a migration gave up because another statement held a lock.
pub fn found_a_lock(error: &MigrateError) -> bool {
    let (MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _)) = error else {
        return false;
    };
    let code = error.as_database_error().and_then(|error| error.code());
    code.as_deref() == Some("55P03")
}
