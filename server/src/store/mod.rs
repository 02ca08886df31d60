//! All the SQL there is, one file per table: plain functions on a connection.

pub mod accounts;
pub mod diagnosis;
pub mod events;
mod pool;
pub mod secret_fingerprint;
pub mod session_ends;
pub mod sessions;

use sqlx::PgConnection;
use sqlx::migrate::Migrator;
use sqlx::postgres::PgConnectOptions;

pub use pool::{Connection, Pool};

/// The migrations, compiled in. Several instances may apply them at once: the
/// migrator takes an advisory lock.
pub static MIGRATOR: Migrator = sqlx::migrate!("../migrations");

/// What the database keeps of the client behind a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The address, as far as it is known.
    pub ip: Option<String>,
    /// The `User-Agent`, cut at 256 bytes.
    pub user_agent: Option<String>,
}

/// A pool whose connections all have the settings that the rules rely on.
///
/// READ COMMITTED, because the loser of the conditional update must see the winner's
/// row in its second statement. Time limits, because a stalled statement must not
/// hold a connection for ever.
pub fn pool(options: PgConnectOptions, connections: u32) -> Pool {
    let options = options.application_name("holdfast").options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
    ]);
    Pool::new(options, connections)
}

/// Whether every migration of this build has been applied.
///
/// # Errors
/// When the database cannot be asked.
pub async fn is_migrated(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    let exists =
        sqlx::query_scalar!(r#"select to_regclass('_sqlx_migrations') is not null as "exists!""#)
            .fetch_one(&mut *connection)
            .await?;
    if !exists {
        return Ok(false);
    }
    let newest = sqlx::query_scalar::<_, Option<i64>>(
        "select max(version) from _sqlx_migrations where success",
    )
    .fetch_one(&mut *connection)
    .await?;
    let wanted = MIGRATOR.iter().map(|migration| migration.version).max();
    Ok(newest >= wanted)
}
