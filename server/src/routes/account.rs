//! `/api/v1/account`: `GET` shows the account, `DELETE` deletes it.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::wire::{Account, DeleteAccount, EndReason};

use super::password::confirmed;
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::sessions::{self, Caller};
use crate::state::Holdfast;
use crate::store::{self, ClientInfo};

pub(super) async fn show(
    State(state): State<Holdfast>,
    current: CurrentAccount,
) -> Result<Json<Account>, ApiError> {
    let Some(profile) = state.profiles.get(&state.pool, current.account_id).await? else {
        return Err(sessions::gone(&state, current.session_id).await);
    };
    let account = Account {
        account_id: current.account_id,
        username: profile.username,
        created_at: profile.created_at.unix_timestamp(),
    };
    Ok(Json(account))
}

pub(super) async fn delete(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<DeleteAccount>,
) -> Result<StatusCode, ApiError> {
    let account_id = current.account_id;
    let password = &request.password;
    let (account, _) = confirmed(&state, &current, password, &client, address).await?;
    // This ends the sessions beyond 500, but not the caller's own: the deletion may still be
    // refused.
    let reason = EndReason::AccountDeleted;
    let caller = Caller {
        account_id,
        own: current.session_id,
        verified: Some(account.password_changed_at),
        client: &client,
    };
    sessions::end_beyond_500(&state, caller, reason).await?;

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    if !store::accounts::lock(&mut transaction, account_id, account.password_changed_at).await? {
        return Err(ApiError::InvalidCredentials);
    }
    let ended = sessions::end_all(
        &state.clock,
        &mut transaction,
        account_id,
        None,
        reason,
        &client,
    )
    .await?;
    let hooks = &state.hooks;
    hooks
        .account_is_deleted(&mut transaction, account_id)
        .await?;
    if !store::accounts::delete(&mut transaction, account_id).await? {
        let why = anyhow::anyhow!("the account was not found where it was locked");
        return Err(ApiError::Internal(why));
    }
    transaction.commit().await?;
    state.ended.announce(ended, reason);
    state.profiles.forget(account_id);
    tracing::info!(account.id = %account_id, "An account was deleted.");
    Ok(StatusCode::NO_CONTENT)
}
