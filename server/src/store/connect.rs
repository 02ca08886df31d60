//! The settings of a connection to the database, and connections outside of a pool.

use std::io;
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};

/// How long a connection outside of a pool may take until it can be used.
const CONNECTS_WITHIN: Duration = Duration::from_secs(5);

/// A setting that Postgres does not know. It shows whether settings arrive: a role has the others too,
/// if an operator has set them.
const ARRIVES: (&str, &str) = ("holdfast.settings", "arrived");

/// Adds the settings of the pool, for a connection outside of the pool.
pub fn with_settings(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("holdfast").options([
        ("default_transaction_isolation", "read committed"),
        ("statement_timeout", "10s"),
        ("lock_timeout", "5s"),
        ("idle_in_transaction_session_timeout", "30s"),
        ARRIVES,
    ])
}

/// Removes all settings, for a connection that may lead to a pooler. A pooler also refuses
/// `extra_float_digits`, which sqlx sends by default.
pub fn without_settings(options: PgConnectOptions) -> PgConnectOptions {
    options
        .application_name("holdfast")
        .extra_float_digits(None)
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

/// Adds the settings of a connection for migrations only.
///
/// If a migration waits for a lock, every later statement on the table has to wait as well. So the
/// migration stops waiting after one second and is tried again. Once it has its locks, its work has
/// no time limit.
pub(super) fn with_settings_for_migrations(options: PgConnectOptions) -> PgConnectOptions {
    options.application_name("holdfast migrate").options([
        ("lock_timeout", "1s"),
        ("statement_timeout", "0"),
        ("idle_in_transaction_session_timeout", "0"),
        ARRIVES,
    ])
}

/// Whether the settings of [`with_settings`], or those for migrations, have arrived. A pooler may drop
/// them without an error, as PgBouncer does with `ignore_startup_parameters = options`.
///
/// # Errors
/// When the database cannot be queried.
pub async fn has_settings(connection: &mut PgConnection) -> sqlx::Result<bool> {
    let (name, value) = ARRIVES;
    sqlx::query_scalar("select current_setting($1, true) is not distinct from $2")
        .bind(name)
        .bind(value)
        .fetch_one(connection)
        .await
}
