//! The table `events`: the activity of an account.

use holdfast_protocol::wire::EventKind;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ClientInfo;

/// An event to be written.
#[derive(Debug, Clone, Copy)]
pub struct NewEvent<'a> {
    /// Its id, a UUIDv7: the order of ids is the order in time.
    pub event_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Option<Uuid>,
    /// What happened.
    pub kind: EventKind,
    /// The client.
    pub client: &'a ClientInfo,
    /// More about it, such as the reason of an ending.
    pub detail: Option<&'a str>,
    /// The `User-Agent` header of the session that ended. `client` is who ended it.
    pub ended_user_agent: Option<&'a str>,
}

/// An event as it was written.
#[derive(Debug, Clone)]
pub struct StoredEvent {
    /// Its id.
    pub event_id: Uuid,
    /// The session.
    pub session_id: Option<Uuid>,
    /// What happened: one of [`EventKind`], or the kind of a newer server.
    pub kind: String,
    /// When it happened. If it happened several times, this is the last time.
    pub at: OffsetDateTime,
    /// The address.
    pub ip: Option<String>,
    /// The browser.
    pub user_agent: Option<String>,
    /// More about it.
    pub detail: Option<String>,
    /// The browser of the session that ended.
    pub ended_user_agent: Option<String>,
    /// How often it happened.
    pub times: i64,
}

/// One entry for an event that may happen often: the entry counts how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CountedEvent {
    /// The entry's id. It is derived from the entry's content, so that the entry is found
    /// again.
    pub event_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Option<Uuid>,
    /// What happened.
    pub kind: EventKind,
    /// The client. The address is `None` if the occurrences came from several addresses, and the
    /// browser likewise.
    pub client: ClientInfo,
    /// How often it happened.
    pub times: i64,
}

impl CountedEvent {
    /// Adds the occurrences of `other`.
    pub fn add(&mut self, other: &Self) {
        self.times += other.times;
        if self.client.ip != other.client.ip {
            self.client.ip = None;
        }
        if self.client.user_agent != other.client.user_agent {
            self.client.user_agent = None;
        }
    }
}

/// Writes an event. Writes nothing if the account does not exist any more.
pub async fn insert(connection: &mut PgConnection, event: NewEvent<'_>) -> sqlx::Result<()> {
    sqlx::query!(
        "insert into events (
             event_id, account_id, session_id, kind, ip, user_agent, detail, ended_user_agent
         )
         select $1, account_id, $3, $4, $5, $6, $7, $8
         from accounts
         where account_id = $2",
        event.event_id,
        event.account_id,
        event.session_id,
        event.kind.as_str(),
        event.client.ip,
        event.client.user_agent,
        event.detail,
        event.ended_user_agent,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Writes events in one statement. If an id is there already, it is the same event, and it is
/// not written again.
///
/// The events are written in the order of their ids. Otherwise two instances that write the
/// same events at once, in two orders, would wait for each other.
pub async fn insert_all(
    connection: &mut PgConnection,
    events: &[NewEvent<'_>],
) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let event_ids: Vec<_> = events.iter().map(|event| event.event_id).collect();
    let account_ids: Vec<_> = events.iter().map(|event| event.account_id).collect();
    let session_ids: Vec<_> = events.iter().map(|event| event.session_id).collect();
    let kinds: Vec<_> = events
        .iter()
        .map(|event| event.kind.as_str().to_owned())
        .collect();
    let ips: Vec<_> = events.iter().map(|event| event.client.ip.clone()).collect();
    let user_agents: Vec<_> = events
        .iter()
        .map(|event| event.client.user_agent.clone())
        .collect();
    let details: Vec<_> = events
        .iter()
        .map(|event| event.detail.map(str::to_owned))
        .collect();
    let ended_user_agents: Vec<_> = events
        .iter()
        .map(|event| event.ended_user_agent.map(str::to_owned))
        .collect();
    sqlx::query!(
        "insert into events (
             event_id, account_id, session_id, kind, ip, user_agent, detail, ended_user_agent
         )
         select event_id, account_id, session_id, kind, ip, user_agent, detail, ended_user_agent
         from unnest(
             $1::uuid[], $2::uuid[], $3::uuid[], $4::text[],
             $5::text[], $6::text[], $7::text[], $8::text[]
         ) as new (
             event_id, account_id, session_id, kind, ip, user_agent, detail, ended_user_agent
         )
         join accounts using (account_id)
         order by event_id
         on conflict (event_id) do nothing",
        &event_ids,
        &account_ids,
        &session_ids as &[Option<Uuid>],
        &kinds,
        &ips as &[Option<String>],
        &user_agents as &[Option<String>],
        &details as &[Option<String>],
        &ended_user_agents as &[Option<String>],
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// Deletes up to `limit` events of deleted accounts. Returns how many.
///
/// An account may have millions of events, so they are not deleted with it. The account's id
/// is kept for an hour, because an event may be written after the deletion.
pub async fn forget_deleted_accounts(
    connection: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "delete from events
         where event_id in (
             select event_id
             from deleted_accounts
             join events using (account_id)
             limit $1
             for update of events skip locked
         )",
        limit,
    )
    .execute(&mut *connection)
    .await?;
    sqlx::query!(
        "delete from deleted_accounts
         where account_id in (
             select account_id
             from deleted_accounts
             where
                 deleted_at < now() - interval '1 hour'
                 and not exists (
                     select from events where events.account_id = deleted_accounts.account_id
                 )
             for update skip locked
         )"
    )
    .execute(connection)
    .await?;
    Ok(forgotten.rows_affected())
}

/// Adds to the counts of entries, and makes entries that are not there yet. The time of an entry is that of
/// its last occurrence, so that a person sees it again.
pub async fn count(connection: &mut PgConnection, events: &[CountedEvent]) -> sqlx::Result<()> {
    let all = || events.iter();
    let event_ids: Vec<_> = all().map(|event| event.event_id).collect();
    let account_ids: Vec<_> = all().map(|event| event.account_id).collect();
    let session_ids: Vec<_> = all().map(|event| event.session_id).collect();
    let kinds: Vec<_> = all().map(|event| event.kind.as_str().to_owned()).collect();
    let ips: Vec<_> = all().map(|event| event.client.ip.clone()).collect();
    let user_agents: Vec<_> = all().map(|event| event.client.user_agent.clone()).collect();
    let times: Vec<_> = all().map(|event| event.times).collect();
    sqlx::query!(
        "insert into events as e (event_id, account_id, session_id, kind, ip, user_agent, times)
         select c.event_id, c.account_id, c.session_id, c.kind, c.ip, c.user_agent, c.times
         from unnest(
             $1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bigint[]
         ) as c (event_id, account_id, session_id, kind, ip, user_agent, times)
         join accounts using (account_id)
         order by c.event_id
         on conflict (event_id) do update
         set
             times = e.times + excluded.times,
             at = greatest(e.at, excluded.at),
             ip = case when e.ip = excluded.ip then e.ip end,
             user_agent = case when e.user_agent = excluded.user_agent then e.user_agent end",
        &event_ids,
        &account_ids,
        &session_ids as &[Option<Uuid>],
        &kinds,
        &ips as &[Option<String>],
        &user_agents as &[Option<String>],
        &times,
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The newest events before `before`, newest first.
pub async fn list(
    connection: &mut PgConnection,
    account_id: Uuid,
    before: Option<Uuid>,
    limit: i64,
) -> sqlx::Result<Vec<StoredEvent>> {
    sqlx::query_as!(
        StoredEvent,
        "select
             event_id, session_id, kind, at, ip, user_agent, detail, ended_user_agent, times
         from events
         where account_id = $1 and ($2::uuid is null or event_id < $2)
         order by event_id desc
         limit $3",
        account_id,
        before,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// Deletes up to `limit` events that are older than `kept_seconds`. Returns how many.
pub async fn forget_old(
    connection: &mut PgConnection,
    kept_seconds: f64,
    limit: i64,
) -> sqlx::Result<u64> {
    let forgotten = sqlx::query!(
        "delete from events
         where event_id in (
             select event_id
             from events
             where at < now() - make_interval(secs => $1)
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
