//! The table `reset_codes`: the codes in the links that operators make.

use std::time::Duration;

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Stores the code of a new link. It replaces an earlier one.
pub async fn put(
    connection: &mut PgConnection,
    account_id: Uuid,
    code_hash: &[u8; 32],
    good_for: Duration,
) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into reset_codes (account_id, code_hash, expires_at)
         values ($1, $2, clock_timestamp() + make_interval(secs => $3))
         on conflict on constraint reset_codes_pkey do update
         set code_hash = excluded.code_hash,
             made_at = excluded.made_at,
             expires_at = excluded.expires_at,
             used_at = null",
        account_id,
        code_hash.as_slice(),
        good_for.as_secs_f64(),
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// A code, without its hash.
#[derive(Debug, Clone, Copy)]
pub struct LinkFacts {
    /// When it was made.
    pub made_at: OffsetDateTime,
    /// Until when it is valid.
    pub expires_at: OffsetDateTime,
    /// When it was used.
    pub used_at: Option<OffsetDateTime>,
}

/// The account's code, if it has one.
pub async fn lookup(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Option<LinkFacts>> {
    sqlx::query_as!(
        LinkFacts,
        "select made_at, expires_at, used_at from reset_codes where account_id = $1",
        account_id,
    )
    .fetch_optional(connection)
    .await
}

/// Locks the account's code until the transaction ends. `false` if it is another code, was used, or has
/// expired. The caller has locked the account's row, and knows that its password is older than the code.
pub async fn lock(
    connection: &mut PgConnection,
    account_id: Uuid,
    code_hash: &[u8; 32],
) -> sqlx::Result<bool> {
    let row = sqlx::query!(
        "select from reset_codes
         where account_id = $1
           and code_hash = $2
           and used_at is null
           and expires_at > clock_timestamp()
         for update",
        account_id,
        code_hash.as_slice(),
    )
    .fetch_optional(connection)
    .await?;
    Ok(row.is_some())
}

/// Notes that the account's code was used. It stays for ten minutes at least, because the answer may be
/// lost, and the client repeats the request. The caller has [locked](lock) the code.
pub async fn use_up(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "update reset_codes
         set used_at = clock_timestamp(),
             expires_at = greatest(expires_at, clock_timestamp() + interval '10 minutes')
         where account_id = $1",
        account_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes the account's code.
pub async fn void(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!("delete from reset_codes where account_id = $1", account_id)
        .execute(connection)
        .await?;
    Ok(())
}

/// Deletes up to `limit` codes that have expired. Returns how many.
pub async fn forget_old(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from reset_codes
         where account_id in (
             select account_id from reset_codes
             where expires_at < clock_timestamp()
             limit $1
             for update skip locked
         )",
        limit,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
