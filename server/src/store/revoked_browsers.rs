//! The table `revoked_browsers`: browsers that an account does not know any more, because the person has
//! ended their session from another browser.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::lifetimes::BROWSER_KNOWN_FOR;

/// How many revoked browsers an account has at most. The deletion of an account must stay quick.
pub const MOST: i64 = 1000;

/// A token may be made a moment after its browser was revoked, and by another clock.
const LONGER: f64 = 24.0 * 60.0 * 60.0;

/// Revokes these browsers of the account. Deletes the oldest rows beyond [`MOST`]. The caller has locked
/// the account's row.
pub async fn insert(
    connection: &mut PgConnection,
    account_id: Uuid,
    browser_ids: &[Uuid],
) -> sqlx::Result<()> {
    if browser_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into revoked_browsers (account_id, browser_id)
         select distinct $1::uuid, browser_id
         from unnest($2::uuid[]) as ended (browser_id)
         on conflict on constraint revoked_browsers_pkey do update
         set revoked_at = excluded.revoked_at",
        account_id,
        browser_ids,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from revoked_browsers
         where
             account_id = $1
             and browser_id in (
                 select browser_id
                 from revoked_browsers
                 where account_id = $1
                 order by revoked_at desc, browser_id desc
                 offset $2
             )",
        account_id,
        MOST,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Whether this browser was revoked. The answer holds until the transaction ends if the caller has
/// locked the account's row.
pub async fn contains(
    connection: &mut PgConnection,
    account_id: Uuid,
    browser_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
             select from revoked_browsers where account_id = $1 and browser_id = $2
         ) as "exists!""#,
        account_id,
        browser_id,
    )
    .fetch_one(connection)
    .await
}

/// Deletes up to `limit` rows of browsers whose tokens have all expired.
pub async fn forget_old(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from revoked_browsers
         where (account_id, browser_id) in (
             select account_id, browser_id
             from revoked_browsers
             where revoked_at < clock_timestamp() - make_interval(secs => $1)
             order by revoked_at
             limit $2
             for update skip locked
         )",
        BROWSER_KNOWN_FOR.as_secs_f64() + LONGER,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
