//! The table `former_usernames`: names that accounts have given up, and that stay reserved for a time.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::lifetimes::USERNAME_RESERVED;

/// A name that an account has given up.
#[derive(Debug, Clone)]
pub struct FormerUsername {
    /// The name in lower case.
    pub username_key: String,
    /// When the account gave it up.
    pub given_up_at: OffsetDateTime,
}

/// The names that are reserved for the account, the last one that it gave up first. Its present name is
/// none of them: a change of its spelling alone gives up no name.
pub async fn list(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Vec<FormerUsername>> {
    sqlx::query_as!(
        FormerUsername,
        "select former.username_key, former.given_up_at
         from former_usernames former
         join accounts on accounts.account_id = former.account_id
         where
             former.account_id = $1
             and former.username_key <> accounts.username_key
             and former.given_up_at > clock_timestamp() - make_interval(secs => $2)
         order by former.given_up_at desc",
        account_id,
        USERNAME_RESERVED.as_secs_f64(),
    )
    .fetch_all(connection)
    .await
}

/// Returns how many seconds ago the account gave up its last name. `None` if it has given up none. Its
/// present name does not count: a change of its spelling alone writes a row, too, so that other instances
/// forget the spelling before.
pub async fn last_given_up_ago(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Option<f64>> {
    sqlx::query_scalar!(
        "select extract(epoch from clock_timestamp() - max(former.given_up_at))::float8
         from former_usernames former
         join accounts on accounts.account_id = former.account_id
         where
             former.account_id = $1
             and former.username_key <> accounts.username_key",
        account_id,
    )
    .fetch_one(connection)
    .await
}

/// The account for which this name is reserved. It may take the name back, and no other account may take
/// it.
///
/// A transaction that gives the name to an account calls this **after** it has written the name to
/// `accounts`. That write waits until another transaction that gives up the same name has ended. So the
/// reservation of that transaction is seen here. A query before the write could miss it.
pub async fn reserved_for(
    connection: &mut PgConnection,
    username_key: &str,
) -> sqlx::Result<Option<Uuid>> {
    sqlx::query_scalar!(
        "select account_id
         from former_usernames
         where
             username_key = $1
             and given_up_at > clock_timestamp() - make_interval(secs => $2)",
        username_key,
        USERNAME_RESERVED.as_secs_f64(),
    )
    .fetch_optional(connection)
    .await
}

/// How many names are reserved for the account, besides its present one. The present name has a row after a
/// change of the letter case.
pub async fn count(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<i64> {
    sqlx::query_scalar!(
        r#"select count(*) as "count!"
         from former_usernames former
         join accounts on accounts.account_id = former.account_id
         where
             former.account_id = $1
             and former.username_key <> accounts.username_key
             and former.given_up_at > clock_timestamp() - make_interval(secs => $2)"#,
        account_id,
        USERNAME_RESERVED.as_secs_f64(),
    )
    .fetch_one(connection)
    .await
}

/// Reserves the name that the account gives up, and no longer reserves the name that it takes.
pub async fn exchange(
    connection: &mut PgConnection,
    account_id: Uuid,
    taken: &str,
    given_up: &str,
) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from former_usernames where username_key = $1",
        taken
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "insert into former_usernames (username_key, account_id)
         values ($1, $2)
         on conflict on constraint former_usernames_pkey do update
         set
             account_id = excluded.account_id,
             given_up_at = excluded.given_up_at",
        given_up,
        account_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The accounts that have changed their name since this moment.
pub async fn renamed_since(
    connection: &mut PgConnection,
    moment: OffsetDateTime,
) -> sqlx::Result<Vec<Uuid>> {
    sqlx::query_scalar!(
        "select account_id from former_usernames where given_up_at > $1",
        moment,
    )
    .fetch_all(connection)
    .await
}

/// Deletes up to `limit` names that are not reserved any more.
pub async fn forget_old(connection: &mut PgConnection, limit: i64) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from former_usernames
         where username_key in (
             select username_key
             from former_usernames
             where given_up_at < clock_timestamp() - make_interval(secs => $1)
             order by given_up_at
             limit $2
             for update skip locked
         )",
        USERNAME_RESERVED.as_secs_f64(),
        limit,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
