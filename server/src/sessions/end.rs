//! Ending sessions: one, some or all of an account.
//!
//! A security duty: code that ends a session **commits before it answers**.

use holdfast_protocol::rotation::StoredSession;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndReason, EventKind};
use sqlx::{PgConnection, PgTransaction};
use time::OffsetDateTime;
use uuid::Uuid;

use super::gone::gone;
use super::tokens::genuine;
use crate::clock::Clock;
use crate::error::ApiError;
use crate::random;
use crate::state::Holdfast;
use crate::store::events::NewEvent;
use crate::store::sessions::Deleted;
use crate::store::{self, ClientInfo};

/// How many sessions one transaction ends.
pub const BATCH: i64 = 500;

/// If an account has more sessions than allowed, this ends the surplus, in transactions of 500.
///
/// # Errors
/// While the database does not answer. The next sign-in goes on with the rest.
pub async fn end_surplus(
    state: &Holdfast,
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
        let ended = ids_of(&ended);
        transaction.commit().await?;
        connection.release();
        let is_last = !is_full_batch(&ended);
        state.ended.announce(ended, reason);
        if is_last {
            return Ok(());
        }
    }
}

/// The ids of sessions that were deleted.
pub fn ids_of(deleted: &[Deleted]) -> Vec<Uuid> {
    deleted.iter().map(|deleted| deleted.session_id).collect()
}

/// Whether a transaction has ended as many sessions as it may, so that there may be more.
pub(super) fn is_full_batch(ended: &[Uuid]) -> bool {
    i64::try_from(ended.len()).is_ok_and(|ended| ended >= BATCH)
}

/// Ends a session whose time is over. Returns `false` if the session has no row any more, or if
/// another request has renewed it since `seen` was read. Then the caller must read the row again.
pub(super) async fn expire(
    state: &Holdfast,
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
/// If the database does not answer, if it may be the wrong database, or if the session was logged
/// out too often. In all these cases, the session may still live.
pub async fn log_out(
    state: &Holdfast,
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
    state: &Holdfast,
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

/// Does the same as [`end`], but `delete` decides whether the row is deleted.
async fn end_if(
    state: &Holdfast,
    session_id: Uuid,
    delete: impl AsyncFnOnce(&mut PgConnection, Uuid) -> sqlx::Result<Option<Deleted>>,
    reason: EndReason,
    kind: EventKind,
    client: &ClientInfo,
) -> Result<bool, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let Some(deleted) = delete(&mut transaction, session_id).await? else {
        return Ok(false);
    };
    store::session_ends::insert(&mut transaction, &[session_id], reason).await?;
    let event = NewEvent {
        event_id: random::id(&state.clock),
        account_id: deleted.account_id,
        session_id: Some(session_id),
        kind,
        client,
        detail: Some(reason.as_str()),
        ended_user_agent: deleted.user_agent.as_deref(),
    };
    store::events::insert(&mut transaction, event).await?;
    transaction.commit().await?;
    state.ended.announce([session_id], reason);
    tracing::info!(session.id = %session_id, reason = reason.as_str(), "A session ended.");
    Ok(true)
}

/// Who ends sessions of an account. This is always a session of the same account.
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

/// Ends one session of the caller's account. If there is a notice of its sign-in, this ends all sessions of
/// its browser, and the account does not know the browser any more, also if that session is over. `false` if
/// no session has ended.
///
/// # Errors
/// The answer of [`gone`] if the caller's own session is over, and 503 while the database does not
/// answer.
pub async fn end_one_of(
    state: &Holdfast,
    caller: Caller<'_>,
    session_id: Uuid,
    reason: EndReason,
) -> Result<bool, ApiError> {
    let ended = end_some(state, caller, Which::One(session_id), reason).await?;
    Ok(ended > 0)
}

/// Ends the sessions of the caller's account beyond its 500 most recently used ones, in
/// transactions of 500, and commits. One transaction of the caller then ends the rest and the
/// caller's own session. Returns how many were ended.
///
/// If the caller has confirmed a password, each transaction checks that the account still has this
/// password. If another request changes the password in between, that request ends all these
/// sessions anyway. So no session ends that would otherwise go on.
///
/// # Errors
/// The answer of [`gone`] if the caller's own session is over, 401 if the account has another
/// password by now, is disabled or deleted, and 503 while the database does not answer. Sessions
/// that have ended by then stay ended.
pub async fn end_beyond_500(
    state: &Holdfast,
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
    state: &Holdfast,
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
/// It locks the account's row, so that no two of these run at once, and checks that the caller's own
/// session lives. Without this, two sessions that end all others at the same moment would end each
/// other, and none would be left. With the lock, the second call finds that its own session has
/// ended.
///
/// If the person ends sessions of other browsers, their account does not know these browsers any more.
async fn end_some(
    state: &Holdfast,
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
    let Some(own_browser) = store::sessions::lookup_browser(&mut transaction, own).await? else {
        transaction.rollback().await?;
        connection.release();
        return Err(gone(state, own).await);
    };
    // The sign-in of this session has written a notice, and the person says that it was not them.
    let denied = match which {
        Which::One(session_id) if reason == EndReason::EndedElsewhere => {
            let is_about =
                store::sign_in_notices::is_about(&mut transaction, account_id, session_id).await?;
            is_about.then_some(session_id)
        }
        _ => None,
    };
    let deleted = match (denied, which) {
        (Some(first), _) => {
            store::sessions::delete_of_browser(&mut transaction, account_id, first, own).await?
        }
        (None, Which::One(session_id)) => {
            store::sessions::delete_of_account(&mut transaction, account_id, session_id)
                .await?
                .into_iter()
                .collect()
        }
        (None, Which::SomeBeyond) => {
            store::sessions::delete_some_beyond(&mut transaction, account_id, own, BATCH).await?
        }
        (None, Which::Others) => {
            store::sessions::delete_all(&mut transaction, account_id, Some(own)).await?
        }
        (None, Which::All) => {
            store::sessions::delete_all(&mut transaction, account_id, None).await?
        }
    };
    if reason == EndReason::EndedElsewhere {
        let mut browsers: Vec<_> = deleted.iter().filter_map(|it| it.browser_id).collect();
        // The stranger may have signed out already. The session of a notice is the first one of its
        // browser, so the browser has the same id.
        let is_gone = |first: &Uuid| deleted.iter().all(|it| it.session_id != *first);
        browsers.extend(denied.filter(is_gone));
        // The person's own browser stays known, even if they end an older session of it.
        browsers.retain(|browser| Some(*browser) != own_browser);
        store::revoked_browsers::insert(&mut transaction, account_id, &browsers).await?;
    }
    let clock = &state.clock;
    note_ended(
        clock,
        &mut transaction,
        account_id,
        &deleted,
        reason,
        client,
    )
    .await?;
    transaction.commit().await?;
    let ended = ids_of(&deleted);
    let count = u64::try_from(ended.len()).unwrap_or(u64::MAX);
    state.ended.announce(ended, reason);
    Ok(count)
}

/// Ends every session of an account, in the caller's transaction. The caller commits and then
/// tells [`crate::endings::EndedSessions`].
///
/// The browser of the session `replaced` gets a new one in the same transaction. So the activity does not tell
/// the person that this browser was signed out.
///
/// # Errors
/// While the database does not answer.
pub async fn end_all(
    clock: &Clock,
    transaction: &mut PgTransaction<'_>,
    account_id: Uuid,
    replaced: Option<Uuid>,
    reason: EndReason,
    client: &ClientInfo,
) -> Result<Vec<Uuid>, ApiError> {
    let ended = store::sessions::delete_all(transaction, account_id, None).await?;
    let ids = ids_of(&ended);
    let (replaced, told): (Vec<_>, Vec<_>) = ended
        .into_iter()
        .partition(|it| Some(it.session_id) == replaced);
    note_ended(clock, transaction, account_id, &told, reason, client).await?;
    if !replaced.is_empty() {
        store::session_ends::insert(transaction, &ids_of(&replaced), reason).await?;
    }
    Ok(ids)
}

/// Writes the endings of these sessions in the caller's transaction.
///
/// # Errors
/// While the database does not answer.
pub async fn note_ended(
    clock: &Clock,
    connection: &mut PgConnection,
    account_id: Uuid,
    deleted: &[Deleted],
    reason: EndReason,
    client: &ClientInfo,
) -> Result<(), ApiError> {
    if deleted.is_empty() {
        return Ok(());
    }
    store::session_ends::insert(connection, &ids_of(deleted), reason).await?;
    let events: Vec<_> = deleted
        .iter()
        .map(|deleted| NewEvent {
            event_id: random::id(clock),
            account_id,
            session_id: Some(deleted.session_id),
            kind: EventKind::SessionEnded,
            client,
            detail: Some(reason.as_str()),
            ended_user_agent: deleted.user_agent.as_deref(),
        })
        .collect();
    store::events::insert_all(connection, &events).await?;
    Ok(())
}
