//! The table `sessions`.
//!
//! A security duty: [`rotate`] and [`rotate_together`] are the only statements that spend a refresh
//! token. Both have the same guard: it compares generation **and** hash with the row for which the
//! decision was made. Because of this guard, a token can be used for one rotation only, even if
//! other requests run at the same time (CVE-2026-1035 was a check and a write without this guard).
//! `protocol/src/rotation.rs` has the rule.

use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_protocol::rotation::{Micros, StoredSession, new_marks, read_marks};
use holdfast_protocol::session_name::SessionName;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

use super::ClientInfo;

/// A session to be opened.
#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    /// The session's id, made from the server's clock and randomness.
    pub session_id: Uuid,
    /// The account that signed in.
    pub account_id: Uuid,
    /// SHA-256 of the first refresh token's secret.
    pub token_hash: [u8; 32],
    /// How long the session may last, in seconds. After the insert this never changes.
    pub lifetime_seconds: i64,
    /// How long the session may go without a renewal, in seconds.
    pub idle_seconds: i64,
    /// Whether the session goes on after the browser was closed.
    pub remember: bool,
    /// The id that the tokens of this known browser have.
    pub browser_id: Uuid,
    /// The name that the person has given to the browser, if an earlier session had one.
    pub name: Option<&'a str>,
    /// The client.
    pub client: &'a ClientInfo,
}

/// The change that spends a refresh token.
#[derive(Debug, Clone)]
pub struct Rotate {
    /// The session.
    pub session_id: Uuid,
    /// The generation that the row had at the decision.
    pub from_generation: u32,
    /// The hash that the row had at the decision.
    pub from_hash: [u8; 32],
    /// The presented token's generation plus one.
    pub to_generation: u32,
    /// SHA-256 of the successor's secret.
    pub to_hash: [u8; 32],
    /// The mark of the attempt key.
    pub attempt: AttemptMark,
    /// The client.
    pub client: ClientInfo,
}

impl Rotate {
    /// The marks that come in front of the row's attempt keys: the mark of this attempt key, and a
    /// blank for each skipped generation.
    fn marks(&self) -> Vec<u8> {
        let skipped = self
            .to_generation
            .saturating_sub(self.from_generation)
            .saturating_sub(1);
        new_marks(self.attempt, skipped)
    }
}

/// What an answer with tokens says about a session.
#[derive(Debug, Clone, Copy)]
pub struct Remaining {
    /// The account that signed in.
    pub account_id: Uuid,
    /// Seconds until the session's end, on the database's clock.
    pub remaining_seconds: i64,
    /// Seconds that the session may go without a renewal.
    pub idle_seconds: i64,
}

/// A session's row and the database's clock at the same moment.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// The columns that the rule reads.
    pub session: StoredSession,
    /// The database's clock.
    pub now: Micros,
    /// What an answer with tokens says.
    pub remaining: Remaining,
}

/// A session as its owner sees it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The session.
    pub session_id: Uuid,
    /// The sign-in.
    pub created_at: OffsetDateTime,
    /// The last renewal.
    pub rotated_at: OffsetDateTime,
    /// The latest end of the session. If the session is not renewed, it ends earlier, at the idle
    /// limit.
    pub expires_at: OffsetDateTime,
    /// After how many seconds without a renewal it is over.
    pub idle_seconds: i64,
    /// Whether the person chose to stay signed in.
    pub remember: bool,
    /// The last address.
    pub ip: Option<String>,
    /// The browser's `User-Agent` header.
    pub user_agent: Option<String>,
    /// The name that the person has given to the browser.
    pub name: Option<String>,
}

/// A session's row, as its owner may see it. See
/// [`SessionRow`](holdfast_protocol::wire::SessionRow).
#[derive(Debug, Clone)]
pub struct Row {
    /// The link number of the current refresh token.
    pub generation: u32,
    /// SHA-256 of the current refresh token's secret.
    pub token_hash: Vec<u8>,
    /// The marks of the last attempt keys, the newest first.
    pub attempt_keys: Vec<AttemptMark>,
    /// The sign-in.
    pub created_at: OffsetDateTime,
    /// The last renewal.
    pub rotated_at: OffsetDateTime,
    /// The latest end of the session.
    pub expires_at: OffsetDateTime,
    /// How many seconds the session may go without a renewal.
    pub idle_seconds: i64,
}

/// Opens a session at generation 0.
///
/// The list of attempt keys has its full length from the start. It is filled with marks that
/// no key matches ([`AttemptMark::WITHOUT_KEY`]). If the row grew with its first rotations, it
/// would not fit into its page, and these rotations would not be HOT updates.
pub async fn insert(connection: &mut PgConnection, new: NewSession<'_>) -> sqlx::Result<Remaining> {
    sqlx::query!(
        "insert into sessions (
             session_id, account_id, generation, token_hash, attempt_keys,
             expires_at, idle_seconds, remember, ip, user_agent, browser_id, name
         )
         values (
             $1, $2, 0, $3, decode(repeat('ff', 128), 'hex'),
             clock_timestamp() + make_interval(secs => $4), $5, $6, $7, $8, $9, $10
         )",
        new.session_id,
        new.account_id,
        &new.token_hash[..],
        new.lifetime_seconds as f64,
        new.idle_seconds,
        new.remember,
        new.client.ip,
        new.client.user_agent,
        new.browser_id,
        new.name,
    )
    .execute(connection)
    .await?;
    Ok(Remaining {
        account_id: new.account_id,
        remaining_seconds: new.lifetime_seconds,
        idle_seconds: new.idle_seconds,
    })
}

/// Replaces the current refresh token by its successor: one statement, one round trip. Returns
/// `None` and changes nothing if the row has changed since the decision, or if the session has
/// expired.
pub async fn rotate(
    connection: &mut PgConnection,
    rotate: &Rotate,
) -> sqlx::Result<Option<Remaining>> {
    sqlx::query_as!(
        Remaining,
        r#"update sessions
         set
             generation = $4,
             token_hash = $5,
             attempt_keys = substring($6::bytea || attempt_keys from 1 for 128),
             rotated_at = clock_timestamp(),
             ip = $7,
             user_agent = $8
         where
             session_id = $1
             and generation = $2
             and token_hash = $3
             and expires_at > now()
             and rotated_at + make_interval(secs => idle_seconds) > now()
         returning
             account_id,
             floor(extract(epoch from expires_at - now()))::bigint as "remaining_seconds!",
             idle_seconds"#,
        rotate.session_id,
        i64::from(rotate.from_generation),
        &rotate.from_hash[..],
        i64::from(rotate.to_generation),
        &rotate.to_hash[..],
        rotate.marks(),
        rotate.client.ip,
        rotate.client.user_agent,
    )
    .fetch_optional(connection)
    .await
}

/// Like [`rotate`], for many sessions in one statement. Each session may appear once. The result
/// has one entry for each rotation, in the same order: what [`rotate`] would return, or `None` if
/// the row is locked.
///
/// The statement skips locked rows. Otherwise two statements with the same sessions in different
/// orders could wait for each other. The statement finds the rows first and then locks them. If a
/// row is rotated in between, it does not fit any more, and the statement skips it. If a row is
/// changed in another way, the statement updates its newest version. Postgres would make a new plan
/// for each number of rotations. With the settings of [`super::lanes`] there is one plan, by the
/// primary key.
pub async fn rotate_together(
    connection: &mut PgConnection,
    rotations: &[Rotate],
) -> sqlx::Result<Vec<Option<Remaining>>> {
    let ids: Vec<_> = rotations.iter().map(|one| one.session_id).collect();
    let from_generations: Vec<_> = rotations
        .iter()
        .map(|one| i64::from(one.from_generation))
        .collect();
    let from_hashes: Vec<_> = rotations.iter().map(|one| one.from_hash.to_vec()).collect();
    let to_generations: Vec<_> = rotations
        .iter()
        .map(|one| i64::from(one.to_generation))
        .collect();
    let to_hashes: Vec<_> = rotations.iter().map(|one| one.to_hash.to_vec()).collect();
    let marks: Vec<_> = rotations.iter().map(Rotate::marks).collect();
    let ips: Vec<_> = rotations.iter().map(|one| one.client.ip.clone()).collect();
    let user_agents: Vec<_> = rotations
        .iter()
        .map(|one| one.client.user_agent.clone())
        .collect();
    let rotated = sqlx::query!(
        r#"with fitting as materialized (
             select
                 sessions.session_id,
                 wanted.ordinality,
                 wanted.to_generation,
                 wanted.to_hash,
                 wanted.marks,
                 wanted.ip,
                 wanted.user_agent
             from unnest(
                 $1::uuid[], $2::bigint[], $3::bytea[], $4::bigint[],
                 $5::bytea[], $6::bytea[], $7::text[], $8::text[]
             ) with ordinality as wanted (
                 session_id, from_generation, from_hash, to_generation,
                 to_hash, marks, ip, user_agent, ordinality
             )
             join sessions on sessions.session_id = wanted.session_id
             where
                 sessions.generation = wanted.from_generation
                 and sessions.token_hash = wanted.from_hash
                 and sessions.expires_at > now()
                 and sessions.rotated_at + make_interval(secs => sessions.idle_seconds) > now()
             for no key update of sessions skip locked
         )
         update sessions
         set
             generation = fitting.to_generation,
             token_hash = fitting.to_hash,
             attempt_keys = substring(fitting.marks || sessions.attempt_keys from 1 for 128),
             rotated_at = clock_timestamp(),
             ip = fitting.ip,
             user_agent = fitting.user_agent
         from fitting
         where sessions.session_id = fitting.session_id
         returning
             fitting.ordinality as "ordinality!",
             sessions.account_id,
             floor(extract(epoch from sessions.expires_at - now()))::bigint as "remaining_seconds!",
             sessions.idle_seconds"#,
        &ids,
        &from_generations,
        &from_hashes,
        &to_generations,
        &to_hashes,
        &marks,
        &ips as &[Option<String>],
        &user_agents as &[Option<String>],
    )
    .fetch_all(connection)
    .await?;
    let mut remaining = vec![None; rotations.len()];
    for row in rotated {
        let place = usize::try_from(row.ordinality - 1)
            .ok()
            .and_then(|place| remaining.get_mut(place));
        let Some(place) = place else {
            return Err(sqlx::Error::Decode("an ordinal out of range".into()));
        };
        *place = Some(Remaining {
            account_id: row.account_id,
            remaining_seconds: row.remaining_seconds,
            idle_seconds: row.idle_seconds,
        });
    }
    Ok(remaining)
}

/// The row and the database's clock, read in one statement.
pub async fn lookup(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<Snapshot>> {
    let row = sqlx::query!(
        r#"select
             account_id,
             generation,
             token_hash,
             attempt_keys,
             idle_seconds,
             (extract(epoch from rotated_at) * 1000000)::bigint as "rotated_at!",
             (extract(epoch from expires_at) * 1000000)::bigint as "expires_at!",
             (extract(epoch from now()) * 1000000)::bigint as "now!",
             floor(extract(epoch from expires_at - now()))::bigint as "remaining_seconds!"
         from sessions
         where session_id = $1"#,
        session_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let corrupt = |column| sqlx::Error::Decode(format!("sessions.{column}").into());
        Ok(Snapshot {
            session: StoredSession {
                generation: row
                    .generation
                    .try_into()
                    .map_err(|_| corrupt("generation"))?,
                token_hash: row
                    .token_hash
                    .try_into()
                    .map_err(|_| corrupt("token_hash"))?,
                attempt_keys: read_marks(&row.attempt_keys),
                rotated_at: row.rotated_at,
                expires_at: row.expires_at,
                idle_seconds: row.idle_seconds,
            },
            now: row.now,
            remaining: Remaining {
                account_id: row.account_id,
                remaining_seconds: row.remaining_seconds,
                idle_seconds: row.idle_seconds,
            },
        })
    })
    .transpose()
}

/// The row of one session, for its owner. `None` if the session is gone.
pub async fn lookup_row(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<Row>> {
    let row = sqlx::query!(
        "select
             generation,
             token_hash,
             attempt_keys,
             created_at,
             rotated_at,
             expires_at,
             idle_seconds
         from sessions
         where session_id = $1",
        session_id,
    )
    .fetch_optional(connection)
    .await?;
    row.map(|row| {
        let corrupt = |_| sqlx::Error::Decode("sessions.generation".into());
        Ok(Row {
            generation: row.generation.try_into().map_err(corrupt)?,
            token_hash: row.token_hash,
            attempt_keys: read_marks(&row.attempt_keys),
            created_at: row.created_at,
            rotated_at: row.rotated_at,
            expires_at: row.expires_at,
            idle_seconds: row.idle_seconds,
        })
    })
    .transpose()
}

/// The live sessions of an account, the most recently used first.
pub async fn list(connection: &mut PgConnection, account_id: Uuid) -> sqlx::Result<Vec<Listed>> {
    sqlx::query_as!(
        Listed,
        r#"select
             session_id,
             created_at,
             rotated_at,
             expires_at,
             idle_seconds,
             remember,
             ip,
             user_agent,
             name
         from sessions
         where
             account_id = $1
             and expires_at > now()
             and rotated_at + make_interval(secs => idle_seconds) > now()
         order by rotated_at desc, session_id desc"#,
        account_id,
    )
    .fetch_all(connection)
    .await
}

/// Gives the browser of a session of this account this name, or takes its name away. `own` is the
/// session in which the person does this. Returns `false` and changes nothing if one of the two sessions
/// was gone when the statement began, or if `session_id` belongs to another account.
///
/// A renewal at the same moment changes the newest version of the row, so it keeps the name.
pub async fn set_name(
    connection: &mut PgConnection,
    account_id: Uuid,
    session_id: Uuid,
    own: Uuid,
    name: Option<&SessionName>,
) -> sqlx::Result<bool> {
    let named = sqlx::query!(
        "update sessions
         set name = $4
         where
             account_id = $1
             and session_id = $2
             and exists (select from sessions where session_id = $3)",
        account_id,
        session_id,
        own,
        name.map(SessionName::as_str),
    )
    .execute(connection)
    .await?;
    Ok(named.rows_affected() == 1)
}

/// Deletes one session. `None` if it is already gone.
pub async fn delete(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "delete from sessions
         where session_id = $1
         returning session_id, account_id, browser_id, user_agent",
        session_id,
    )
    .fetch_optional(connection)
    .await
}

/// Deletes one session, unless it was renewed after `seen` was read. `None` if the session is already
/// gone or was renewed.
pub async fn delete_unless_renewed(
    connection: &mut PgConnection,
    session_id: Uuid,
    seen: &StoredSession,
) -> sqlx::Result<Option<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "delete from sessions
         where session_id = $1 and generation = $2 and token_hash = $3
         returning session_id, account_id, browser_id, user_agent",
        session_id,
        i64::from(seen.generation),
        &seen.token_hash[..],
    )
    .fetch_optional(connection)
    .await
}

/// Deletes one session of this account. `None` if it is gone or belongs to another account.
pub async fn delete_of_account(
    connection: &mut PgConnection,
    account_id: Uuid,
    session_id: Uuid,
) -> sqlx::Result<Option<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "delete from sessions
         where account_id = $1 and session_id = $2
         returning session_id, account_id, browser_id, user_agent",
        account_id,
        session_id,
    )
    .fetch_optional(connection)
    .await
}

/// Deletes this session and all others of its browser, except `keep`. The session is the first one of its
/// browser, so the browser has the same id. The session itself may be gone. Returns the deleted ones.
///
/// The rows are locked in the order of their ids, as in [`delete_all`].
pub async fn delete_of_browser(
    connection: &mut PgConnection,
    account_id: Uuid,
    first: Uuid,
    keep: Uuid,
) -> sqlx::Result<Vec<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "with locked as (
             select session_id
             from sessions
             where
                 account_id = $1
                 and (session_id = $2 or browser_id = $2)
                 and session_id <> $3
             order by session_id
             for update
         )
         delete from sessions
         using locked
         where sessions.session_id = locked.session_id
         returning
             sessions.session_id,
             sessions.account_id,
             sessions.browser_id,
             sessions.user_agent",
        account_id,
        first,
        keep,
    )
    .fetch_all(connection)
    .await
}

/// Deletes every session of an account except `keep`. Returns the deleted ones.
pub async fn delete_all(
    connection: &mut PgConnection,
    account_id: Uuid,
    keep: Option<Uuid>,
) -> sqlx::Result<Vec<Deleted>> {
    delete_least_recent(connection, account_id, keep, 0, None).await
}

/// Deletes up to `limit` sessions of an account, the most recently used ones first. Returns the
/// deleted ones.
pub async fn delete_some(
    connection: &mut PgConnection,
    account_id: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Deleted>> {
    delete_least_recent(connection, account_id, None, 0, Some(limit)).await
}

/// Keeps `keep` and the `limit` most recently used of the account's other sessions. Deletes up to
/// `limit` of the rest. Returns the deleted ones.
pub async fn delete_some_beyond(
    connection: &mut PgConnection,
    account_id: Uuid,
    keep: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Deleted>> {
    delete_least_recent(connection, account_id, Some(keep), limit, Some(limit)).await
}

/// Deletes up to `limit` sessions of an account that are not among its `most` most recently
/// used ones. Returns the deleted ones. The caller has locked the account's row, so that no
/// other request opens a session meanwhile.
pub async fn delete_beyond(
    connection: &mut PgConnection,
    account_id: Uuid,
    most: i64,
    limit: i64,
) -> sqlx::Result<Vec<Deleted>> {
    delete_least_recent(connection, account_id, None, most, Some(limit)).await
}

/// Deletes up to `limit` sessions of an account that are not among its `most` most recently used
/// ones. `keep` is not deleted and does not count as one of them. Returns the deleted ones.
///
/// The rows are locked in the order of their ids, as in every statement that deletes several
/// sessions and waits for locks. Otherwise two such statements at once could wait for each
/// other.
async fn delete_least_recent(
    connection: &mut PgConnection,
    account_id: Uuid,
    keep: Option<Uuid>,
    most: i64,
    limit: Option<i64>,
) -> sqlx::Result<Vec<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "with beyond as (
             select session_id
             from sessions
             where account_id = $1 and session_id is distinct from $2
             order by rotated_at desc, session_id desc
             offset $3
             limit $4
         ),
         locked as (
             select session_id
             from sessions
             where session_id in (select session_id from beyond)
             order by session_id
             for update
         )
         delete from sessions
         using locked
         where sessions.session_id = locked.session_id
         returning
             sessions.session_id,
             sessions.account_id,
             sessions.browser_id,
             sessions.user_agent",
        account_id,
        keep,
        most,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// A session that was deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deleted {
    /// The session.
    pub session_id: Uuid,
    /// Its account.
    pub account_id: Uuid,
    /// Its browser. `None` if a server of an earlier version has opened the session.
    pub browser_id: Option<Uuid>,
    /// The browser's `User-Agent` header.
    pub user_agent: Option<String>,
}

/// Deletes up to `limit` sessions that have expired.
pub async fn delete_expired(
    connection: &mut PgConnection,
    limit: i64,
) -> sqlx::Result<Vec<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "delete from sessions
         where session_id in (
             select session_id
             from sessions
             where expires_at <= now()
             limit $1
             for update skip locked
         )
         returning session_id, account_id, browser_id, user_agent",
        limit,
    )
    .fetch_all(connection)
    .await
}

/// The result of [`step`]: one part of a walk through the table, in the order of the ids.
#[derive(Debug, Clone)]
pub struct Step {
    /// How many sessions were read.
    pub looked_at: i64,
    /// The last of them; the next step begins after it.
    pub last: Uuid,
    /// The sessions that have been idle for too long.
    pub idle: Vec<Uuid>,
}

/// Reads the next `limit` sessions after `after`, in the order of their ids, and finds those
/// that have been idle for too long. An index on `rotated_at` would find them at once, but
/// every rotation would have to write to it.
pub async fn step(connection: &mut PgConnection, after: Uuid, limit: i64) -> sqlx::Result<Step> {
    let row = sqlx::query!(
        r#"with step as (
             select
                 session_id,
                 rotated_at + make_interval(secs => idle_seconds) <= now() as is_idle
             from sessions
             where session_id > $1
             order by session_id
             limit $2
         )
         select
             (select count(*) from step) as "looked_at!",
             (select session_id from step order by session_id desc limit 1) as last,
             array(select session_id from step where is_idle) as "idle!""#,
        after,
        limit,
    )
    .fetch_one(connection)
    .await?;
    Ok(Step {
        looked_at: row.looked_at,
        last: row.last.unwrap_or(after),
        idle: row.idle,
    })
}

/// Deletes each of the given sessions that has still been idle for too long.
pub async fn delete_idle(
    connection: &mut PgConnection,
    session_ids: &[Uuid],
) -> sqlx::Result<Vec<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "delete from sessions
         where session_id in (
             select session_id
             from sessions
             where
                 session_id = any($1)
                 and rotated_at + make_interval(secs => idle_seconds) <= now()
             for update skip locked
         )
         returning session_id, account_id, browser_id, user_agent",
        session_ids,
    )
    .fetch_all(connection)
    .await
}

/// Deletes up to `limit` sessions that were opened before a master secret was forbidden: none
/// of their tokens is valid any more. `after` is the last session of the call before, so that
/// the index is walked once and deleted rows are not read again.
///
/// The rows are locked in the order of their ids, as [`delete_all`] does.
pub async fn delete_of_forbidden_secrets(
    connection: &mut PgConnection,
    after: Uuid,
    limit: i64,
) -> sqlx::Result<Vec<Deleted>> {
    sqlx::query_as!(
        Deleted,
        "with locked as (
             select session_id
             from sessions
             where
                 session_id > $1
                 and created_at < (select max(forbidden_at) from secrets)
             order by session_id
             limit $2
             for update
         )
         delete from sessions
         using locked
         where sessions.session_id = locked.session_id
         returning
             sessions.session_id,
             sessions.account_id,
             sessions.browser_id,
             sessions.user_agent",
        after,
        limit,
    )
    .fetch_all(connection)
    .await
}

/// The browser of a session. The inner `None` means that a server of an earlier version has opened the
/// session. The outer one means that the session is gone.
pub async fn lookup_browser(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<Option<Uuid>>> {
    sqlx::query_scalar!(
        "select browser_id from sessions where session_id = $1",
        session_id
    )
    .fetch_optional(connection)
    .await
}

/// What a new session takes over from the one before it in the same browser.
#[derive(Debug, Clone)]
pub struct TakenOver {
    /// Whether the session goes on after the browser was closed.
    pub remember: bool,
    /// The name that the person has given to the browser.
    pub name: Option<String>,
}

/// What the next session in this browser takes over. `None` if the session is gone.
///
/// This does not lock the row, so a name that is given at the same moment may be lost. With the lock, this
/// transaction and another one that ends sessions could wait for each other: both lock several rows, in
/// the order of their ids.
pub async fn lookup_taken_over(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<TakenOver>> {
    sqlx::query_as!(
        TakenOver,
        "select remember, name from sessions where session_id = $1",
        session_id
    )
    .fetch_optional(connection)
    .await
}

/// Whether the session goes on after the browser was closed. `None` if the session is gone.
pub async fn lookup_remember(
    connection: &mut PgConnection,
    session_id: Uuid,
) -> sqlx::Result<Option<bool>> {
    sqlx::query_scalar!(
        "select remember from sessions where session_id = $1",
        session_id
    )
    .fetch_optional(connection)
    .await
}
