//! The table `session_ends`, and the notification of an ending.

use holdfast_protocol::wire::EndReason;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// The channel on which instances tell each other about endings.
pub const CHANNEL: &str = "session_ended";

/// A row.
#[derive(Debug, Clone, Copy)]
pub struct Ended {
    /// The session.
    pub session_id: Uuid,
    /// Why it ended.
    pub reason: EndReason,
    /// When it ended, on the database's clock.
    pub ended_at: OffsetDateTime,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy)]
pub enum PageStart {
    /// At the endings of the last so many seconds.
    Kept(f64),
    /// At the endings from this moment on.
    After(OffsetDateTime),
    /// After this row, the last one of the page before.
    Behind(OffsetDateTime, Uuid),
}

/// Some endings, and when they were read.
#[derive(Debug, Clone)]
pub struct Page {
    /// The sessions that ended.
    pub endings: Vec<Ended>,
    /// The database's clock at that moment.
    pub read_at: OffsetDateTime,
    /// Where the next page begins, if there may be one.
    pub next: Option<PageStart>,
}

/// Writes the endings of sessions. [`notify`] tells the instances after the commit.
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
    .execute(connection)
    .await?;
    Ok(())
}

/// Tells every instance that listens.
pub async fn notify(
    connection: &mut PgConnection,
    endings: &[(Uuid, EndReason)],
) -> sqlx::Result<()> {
    let payloads: Vec<_> = endings
        .iter()
        .map(|(session_id, reason)| payload(*session_id, *reason))
        .collect();
    sqlx::query!(
        "select pg_notify('session_ended', payload)
         from unnest($1::text[]) as told (payload)",
        &payloads,
    )
    .fetch_all(connection)
    .await?;
    Ok(())
}

/// The text of a notification.
pub fn payload(session_id: Uuid, reason: EndReason) -> String {
    format!("{session_id} {}", reason.as_str())
}

/// Returns when the oldest open transaction that writes an ending began. An ending gets its time
/// when it is written, but it only becomes visible when its transaction commits. The commit may
/// wait for a standby that does not answer.
///
/// Call this before the endings are read. If that read misses an ending, the transaction of the
/// ending was seen here or began later.
pub async fn oldest_writer(connection: &mut PgConnection) -> sqlx::Result<Option<OffsetDateTime>> {
    sqlx::query_scalar!(
        "select min(activity.xact_start)
         from pg_locks as held
         join pg_stat_activity as activity on activity.pid = held.pid
         where
             held.locktype = 'relation'
             and held.relation = 'session_ends'::regclass
             and held.mode = 'RowExclusiveLock'
             and activity.datname = current_database()",
    )
    .fetch_one(connection)
    .await
}

/// Reads up to `limit` endings from a place on, the oldest first.
pub async fn read(
    connection: &mut PgConnection,
    from: PageStart,
    limit: i64,
) -> sqlx::Result<Page> {
    let (kept, after, behind) = match from {
        PageStart::Kept(seconds) => (Some(seconds), None, None),
        PageStart::After(moment) => (None, Some(moment), None),
        PageStart::Behind(moment, session_id) => (None, Some(moment), Some(session_id)),
    };
    let row = sqlx::query!(
        r#"select
             now() as "read_at!",
             coalesce(array_agg(session_id), '{}') as "session_ids!",
             coalesce(array_agg(reason), '{}') as "reasons!",
             coalesce(array_agg(ended_at), '{}') as "ended_ats!"
         from (
             select session_id, reason, ended_at
             from session_ends
             where
                 ended_at >= coalesce($2, now() - make_interval(secs => $1))
                 and ($3::uuid is null or (ended_at, session_id) > ($2, $3))
             order by ended_at, session_id
             limit $4
         ) as page"#,
        kept,
        after,
        behind,
        limit,
    )
    .fetch_one(connection)
    .await?;
    let rows = row.session_ids.into_iter().zip(row.reasons);
    let endings: Vec<_> = rows
        .zip(row.ended_ats)
        .map(|((session_id, reason), ended_at)| Ended {
            session_id,
            reason: EndReason::read(&reason),
            ended_at,
        })
        .collect();
    let is_full = i64::try_from(endings.len()).is_ok_and(|length| length == limit);
    let next = endings
        .last()
        .filter(|_| is_full)
        .map(|last| PageStart::Behind(last.ended_at, last.session_id));
    Ok(Page {
        endings,
        read_at: row.read_at,
        next,
    })
}

/// What the database knows about a session that had no row a moment ago.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Why it ended, if that is still known.
    pub reason: Option<EndReason>,
    /// Whether it has a row.
    pub lives: bool,
    /// Whether the table of sessions has its primary key. A restore makes the tables, fills
    /// them, and makes the keys last.
    pub is_whole: bool,
}

/// Looks for a session that had no row a moment ago.
pub async fn look_for(connection: &mut PgConnection, session_id: Uuid) -> sqlx::Result<Found> {
    let row = sqlx::query!(
        r#"select
             (select reason from session_ends where session_id = $1) as reason,
             exists (select from sessions where session_id = $1) as "lives!",
             exists (
                 select from pg_constraint
                 where conrelid = 'sessions'::regclass and contype = 'p'
             ) as "is_whole!""#,
        session_id,
    )
    .fetch_one(connection)
    .await?;
    Ok(Found {
        reason: row.reason.map(|reason| EndReason::read(&reason)),
        lives: row.lives,
        is_whole: row.is_whole,
    })
}

/// How long endings are kept.
#[derive(Debug, Clone, Copy)]
pub struct Retention {
    /// How long every ending is kept: longer than any access token lives.
    pub seconds: f64,
    /// How long two kinds of endings are kept: endings because of reuse, and endings of sessions
    /// whose id is smaller than `young_until`. This is as long as a refresh token lives.
    pub longest_seconds: f64,
    /// The smallest id of a session that cannot have been opened in another database.
    pub young_until: Uuid,
}

/// Deletes up to `limit` endings that are kept no longer. Returns how many.
pub async fn forget_old(
    connection: &mut PgConnection,
    retention: Retention,
    limit: i64,
) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "delete from session_ends
         where session_id in (
             select session_id
             from session_ends
             where
                 ended_at < now() - make_interval(secs => $1)
                 and (
                     (reason <> 'reuse' and session_id >= $2)
                     or ended_at < now() - make_interval(secs => $3)
                 )
             limit $4
             for update skip locked
         )",
        retention.seconds,
        retention.young_until,
        retention.longest_seconds,
        limit,
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}
