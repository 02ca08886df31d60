//! Opening, refreshing and ending sessions: the engine that every route uses.
//!
//! A security duty: code that ends a session **commits before it answers**. Reuse is an outcome
//! here, not an error, because an error would roll back the ending.

use std::time::Duration;

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::refresh_token::{self, ChainSecret, RefreshToken, UnverifiedRefreshToken};
use holdfast_protocol::rotation::{self, Micros, Presented, Rotation, StoredSession};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndReason, EventKind, TokenType, Tokens};
use sqlx::{PgConnection, PgTransaction};
use time::OffsetDateTime;
use tokio::time::Instant;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::events::{self, QueuedEvent};
use crate::keys::SecretInUse;
use crate::keys::access_token::{self, CLIENT_ID, Claims};
use crate::limits::failures::{self, FailureKey};
use crate::random;
use crate::secrets_in_use::HEARD_WITHIN;
use crate::security_log;
use crate::state::AppState;
use crate::store::events::NewEvent;
use crate::store::sessions::{Limits, NewSession, Rotate, Snapshot};
use crate::store::{self, ClientInfo};

/// How often a refresh is tried if its update changed no row although the rule says rotate.
/// This happens if the row changes between the two statements.
const TRIES: usize = 3;

/// How many sessions one transaction ends.
pub const BATCH: i64 = 500;

/// What a sign-in has verified.
#[derive(Debug, Clone, Copy)]
pub struct Verified {
    /// The account.
    pub account_id: Uuid,
    /// When its password was set.
    pub password_changed_at: OffsetDateTime,
}

/// Opens a session in this transaction. `None` if the account is gone, is disabled, or has
/// another password by now: a sign-in in flight does not survive a change of the password.
///
/// The transaction ends up to 500 sessions beyond the most that an account may have. If there
/// are more, because an operator has lowered this number, [`end_surplus`] ends the rest.
pub async fn open(
    state: &AppState,
    transaction: &mut PgTransaction<'_>,
    verified: Verified,
    remember: bool,
    kind: EventKind,
    client: &ClientInfo,
) -> Result<Option<Opened>, ApiError> {
    may_mint(state)?;
    let account_id = verified.account_id;
    if !store::accounts::lock(transaction, account_id, verified.password_changed_at).await? {
        return Ok(None);
    }
    let most = i64::from(state.config.sessions_per_account) - 1;
    let beyond = store::sessions::delete_beyond(transaction, account_id, most, BATCH).await?;
    note_ended(
        &state.clock,
        transaction,
        account_id,
        &beyond,
        EndReason::EndedElsewhere,
        client,
    )
    .await?;

    let config = &state.config;
    let lifetime = if remember {
        config.refresh_token_ttl
    } else {
        config.session_ttl_short
    };
    let secret = ChainSecret::from_random(random::bytes());
    let session_id = random::id(&state.clock);
    let new = NewSession {
        session_id,
        account_id,
        token_hash: secret.hash(),
        lifetime_seconds: seconds(lifetime),
        idle_seconds: seconds(config.refresh_idle),
        remember,
        client,
    };
    let limits = store::sessions::insert(transaction, new).await?;
    let event = NewEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id: Some(session_id),
        kind,
        client,
        detail: None,
    };
    store::events::insert(transaction, event).await?;
    let tokens = tokens(state, session_id, 0, &secret, limits);
    Ok(Some(Opened {
        tokens,
        ended: beyond,
        kind,
        client: client.clone(),
    }))
}

/// A session that was opened, once its transaction has been committed.
#[derive(Debug)]
pub struct Opened {
    tokens: Tokens,
    ended: Vec<Uuid>,
    kind: EventKind,
    client: ClientInfo,
}

impl Opened {
    /// Whether the account may have more sessions than an account may have, even after the
    /// commit.
    pub fn leaves_surplus(&self) -> bool {
        is_full_batch(&self.ended)
    }

    /// Commits, notes in this instance which sessions ended with it, and returns the tokens.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn commit(
        self,
        state: &AppState,
        transaction: PgTransaction<'_>,
    ) -> Result<Tokens, ApiError> {
        transaction.commit().await?;
        state.ended.announce(self.ended, EndReason::EndedElsewhere);
        security_log::opened(self.kind, &self.tokens, &self.client);
        Ok(self.tokens)
    }
}

/// Ends the sessions of an account beyond the most that it may have, in transactions of 500.
///
/// # Errors
/// While the database does not answer. The next sign-in goes on with the rest.
pub async fn end_surplus(
    state: &AppState,
    account_id: Uuid,
    client: &ClientInfo,
) -> Result<(), ApiError> {
    let (reason, most) = (
        EndReason::EndedElsewhere,
        i64::from(state.config.sessions_per_account),
    );
    loop {
        let mut connection = state.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        store::accounts::lock_any(&mut transaction, account_id).await?;
        let ended =
            store::sessions::delete_beyond(&mut transaction, account_id, most, BATCH).await?;
        let clock = &state.clock;
        note_ended(clock, &mut transaction, account_id, &ended, reason, client).await?;
        transaction.commit().await?;
        connection.release();
        let is_last = !is_full_batch(&ended);
        state.ended.announce(ended, reason);
        if is_last {
            return Ok(());
        }
    }
}

/// Whether a transaction has ended as many sessions as it may, so that there may be more.
fn is_full_batch(ended: &[Uuid]) -> bool {
    i64::try_from(ended.len()).is_ok_and(|ended| ended >= BATCH)
}

/// A refresh as it arrived.
#[derive(Debug)]
pub struct Refresh {
    /// The token as it was sent.
    pub refresh_token: Secret,
    /// The `Idempotency-Key`.
    pub attempt_key: Option<AttemptKey>,
    /// Whether it came to the OAuth endpoint.
    pub plain_client: bool,
    /// When it arrived at this instance.
    pub arrived: Instant,
}

/// Answers a refresh: the whole table of `protocol/src/rotation.rs`.
///
/// # Errors
/// The answer of the case that applies, or 503 while the database does not answer.
pub async fn refresh(
    state: &AppState,
    refresh: &Refresh,
    client: &ClientInfo,
) -> Result<Tokens, ApiError> {
    let answer = try_refresh(state, refresh, client).await;
    let how = answer.as_ref().map(|(_, how)| *how);
    state.metrics.refreshed(how);
    answer.map(|(tokens, _)| tokens)
}

/// The tokens, and the word for the metrics.
async fn try_refresh(
    state: &AppState,
    refresh: &Refresh,
    client: &ClientInfo,
) -> Result<(Tokens, &'static str), ApiError> {
    let token = genuine(state, &refresh.refresh_token)?;
    may_mint(state)?;
    let session_id = token.session_id;
    state.limits.refresh(session_id, token.generation)?;
    if let Some(reason) = state.ended.get(session_id) {
        // After a failover that lost the ending's commit, the row may exist again.
        let kind = EventKind::SessionEnded;
        let again = match reason {
            EndReason::Unknown => EndReason::EndedElsewhere,
            reason => reason,
        };
        if let Err(error) = end(state, session_id, again, kind, client).await {
            tracing::warn!(session.id = %session_id, %error, "An ended session could not be ended again.");
        }
        return Err(ApiError::SessionEnded(Some(reason)));
    }
    let attempt_key = refresh.attempt_key.as_ref();
    // The last link has no successor; the rule handles this case.
    let successor = token.successor(attempt_key);
    let presented = Presented {
        generation: token.generation,
        token_hash: token.secret.hash(),
        successor_hash: successor.as_ref().map_or([0; 32], ChainSecret::hash),
        attempt: AttemptMark::of(attempt_key),
        plain_client: refresh.plain_client,
    };
    let answer = |limits, how| match &successor {
        Some(secret) => {
            let tokens = tokens(state, session_id, token.generation + 1, secret, limits);
            Ok((tokens, how))
        }
        None => Err(ApiError::Internal(anyhow::anyhow!(
            "the last generation was rotated"
        ))),
    };

    // The common case comes first, without a read: one statement, whose guard is the rule.
    let mut from = (presented.generation, presented.token_hash);
    let mut together = true;
    for _ in 0..TRIES {
        if successor.is_some()
            && let Some(limits) = spend(state, &token, &presented, from, client, together).await?
        {
            let forward = from.0 < presented.generation;
            return answer(
                limits,
                if forward {
                    "rotated_forward"
                } else {
                    "rotated"
                },
            );
        }
        let mut connection = state.pool.acquire().await?;
        let snapshot = store::sessions::lookup(&mut connection, session_id).await?;
        connection.release();
        let waited = Micros::try_from(refresh.arrived.elapsed().as_micros()).unwrap_or(Micros::MAX);
        let session = snapshot.as_ref().map(|snapshot| &snapshot.session);
        let now = snapshot.as_ref().map_or(0, |snapshot| snapshot.now);
        match (rotation::decide(&presented, session, now, waited), snapshot) {
            (Rotation::Rotate | Rotation::RotateForward { .. }, Some(Snapshot { session, .. })) => {
                let row = (session.generation, session.token_hash);
                // The row fits and was not changed. Another transaction holds it, or another
                // rotation of the session was under way and failed.
                together = row != from;
                from = row;
            }
            (
                Rotation::Repeat { late },
                Some(Snapshot {
                    limits, session, ..
                }),
            ) => {
                // A client may repeat as often as it wants, so there is one event for each
                // generation.
                if late {
                    let kind = EventKind::RefreshRepeated;
                    let event = QueuedEvent {
                        event_id: events::repeat_id(
                            session_id,
                            token.generation,
                            session.rotated_at,
                        ),
                        account_id: limits.account_id,
                        session_id: Some(session_id),
                        kind,
                        client: client.clone(),
                    };
                    if state.events.add_once(event) {
                        log_anomaly(session_id, kind);
                    }
                }
                return answer(limits, "repeated");
            }
            (Rotation::Conflict, _) => return Err(ApiError::RefreshConflict),
            (Rotation::Expired(_), Some(Snapshot { session, .. })) => {
                if expire(state, session_id, &session, client).await? {
                    return Err(ApiError::RefreshTokenExpired);
                }
            }
            (Rotation::Reuse, _) => {
                let kind = EventKind::RefreshTokenReused;
                end(state, session_id, EndReason::Reuse, kind, client).await?;
                security_log::reused(session_id, client);
                return Err(ApiError::RefreshTokenReused);
            }
            (Rotation::Ended, _) | (_, None) => return Err(gone(state, session_id).await),
        }
    }
    Err(ApiError::Unavailable(anyhow::anyhow!(
        "the session's row moved at every try"
    )))
}

/// The conditional update. It compares with the state of the row for which the decision was made.
/// It is sent together with those of other requests, or alone if it has to wait for the row.
async fn spend(
    state: &AppState,
    token: &RefreshToken,
    presented: &Presented,
    (from_generation, from_hash): (u32, [u8; 32]),
    client: &ClientInfo,
    together: bool,
) -> Result<Option<Limits>, ApiError> {
    let rotate = Rotate {
        session_id: token.session_id,
        from_generation,
        from_hash,
        to_generation: presented.generation + 1,
        to_hash: presented.successor_hash,
        attempt: presented.attempt,
        client: client.clone(),
    };
    let limits = if together {
        state.lanes.rotate(rotate).await?
    } else {
        state.lanes.rotate_alone(&rotate).await?
    };
    if let Some(limits) = limits.filter(|_| from_generation < presented.generation) {
        note_anomaly(
            state,
            &limits,
            token.session_id,
            EventKind::RefreshedForward,
            client,
        );
    }
    Ok(limits)
}

/// The answer to a genuine token whose session has no row, or whose account is missing. The
/// session is over, for the reason that is still known, except if the session may be of another
/// database. This is also possible if the other instances use secrets that this instance does
/// not accept, or if its own secret was not entered: then it is another fleet's database.
///
/// The function queries the database that misses the session, on one connection. The address may
/// lead to another database by now than when the older connections were made, and connections
/// live for some time. What was read every second may have been read in the old place.
pub async fn gone(state: &AppState, session_id: Uuid) -> ApiError {
    let asked = async {
        let mut connection = state.pool.acquire().await?;
        let found = store::session_ends::look_for(&mut connection, session_id).await?;
        let mut is_ours = true;
        if found.reason.is_none() {
            is_ours = is_ours_now(state, &mut connection).await?;
            if is_ours {
                let stored = store::database::lookup(&mut connection).await?;
                state.database.learn(&stored);
            }
        }
        connection.release();
        Ok::<_, sqlx::Error>((found, is_ours))
    };
    let (found, is_ours) = match asked.await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    if let Some(reason) = found.reason {
        // The ending may have been committed after its answer was lost, so that the instances
        // were not notified.
        if state.ended.get(session_id).is_none() {
            state.ended.announce([session_id], reason);
        }
        return ApiError::SessionEnded(Some(reason));
    }
    if found.lives {
        return ApiError::Unsure("the connections lead to different databases");
    }
    if !found.is_whole {
        return ApiError::Unsure("the tables are being restored");
    }
    if !is_ours || !state.keys.may_mint() || state.keys.obstacle().is_some() {
        return ApiError::Unsure("the secrets of this instance are not those of the database");
    }
    let unheard_of = state.database.never_heard_of(session_id);
    unheard_of.unwrap_or(ApiError::SessionEnded(None))
}

/// Whether the secrets of the database behind this connection are those of this instance.
async fn is_ours_now(state: &AppState, connection: &mut PgConnection) -> sqlx::Result<bool> {
    if !state.keys.is_followed() {
        return Ok(true);
    }
    let known = store::secrets::list(connection).await?;
    let known: Vec<_> = known.iter().map(SecretInUse::from).collect();
    Ok(state
        .keys
        .belong_to(&known, state.database.longest_session()))
}

/// Checks that the caller's own session has its row, before the server answers about the account's
/// other sessions. An access token alone does not show this: the session may have just ended, and
/// another database has no sessions of this account.
///
/// # Errors
/// The answer of [`gone`] if the session has no row, and 503 while the database does not answer.
pub async fn must_have_row(state: &AppState, session_id: Uuid) -> Result<(), ApiError> {
    let mut connection = state.pool.acquire().await?;
    let row = store::sessions::lookup_remember(&mut connection, session_id).await?;
    connection.release();
    match row {
        Some(_) => Ok(()),
        None => Err(gone(state, session_id).await),
    }
}

/// Ends a session whose time is over. `false` if it has gone, or if another request has renewed
/// it since it was `seen`: the caller looks at the row again.
async fn expire(
    state: &AppState,
    session_id: Uuid,
    seen: &StoredSession,
    client: &ClientInfo,
) -> Result<bool, ApiError> {
    let delete = async |connection: &mut PgConnection, session_id| {
        store::sessions::delete_unless_renewed(connection, session_id, seen).await
    };
    let (reason, kind) = (EndReason::Expired, EventKind::SessionEnded);
    end_if(state, session_id, delete, reason, kind, client).await
}

/// Ends the session of a refresh token, current or spent. A token that the server did not make
/// ends nothing.
///
/// # Errors
/// While the database does not answer, or if it may be the wrong one. Then nothing has ended. Also
/// if the session was logged out too often.
pub async fn log_out(
    state: &AppState,
    refresh_token: &Secret,
    client: &ClientInfo,
) -> Result<(), ApiError> {
    let token = match genuine(state, refresh_token) {
        Ok(token) => token,
        Err(ApiError::RefreshTokenInvalid) => return Ok(()),
        Err(error) => return Err(error),
    };
    let session_id = token.session_id;
    state.limits.log_out(session_id)?;
    let (reason, kind) = (EndReason::Logout, EventKind::SignOut);
    if end(state, session_id, reason, kind, client).await? {
        return Ok(());
    }
    match gone(state, session_id).await {
        ApiError::SessionEnded(_) => Ok(()),
        error => Err(error),
    }
}

/// Ends one session everywhere, and commits. `false` if it was already over.
///
/// # Errors
/// While the database does not answer.
pub async fn end(
    state: &AppState,
    session_id: Uuid,
    reason: EndReason,
    kind: EventKind,
    client: &ClientInfo,
) -> Result<bool, ApiError> {
    end_if(
        state,
        session_id,
        store::sessions::delete,
        reason,
        kind,
        client,
    )
    .await
}

/// The same for a session that `delete` deletes.
async fn end_if(
    state: &AppState,
    session_id: Uuid,
    delete: impl AsyncFnOnce(&mut PgConnection, Uuid) -> sqlx::Result<Option<Uuid>>,
    reason: EndReason,
    kind: EventKind,
    client: &ClientInfo,
) -> Result<bool, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let Some(account_id) = delete(&mut transaction, session_id).await? else {
        return Ok(false);
    };
    store::session_ends::insert(&mut transaction, &[session_id], reason).await?;
    let event = NewEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id: Some(session_id),
        kind,
        client,
        detail: Some(reason.as_str()),
    };
    store::events::insert(&mut transaction, event).await?;
    transaction.commit().await?;
    state.ended.announce([session_id], reason);
    tracing::info!(session.id = %session_id, reason = reason.as_str(), "A session ended.");
    Ok(true)
}

/// The caller that ends sessions of an account: one of its own sessions.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The account.
    pub account_id: Uuid,
    /// The caller's own session.
    pub own: Uuid,
    /// When the password that the caller has confirmed was set, if a password was required.
    pub verified: Option<OffsetDateTime>,
    /// From where.
    pub client: &'a ClientInfo,
}

/// Which sessions of an account one transaction ends.
#[derive(Debug, Clone, Copy)]
enum Which {
    /// This one.
    One(Uuid),
    /// Up to 500 beyond the 500 most recently used ones, but not the caller's own.
    SomeBeyond,
    /// All except the caller's own.
    Others,
    /// All.
    All,
}

/// Ends one session of the caller's account. `false` if it belongs to another account.
///
/// # Errors
/// What [`gone`] answers where the caller's own session is over, and 503 while the database is
/// away.
pub async fn end_one_of(
    state: &AppState,
    caller: Caller<'_>,
    session_id: Uuid,
    reason: EndReason,
) -> Result<bool, ApiError> {
    let ended = end_some(state, caller, Which::One(session_id), reason).await?;
    Ok(ended == 1)
}

/// Ends the sessions of the caller's account beyond its 500 most recently used ones, in
/// transactions of 500, and commits. One transaction of the caller then ends the rest and the
/// caller's own session. Returns how many were ended.
///
/// If the caller has confirmed a password, each transaction checks that the password is still the
/// same. So if the caller's transaction is refused afterwards, the request that changed the
/// password has ended these sessions itself.
///
/// # Errors
/// What [`gone`] answers where the caller's own session is over, 401 where the account has
/// another password by now, is disabled or gone, and 503 while the database is away. What has
/// ended by then stays ended.
pub async fn end_beyond_500(
    state: &AppState,
    caller: Caller<'_>,
    reason: EndReason,
) -> Result<u64, ApiError> {
    let mut total = 0;
    loop {
        match end_some(state, caller, Which::SomeBeyond, reason).await? {
            0 => return Ok(total),
            ended => total += ended,
        }
    }
}

/// Ends all other sessions of the caller's account, and also the caller's own one unless
/// `keep_own`. Returns how many.
///
/// # Errors
/// As [`end_beyond_500`].
pub async fn end_others(
    state: &AppState,
    caller: Caller<'_>,
    keep_own: bool,
) -> Result<u64, ApiError> {
    let reason = EndReason::EndedElsewhere;
    // The caller's own session is ended last, so that a call that fails can be repeated.
    let beyond = end_beyond_500(state, caller, reason).await?;
    let rest = if keep_own { Which::Others } else { Which::All };
    Ok(beyond + end_some(state, caller, rest, reason).await?)
}

/// One transaction in which a session ends others of its account. Returns how many.
///
/// It locks the account's row, so that no two of them run at once, and checks that the caller's own
/// session lives. Without this, two sessions that end all others at the same moment would end each
/// other, and none would be left. With it, the second one finds out that it is over.
async fn end_some(
    state: &AppState,
    caller: Caller<'_>,
    which: Which,
    reason: EndReason,
) -> Result<u64, ApiError> {
    let Caller {
        account_id,
        own,
        verified,
        client,
    } = caller;
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    match verified {
        Some(verified) => {
            if !store::accounts::lock(&mut transaction, account_id, verified).await? {
                return Err(ApiError::InvalidCredentials);
            }
        }
        // Without an account there is no session of it either.
        None => store::accounts::lock_any(&mut transaction, account_id).await?,
    }
    // This statement comes after the lock, so it sees what the transaction before has committed.
    if store::sessions::lookup_remember(&mut transaction, own)
        .await?
        .is_none()
    {
        transaction.rollback().await?;
        connection.release();
        return Err(gone(state, own).await);
    }
    let ended = match which {
        Which::One(session_id) => {
            store::sessions::delete_of_account(&mut transaction, account_id, session_id)
                .await?
                .then_some(session_id)
                .into_iter()
                .collect()
        }
        Which::SomeBeyond => {
            store::sessions::delete_some_beyond(&mut transaction, account_id, own, BATCH).await?
        }
        Which::Others => {
            store::sessions::delete_all(&mut transaction, account_id, Some(own)).await?
        }
        Which::All => store::sessions::delete_all(&mut transaction, account_id, None).await?,
    };
    let clock = &state.clock;
    note_ended(clock, &mut transaction, account_id, &ended, reason, client).await?;
    transaction.commit().await?;
    let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
    state.ended.announce(ended, reason);
    Ok(count)
}

/// Ends every session of an account, in the caller's transaction. The caller commits and then
/// tells [`crate::endings::EndedSessions`].
///
/// # Errors
/// While the database does not answer.
pub async fn end_all(
    clock: &Clock,
    transaction: &mut PgTransaction<'_>,
    account_id: Uuid,
    reason: EndReason,
    client: &ClientInfo,
) -> Result<Vec<Uuid>, ApiError> {
    let ended = store::sessions::delete_all(transaction, account_id, None).await?;
    note_ended(clock, transaction, account_id, &ended, reason, client).await?;
    Ok(ended)
}

/// Writes the endings of these sessions in the caller's transaction.
///
/// # Errors
/// While the database does not answer.
pub async fn note_ended(
    clock: &Clock,
    connection: &mut PgConnection,
    account_id: Uuid,
    session_ids: &[Uuid],
    reason: EndReason,
    client: &ClientInfo,
) -> Result<(), ApiError> {
    if session_ids.is_empty() {
        return Ok(());
    }
    store::session_ends::insert(connection, session_ids, reason).await?;
    let events: Vec<_> = session_ids
        .iter()
        .map(|session_id| NewEvent {
            event_id: random::id(clock),
            account_id,
            session_id: Some(*session_id),
            kind: EventKind::SessionEnded,
            client,
            detail: Some(reason.as_str()),
        })
        .collect();
    store::events::insert_all(connection, &events).await?;
    Ok(())
}

/// Writes an event. The answer does not wait for it.
pub fn note_later(
    state: &AppState,
    account_id: Uuid,
    session_id: Option<Uuid>,
    kind: EventKind,
    client: &ClientInfo,
) {
    state.events.add(QueuedEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id,
        kind,
        client: client.clone(),
    });
}

/// Counts a failed sign-in, or a failed confirmation, and notes it in the activity and
/// in the log. The answer does not wait for it.
pub fn note_failure(
    state: &AppState,
    counted_under: FailureKey,
    account_id: Option<Uuid>,
    session_id: Option<Uuid>,
    client: &ClientInfo,
) {
    security_log::password_was_wrong(account_id, session_id, client);
    // An instance whose secret is forbidden will stop, so it writes no more events.
    let key = state.keys.current_for_purpose::<32>(b"holdfast event ids");
    let event = account_id.zip(key.ok()).map(|(account_id, key)| {
        failures::event(&*key, state.clock.now(), account_id, session_id, client)
    });
    state.limits.failures().count(counted_under, event);
}

fn note_anomaly(
    state: &AppState,
    limits: &Limits,
    session_id: Uuid,
    kind: EventKind,
    client: &ClientInfo,
) {
    log_anomaly(session_id, kind);
    note_later(state, limits.account_id, Some(session_id), kind, client);
}

fn log_anomaly(session_id: Uuid, kind: EventKind) {
    tracing::info!(session.id = %session_id, event.kind = kind.as_str(), "A renewal was unusual.");
}

/// The token, if its MAC is right.
///
/// # Errors
/// 401 for a token that no server of this service made. 503 if a server may have made it: another
/// instance may have a secret that this one lacks, or the secret was lost together with the
/// database.
fn genuine(state: &AppState, refresh_token: &Secret) -> Result<RefreshToken, ApiError> {
    let Ok(token) = UnverifiedRefreshToken::parse(refresh_token.expose()) else {
        return Err(ApiError::RefreshTokenInvalid);
    };
    let session_id = token.session_id();
    if let Some(token) = token.verify(&state.keys.refresh_keys()) {
        return Ok(token);
    }
    if state.keys.obstacle().is_some() {
        return Err(ApiError::Unsure(
            "this instance does not accept every secret in use",
        ));
    }
    if !state.keys.was_read_within(HEARD_WITHIN) {
        return Err(ApiError::Unsure("the secrets in use were not read lately"));
    }
    Err(state
        .database
        .older_than_the_secret(session_id)
        .unwrap_or(ApiError::RefreshTokenInvalid))
}

/// An instance makes no tokens if its secret is not yet known to the others, or is forbidden.
///
/// A sign-in checks this before the password. Otherwise a right password would get a 503 and a
/// wrong one a 401, and an attacker could go on guessing at this instance.
///
/// # Errors
/// 503 when this instance makes no tokens.
pub fn may_mint(state: &AppState) -> Result<(), ApiError> {
    if state.keys.may_mint() {
        return Ok(());
    }
    let why = match state.keys.obstacle() {
        Some(obstacle) => obstacle.into(),
        None => anyhow::anyhow!("the master secret of this instance is not entered yet"),
    };
    Err(ApiError::Unavailable(why))
}

/// Makes the answer of a sign-in or a refresh.
fn tokens(
    state: &AppState,
    session_id: Uuid,
    generation: u32,
    secret: &ChainSecret,
    limits: Limits,
) -> Tokens {
    let remaining = u64::try_from(limits.remaining_seconds).unwrap_or(0);
    let idle = u64::try_from(limits.idle_seconds).unwrap_or(0);
    let lifetime = access_token_lifetime(state.config.access_token_ttl).min(remaining);
    let now = state.clock.now();
    let claims = Claims {
        iss: state.config.issuer.clone(),
        aud: state.config.issuer.clone(),
        sub: limits.account_id,
        sid: session_id,
        client_id: CLIENT_ID.to_owned(),
        iat: now,
        exp: now + lifetime,
        jti: random::id(&state.clock),
    };
    let key = state.keys.current_refresh_key();
    Tokens {
        access_token: access_token::mint(&state.keys.signing_keys(now), &claims),
        token_type: TokenType::Bearer,
        expires_in: lifetime,
        refresh_token: refresh_token::print(key, session_id, generation, secret),
        refresh_expires_in: remaining,
        refresh_idle_expires_in: idle.min(remaining),
        session_id,
        known_browser: None,
        recovery_code: None,
        recovery_code_confirmed: None,
        account_id: limits.account_id,
    }
}

/// The configured lifetime less up to 5 %, so that browsers that signed in together do not
/// always renew together.
fn access_token_lifetime(ttl: Duration) -> u64 {
    let most = ttl.as_secs() / 20;
    let random = u64::from_le_bytes(random::bytes());
    ttl.as_secs() - random % (most + 1)
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
