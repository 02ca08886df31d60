//! The table `sign_in_notices`: sign-ins from browsers that an account did not know.

use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ClientInfo;

/// How many notices an account has at most. A thief with the password may sign in again and again.
pub const MOST: i64 = 20;

/// A sign-in that the person has not read about yet.
#[derive(Debug, Clone)]
pub struct SignInNotice {
    /// The session that it opened.
    pub session_id: Uuid,
    /// When it was.
    pub signed_in_at: OffsetDateTime,
    /// From which address.
    pub ip: Option<String>,
    /// From which browser.
    pub user_agent: Option<String>,
}

/// Writes that this session was opened from an unknown browser. Writes nothing if the account has no
/// other session, because there is no browser in which a person could read it. Deletes the oldest notices
/// beyond [`MOST`]. The caller has locked the account's row and opened the session.
pub async fn insert(
    connection: &mut PgConnection,
    session_id: Uuid,
    account_id: Uuid,
    client: &ClientInfo,
) -> sqlx::Result<()> {
    let inserted = sqlx::query!(
        "insert into sign_in_notices (session_id, account_id, ip, user_agent)
         select $1, $2, $3, $4
         where exists (
             select from sessions
             where
                 account_id = $2
                 and session_id <> $1
                 and expires_at > clock_timestamp()
         )",
        session_id,
        account_id,
        client.ip,
        client.user_agent,
    )
    .execute(&mut *connection)
    .await?;
    if inserted.rows_affected() > 0 {
        sqlx::query!(
            "delete from sign_in_notices
             where session_id in (
                 select session_id
                 from sign_in_notices
                 where account_id = $1
                 order by signed_in_at desc, session_id desc
                 offset $2
             )",
            account_id,
            MOST,
        )
        .execute(connection)
        .await?;
    }
    Ok(())
}

/// Whether there is a notice of the sign-in that has opened this session.
pub async fn is_about(
    connection: &mut PgConnection,
    account_id: Uuid,
    session_id: Uuid,
) -> sqlx::Result<bool> {
    sqlx::query_scalar!(
        r#"select exists (
             select from sign_in_notices where account_id = $1 and session_id = $2
         ) as "exists!""#,
        account_id,
        session_id,
    )
    .fetch_one(connection)
    .await
}

/// The notices that this session of the account may show: those of sign-ins after the session was
/// opened, the newest first. Its own notice is none of them.
pub async fn list_for(
    connection: &mut PgConnection,
    account_id: Uuid,
    own: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<SignInNotice>> {
    sqlx::query_as!(
        SignInNotice,
        "select session_id, signed_in_at, ip, user_agent
         from sign_in_notices
         where
             account_id = $1
             and session_id <> $2
             and signed_in_at > (select created_at from sessions where session_id = $2)
         order by signed_in_at desc
         limit $3",
        account_id,
        own,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// All notices of the account, the newest first.
pub async fn list(
    connection: &mut PgConnection,
    account_id: Uuid,
) -> sqlx::Result<Vec<SignInNotice>> {
    sqlx::query_as!(
        SignInNotice,
        "select session_id, signed_in_at, ip, user_agent
         from sign_in_notices
         where account_id = $1
         order by signed_in_at desc
         limit $2",
        account_id,
        MOST,
    )
    .fetch_all(connection)
    .await
}

/// Deletes a notice that the person has read. `own` is the session in which they have read it. Deletes
/// nothing if that session is over, or if the notice is about it or about an earlier sign-in.
pub async fn delete_read(
    connection: &mut PgConnection,
    account_id: Uuid,
    session_id: Uuid,
    own: Uuid,
) -> sqlx::Result<bool> {
    let deleted = sqlx::query!(
        "delete from sign_in_notices
         where
             account_id = $1
             and session_id = $2
             and session_id <> $3
             and signed_in_at > (select created_at from sessions where session_id = $3)",
        account_id,
        session_id,
        own,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() > 0)
}

/// Deletes all notices of the account, because it has a new password and all its sessions are over.
pub async fn delete_all(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<()> {
    sqlx::query!(
        "delete from sign_in_notices where account_id = $1",
        account_id,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes up to `limit` notices that are older than this.
pub async fn forget_old(
    connection: &mut PgConnection,
    kept_seconds: f64,
    limit: i64,
) -> sqlx::Result<u64> {
    let deleted = sqlx::query!(
        "delete from sign_in_notices
         where session_id in (
             select session_id
             from sign_in_notices
             where signed_in_at < clock_timestamp() - make_interval(secs => $1)
             order by signed_in_at
             limit $2
             for update skip locked
         )",
        kept_seconds,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected())
}
