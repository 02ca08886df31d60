//! What an operator does to an account.

use std::time::Duration;

use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EndReason, EventKind};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::random;
use crate::sessions::{BATCH, ids_of, note_ended};
use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo, Pool};

/// The present name of an account. `username` is this name, or one that the account has given up within
/// the last thirty days: a thief with the password may have changed it. `None` if there is no such
/// account.
///
/// # Errors
/// While the database does not answer.
pub async fn present_name(pool: &Pool, username: &Username) -> Result<Option<Username>, ApiError> {
    let mut connection = pool.acquire().await?;
    let present = store::accounts::find_present_name(&mut connection, username).await?;
    connection.release();
    let parsed = present.map(|present| Username::parse(&present));
    parsed
        .transpose()
        .map_err(|error| ApiError::Internal(error.into()))
}

/// Disables an account and ends all its sessions, on every instance within a second. Returns
/// how many; `None` if there is no such account.
///
/// The account is disabled first, so that no session is opened any more. Its sessions end in
/// transactions of 500 afterwards, those that were used most recently first. The command may be
/// repeated.
///
/// # Errors
/// While the database does not answer. What has ended by then stays ended, and the account stays
/// disabled once it is.
pub async fn disable(
    pool: &Pool,
    clock: &Clock,
    username: &Username,
) -> Result<Option<u64>, ApiError> {
    let (disabled, kind) = (true, EventKind::AccountDisabled);
    let account = set_disabled(pool, clock, username, disabled, kind).await?;
    let Some(account_id) = account else {
        return Ok(None);
    };
    let mut total = 0;
    loop {
        match end_some(pool, clock, account_id).await? {
            0 => return Ok(Some(total)),
            ended => total += ended,
        }
    }
}

/// Allows sign-ins to an account again. `false` if there is no such account.
///
/// # Errors
/// While the database does not answer.
pub async fn enable(pool: &Pool, clock: &Clock, username: &Username) -> Result<bool, ApiError> {
    let (disabled, kind) = (false, EventKind::AccountEnabled);
    let account = set_disabled(pool, clock, username, disabled, kind).await?;
    Ok(account.is_some())
}

async fn set_disabled(
    pool: &Pool,
    clock: &Clock,
    username: &Username,
    disabled: bool,
    kind: EventKind,
) -> Result<Option<Uuid>, ApiError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let account = store::accounts::set_disabled(&mut transaction, username, disabled).await?;
    let Some(account_id) = account else {
        return Ok(None);
    };
    if disabled {
        // It must not work after the account is enabled again.
        store::reset_codes::void(&mut transaction, account_id).await?;
    }
    note_by_operator(clock, &mut transaction, account_id, kind).await?;
    transaction.commit().await?;
    Ok(Some(account_id))
}

/// Ends up to 500 sessions of a disabled account, and notifies the instances. Returns how many.
async fn end_some(pool: &Pool, clock: &Clock, account_id: Uuid) -> Result<u64, ApiError> {
    let (reason, operator) = (EndReason::AccountDisabled, ClientInfo::default());
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    // Behind this lock the sessions are those that another run has left, and no sign-in of an
    // account that was enabled again is ended.
    if !store::accounts::lock_disabled(&mut transaction, account_id).await? {
        return Ok(0);
    }
    let ended = store::sessions::delete_some(&mut transaction, account_id, BATCH).await?;
    if ended.is_empty() {
        return Ok(0);
    }
    note_ended(
        clock,
        &mut transaction,
        account_id,
        &ended,
        reason,
        &operator,
    )
    .await?;
    transaction.commit().await?;
    let ended = ids_of(&ended);
    let endings: Vec<_> = ended.iter().map(|id| (*id, reason)).collect();
    // The instances read the endings within a second, even if this notification is lost.
    if let Err(error) = store::session_ends::notify(&mut connection, &endings).await {
        tracing::warn!(%error, "The instances were not notified of the ended sessions. They read of them within a second.");
    }
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}

/// Resets the count of failures of an account, so that the person can sign in again.
/// `false` if there is no such account.
///
/// # Errors
/// While the database does not answer.
pub async fn forgive_failures(
    pool: &Pool,
    clock: &Clock,
    username: &Username,
) -> Result<bool, ApiError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let account = store::accounts::forgive_failures(&mut transaction, username).await?;
    let Some(account_id) = account else {
        return Ok(false);
    };
    let kind = EventKind::FailuresForgiven;
    note_by_operator(clock, &mut transaction, account_id, kind).await?;
    transaction.commit().await?;
    Ok(true)
}

/// How long an operator's link is good.
pub const RESET_LINK_IS_GOOD_FOR: Duration = Duration::from_secs(60 * 60);

/// What came of making a link.
#[derive(Debug)]
pub enum ResetLink {
    /// The code for the link. The database has only its hash, so it cannot be shown again.
    Made(RecoveryCode),
    /// The account is disabled, so no link would let the person in.
    Disabled,
    /// There is no such account.
    NoAccount,
}

/// Makes the code of a link with which the person can set a new password: within an hour, and once. It
/// replaces the code of an earlier link. Nobody but the person chooses or sees a password (OWASP ASVS
/// 5.0 §6.4.6).
///
/// # Errors
/// While the database does not answer.
pub async fn make_reset_link(
    pool: &Pool,
    clock: &Clock,
    username: &Username,
) -> Result<ResetLink, ApiError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let account = store::accounts::lock_named(&mut transaction, username).await?;
    let Some((account_id, disabled_at)) = account else {
        return Ok(ResetLink::NoAccount);
    };
    if disabled_at.is_some() {
        return Ok(ResetLink::Disabled);
    }
    let code = RecoveryCode::from_random(random::bytes());
    let good_for = RESET_LINK_IS_GOOD_FOR;
    store::reset_codes::put(&mut transaction, account_id, &code.hash(), good_for).await?;
    let kind = EventKind::ResetLinkMade;
    note_by_operator(clock, &mut transaction, account_id, kind).await?;
    transaction.commit().await?;
    Ok(ResetLink::Made(code))
}

/// Writes an event about what an operator did. It has no session, address and browser.
async fn note_by_operator(
    clock: &Clock,
    connection: &mut PgConnection,
    account_id: Uuid,
    kind: EventKind,
) -> Result<(), ApiError> {
    let event = NewEvent {
        event_id: random::id(clock),
        account_id,
        session_id: None,
        kind,
        client: &ClientInfo::default(),
        detail: None,
        ended_user_agent: None,
    };
    store::events::insert(connection, event).await?;
    Ok(())
}
