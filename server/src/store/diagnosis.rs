//! Facts about the database, for `holdfast doctor`.

use sqlx::PgConnection;

/// Facts about the database's server.
#[derive(Debug, Clone)]
pub struct Server {
    /// Its clock, in microseconds of Unix time.
    pub now_micros: i64,
    /// Whether it is a standby, which replays changes and is read-only.
    pub is_standby: bool,
    /// How many connections it accepts from all clients together, without those that are
    /// reserved for superusers and other special roles.
    pub most_connections: i32,
    /// Whether an answered commit may be lost in a crash.
    pub loses_commits: bool,
    /// The time limit of a statement on this connection, in milliseconds. 0 is none.
    pub statement_timeout: i64,
    /// An identity that is the same on every connection to this database, until its server
    /// restarts. If another database gets the same name, its identity differs.
    pub identity: String,
}

/// A transaction that has been open for a long time.
#[derive(Debug, Clone)]
pub struct LongTransaction {
    /// The process that serves it; none for a prepared one.
    pub pid: Option<i32>,
    /// The client's application name, or the name of a prepared transaction.
    pub name: String,
    /// How long it has been open.
    pub seconds: i64,
}

/// A replication slot that keeps old data.
#[derive(Debug, Clone)]
pub struct ReplicationSlot {
    /// Its name.
    pub name: String,
    /// Whether a standby or another program reads from it.
    pub is_active: bool,
    /// Whether it keeps old versions of rows.
    pub keeps_rows: bool,
    /// How many bytes of WAL it keeps.
    pub kept_bytes: i64,
}

/// How the table of sessions has been updated since its statistics began.
#[derive(Debug, Clone, Copy)]
pub struct Updates {
    /// All updates.
    pub all: i64,
    /// Updates that changed no index.
    pub hot: i64,
}

/// Facts about the database's server.
pub async fn server(connection: &mut PgConnection) -> sqlx::Result<Server> {
    sqlx::query_as!(
        Server,
        r#"select
             (extract(epoch from clock_timestamp()) * 1000000)::bigint as "now_micros!",
             pg_is_in_recovery() as "is_standby!",
             current_setting('max_connections')::int
             - current_setting('superuser_reserved_connections')::int
             - coalesce(current_setting('reserved_connections', true), '0')::int
                 as "most_connections!",
             current_setting('synchronous_commit') = 'off'
             or current_setting('fsync') = 'off' as "loses_commits!",
             (
                 extract(epoch from current_setting('statement_timeout')::interval) * 1000
             )::bigint as "statement_timeout!",
             (select oid from pg_database where datname = current_database())::text
             || ' ' || pg_postmaster_start_time()::text as "identity!""#,
    )
    .fetch_one(connection)
    .await
}

/// The transactions in this database that have been open for longer than `seconds`, the
/// oldest first. While one is open, the old versions of every row stay.
pub async fn long_transactions(
    connection: &mut PgConnection,
    seconds: f64,
) -> sqlx::Result<Vec<LongTransaction>> {
    sqlx::query_as!(
        LongTransaction,
        r#"select
             pid,
             coalesce(application_name, '') as "name!",
             extract(epoch from clock_timestamp() - xact_start)::bigint as "seconds!"
         from pg_stat_activity
         where
             datname = current_database()
             and pid <> pg_backend_pid()
             and xact_start <= clock_timestamp() - make_interval(secs => $1)
         union all
         select
             null,
             gid,
             extract(epoch from clock_timestamp() - prepared)::bigint
         from pg_prepared_xacts
         where
             database = current_database()
             and prepared <= clock_timestamp() - make_interval(secs => $1)
         order by 3 desc
         limit 20"#,
        seconds,
    )
    .fetch_all(connection)
    .await
}

/// The replication slots that keep old versions of rows, or unread WAL.
pub async fn costly_slots(connection: &mut PgConnection) -> sqlx::Result<Vec<ReplicationSlot>> {
    sqlx::query_as!(
        ReplicationSlot,
        r#"select
             slot_name::text as "name!",
             active as "is_active!",
             xmin is not null as "keeps_rows!",
             coalesce(
                 pg_wal_lsn_diff(
                     case
                         when pg_is_in_recovery() then pg_last_wal_replay_lsn()
                         else pg_current_wal_lsn()
                     end,
                     restart_lsn
                 ),
                 0
             )::bigint as "kept_bytes!"
         from pg_replication_slots
         where xmin is not null or not active
         order by slot_name"#,
    )
    .fetch_all(connection)
    .await
}

/// The standbys whose queries keep old versions of rows here: they run with
/// `hot_standby_feedback`.
pub async fn standbys_with_feedback(connection: &mut PgConnection) -> sqlx::Result<Vec<String>> {
    sqlx::query_scalar!(
        r#"select coalesce(application_name, '') as "name!"
         from pg_stat_replication
         where backend_xmin is not null
         order by 1"#,
    )
    .fetch_all(connection)
    .await
}

/// How the table of sessions has been updated. `None` if there is no such table yet.
pub async fn session_updates(connection: &mut PgConnection) -> sqlx::Result<Option<Updates>> {
    sqlx::query_as!(
        Updates,
        r#"select n_tup_upd as "all!", n_tup_hot_upd as "hot!"
         from pg_stat_user_tables
         where relid = to_regclass('sessions')"#,
    )
    .fetch_optional(connection)
    .await
}
