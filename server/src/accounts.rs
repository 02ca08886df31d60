//! What an operator does to an account.

use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EndReason, EventKind};
use sqlx::PgConnection;
use uuid::Uuid;

use crate::clock::Clock;
use crate::error::ApiError;
use crate::sessions::{end_all, note};
use crate::store::{self, ClientInfo, Pool};

/// Disables or enables an account. Disabling ends all its sessions, on every instance
/// within a second. Returns the ended sessions; `None` if there is no such account.
///
/// # Errors
/// While the database does not answer.
pub async fn set_disabled(
    pool: &Pool,
    clock: &Clock,
    username: &Username,
    disabled: bool,
) -> Result<Option<Vec<Uuid>>, ApiError> {
    let mut connection = pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let account = store::accounts::set_disabled(&mut transaction, username, disabled).await?;
    let Some(account_id) = account else {
        return Ok(None);
    };
    let kind = if disabled {
        EventKind::AccountDisabled
    } else {
        EventKind::AccountEnabled
    };
    note_by_operator(clock, &mut transaction, account_id, kind).await?;
    let mut ended = Vec::new();
    if disabled {
        let (reason, operator) = (EndReason::AccountDisabled, ClientInfo::default());
        ended = end_all(clock, &mut transaction, account_id, None, reason, &operator).await?;
    }
    transaction.commit().await?;
    let endings: Vec<_> = ended
        .iter()
        .map(|session_id| (*session_id, EndReason::AccountDisabled))
        .collect();
    // The instances read the endings within a second, even if this notification is lost.
    if let Err(error) = store::session_ends::notify(&mut connection, &endings).await {
        tracing::warn!(%error, "The instances were not notified of the ended sessions. They read of them within a second.");
    }
    Ok(Some(ended))
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

/// Writes an event about what an operator did. It has no session, address and browser.
async fn note_by_operator(
    clock: &Clock,
    connection: &mut PgConnection,
    account_id: Uuid,
    kind: EventKind,
) -> Result<(), ApiError> {
    let operator = ClientInfo::default();
    note(clock, connection, account_id, None, kind, &operator, None).await
}
