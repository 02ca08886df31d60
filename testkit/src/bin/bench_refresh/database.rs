//! The numbers of Postgres about the run, and the sessions that are in its table from the start.

use sqlx::PgConnection;

/// How many sessions one statement opens.
const AT_ONCE: u64 = 100_000;

/// How many sessions one account has.
const OF_AN_ACCOUNT: u64 = 10;

/// The main process of this Postgres, which has started all its other processes.
pub(crate) async fn postmaster(database: &mut PgConnection) -> anyhow::Result<Option<u32>> {
    let own: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(database)
        .await?;
    Ok(holdfast_testkit::cpu::parent_of(u32::try_from(own)?))
}

/// Opens sessions that no client uses. Their ids are of the last 30 days, in the order of time, as
/// those of real sessions.
pub(crate) async fn open_others(database: &mut PgConnection, count: u64) -> anyhow::Result<()> {
    let mut done = 0;
    while done < count {
        let next = count.min(done + AT_ONCE);
        sqlx::query(
            "insert into accounts (account_id, username, username_key, password_hash)
             select gen_random_uuid(), 'other ' || n, 'other ' || n, 'never signed in'
             from generate_series($1::bigint / $3, ($2::bigint - 1) / $3) as n
             on conflict do nothing",
        )
        .bind(i64::try_from(done)?)
        .bind(i64::try_from(next)?)
        .bind(i64::try_from(OF_AN_ACCOUNT)?)
        .execute(&mut *database)
        .await?;
        // A version 7 id begins with the milliseconds since 1970.
        sqlx::query(
            "insert into sessions (
                 session_id, account_id, generation, token_hash, attempt_keys,
                 expires_at, idle_seconds, remember, ip, user_agent
             )
             select
                 (
                     lpad(to_hex((
                         extract(epoch from now()) * 1000 - 2592000000.0 * ($4 - n) / $4
                     )::bigint), 12, '0')
                     || '7' || substr(md5(n::text), 1, 3) || '8' || substr(md5(n::text), 4, 15)
                 )::uuid,
                 account_id, 0, sha256(int8send(n)), decode(repeat('ff', 128), 'hex'),
                 now() + interval '60 days' + n * interval '1 ms', 2592000, true, '192.0.2.1',
                 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
             from generate_series($1::bigint, $2::bigint - 1) as n
             join accounts on username_key = 'other ' || n / $3",
        )
        .bind(i64::try_from(done)?)
        .bind(i64::try_from(next)?)
        .bind(i64::try_from(OF_AN_ACCOUNT)?)
        .bind(i64::try_from(count)?)
        .execute(&mut *database)
        .await?;
        done = next;
        eprintln!("{done} of {count} other sessions are open …");
    }
    // What this leaves to do must not be done during the measurement.
    for statement in ["vacuum analyze sessions", "checkpoint"] {
        sqlx::query(statement).execute(&mut *database).await?;
    }
    Ok(())
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
