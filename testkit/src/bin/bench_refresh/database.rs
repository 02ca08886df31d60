//! The numbers of Postgres about the run.

use sqlx::PgConnection;

/// The main process of this Postgres, which has started all its other processes.
pub(crate) async fn postmaster(database: &mut PgConnection) -> anyhow::Result<Option<u32>> {
    let own: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(database)
        .await?;
    Ok(holdfast_testkit::cpu::parent_of(u32::try_from(own)?))
}

/// Bytes of the table with everything that belongs to it except its indexes.
pub(crate) async fn table_size(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select pg_table_size('sessions')")
        .fetch_one(database)
        .await
}

/// Where the write-ahead log ends, in bytes.
pub(crate) async fn wal_position(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
        .fetch_one(database)
        .await
}

/// How many refresh tokens were spent, as the rows show it.
pub(crate) async fn generations(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select coalesce(sum(generation), 0)::bigint from sessions")
        .fetch_one(database)
        .await
}

/// Updates, and those of them that were HOT. The numbers are complete when the clients have
/// disconnected.
pub(crate) async fn updates(database: &mut PgConnection) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables
         where relid = to_regclass('sessions')",
    )
    .fetch_one(database)
    .await
}
