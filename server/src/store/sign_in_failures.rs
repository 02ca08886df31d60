//! The table `sign_in_failures`: failures in a row.

use sqlx::PgConnection;
use time::OffsetDateTime;

/// New failures under one key, which the table does not have yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counted {
    /// The keyed hash.
    pub key: [u8; 16],
    /// How many.
    pub failures: i64,
}

/// The failures under one key.
#[derive(Debug, Clone, Copy)]
pub struct StoredFailures {
    /// How many.
    pub failures: i64,
    /// When the last one was.
    pub last_at: OffsetDateTime,
}

/// The failures under this key, if there are any.
pub async fn lookup(
    connection: &mut PgConnection,
    key: &[u8; 16],
) -> sqlx::Result<Option<StoredFailures>> {
    sqlx::query_as!(
        StoredFailures,
        "select failures, last_at from sign_in_failures where name_hash = $1",
        key.as_slice(),
    )
    .fetch_optional(connection)
    .await
}

/// Deletes the failures under these keys. The rows are locked in the order of their keys, as
/// in [`count`].
pub async fn clear(connection: &mut PgConnection, keys: &[[u8; 16]]) -> sqlx::Result<()> {
    let keys: Vec<_> = keys.iter().map(|key| key.to_vec()).collect();
    sqlx::query!(
        "delete from sign_in_failures
         where name_hash in (
             select name_hash
             from sign_in_failures
             where name_hash = any($1)
             order by name_hash
             for update
         )",
        &keys,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Adds failures. The rows are written in the order of their keys, so that instances that
/// count the same names do not deadlock.
pub async fn count(connection: &mut PgConnection, counted: &[Counted]) -> sqlx::Result<()> {
    let keys: Vec<_> = counted.iter().map(|counted| counted.key.to_vec()).collect();
    let failures: Vec<_> = counted.iter().map(|counted| counted.failures).collect();
    sqlx::query!(
        "insert into sign_in_failures as f (name_hash, failures)
         select name_hash, failures
         from unnest($1::bytea[], $2::bigint[]) as counted (name_hash, failures)
         order by name_hash
         on conflict (name_hash) do update
         set
             failures = f.failures + excluded.failures,
             last_at = clock_timestamp()",
        &keys,
        &failures,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// One step of a walk through the whole table that deletes old rows. A row with `few` failures or
/// more is kept for 30 days, a row with fewer for one day. Returns where the next step begins;
/// `None` at the end.
///
/// A row that is locked at this moment is being counted or cleared, so it is skipped. So this
/// statement waits for no other transaction and cannot deadlock.
pub async fn forget_old(
    connection: &mut PgConnection,
    after: &[u8],
    few: i64,
    step: i64,
) -> sqlx::Result<Option<Vec<u8>>> {
    sqlx::query_scalar!(
        r#"with step as (
             select name_hash
             from sign_in_failures
             where name_hash > $1
             order by name_hash
             limit $3
         ), old as (
             select f.name_hash
             from step
             join sign_in_failures f using (name_hash)
             where f.last_at < now() - make_interval(days => case when f.failures < $2 then 1 else 30 end)
             for update of f skip locked
         ), forgotten as (
             delete from sign_in_failures f
             using old
             where f.name_hash = old.name_hash
         )
         select name_hash as "name_hash!"
         from step
         order by name_hash desc
         limit 1"#,
        after,
        few,
        step,
    )
    .fetch_optional(connection)
    .await
}
