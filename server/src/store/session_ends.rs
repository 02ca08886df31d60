//! The table `session_ends`, and the notification that goes with it.

use holdfast_protocol::wire::EndReason;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The channel on which instances tell each other about endings.
pub const CHANNEL: &str = "session_ended";

/// Endings, and when the database was asked.
#[derive(Debug, Clone)]
pub struct Endings {
    /// The sessions that ended.
    pub session_ids: Vec<Uuid>,
    /// The database's clock at that moment.
    pub read_at: OffsetDateTime,
}

/// Writes the ending of sessions down and notifies every instance when the
/// transaction commits.
pub async fn insert(
    connection: &mut PgConnection,
    session_ids: &[Uuid],
    reason: EndReason,
) -> sqlx::Result<()> {
    if session_ids.is_empty() {
        return Ok(());
    }
    sqlx::query!(
        "insert into session_ends (session_id, reason)
         select session_id, $2
         from unnest($1::uuid[]) as ended (session_id)
         on conflict (session_id) do update set ended_at = clock_timestamp()",
        session_ids,
        reason.as_str(),
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "select pg_notify('session_ended', session_id::text)
         from unnest($1::uuid[]) as ended (session_id)",
        session_ids,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// The endings since `since`, or those of the last `kept_seconds`.
pub async fn read(
    connection: &mut PgConnection,
    since: Option<OffsetDateTime>,
    kept_seconds: f64,
) -> sqlx::Result<Endings> {
    let row = sqlx::query!(
        r#"select
             now() as "read_at!",
             array(
                 select session_id
                 from session_ends
                 where ended_at > coalesce($1, now() - make_interval(secs => $2))
             ) as "session_ids!""#,
        since,
        kept_seconds,
    )
    .fetch_one(connection)
    .await?;
    Ok(Endings {
        session_ids: row.session_ids,
        read_at: row.read_at,
    })
}

/// Forgets up to `limit` endings that are older than `kept_seconds`. Answers how many.
pub async fn forget_old(
    connection: &mut PgConnection,
    kept_seconds: f64,
    limit: i64,
) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "delete from session_ends
         where session_id in (
             select session_id
             from session_ends
             where ended_at < now() - make_interval(secs => $1)
             limit $2
             for update skip locked
         )",
        kept_seconds,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}
