//! `/api/v1/account/recovery-code`: `GET` says whether the account has a code, `PUT` makes a
//! new one with the password, and `POST …/confirmed` says that the person keeps it.
//!
//! A security duty: the server shows a code once, when it makes it, and stores its hash only.
//! A confirmed code is good until the new one was confirmed or used, so a lost answer does not
//! lose the way in. If the earlier code was not confirmed, a new code makes it void at once.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::wire::{
    ConfirmRecoveryCode, EventKind, NewRecoveryCode, RecoveryCodeState, ReplaceRecoveryCode,
};

use super::password::confirmed;
use super::to_the_end::to_the_end;
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::random;
use crate::sessions;
use crate::state::Holdfast;
use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo};

pub(super) async fn show(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
) -> Result<Json<RecoveryCodeState>, ApiError> {
    let _turn = current.turn_to_read(&state, from).await?;
    sessions::must_have_row(&state, current.session_id).await?;
    let mut connection = state.pool.acquire().await?;
    let newest = store::recovery_codes::lookup_newest(&mut connection, current.account_id).await?;
    connection.release();
    Ok(Json(RecoveryCodeState {
        made_at: newest.map(|newest| newest.made_at.unix_timestamp()),
        confirmed: newest.is_some_and(|newest| newest.confirmed),
    }))
}

pub(super) async fn replace(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<ReplaceRecoveryCode>,
) -> Result<Json<NewRecoveryCode>, ApiError> {
    let account_id = current.account_id;
    let password = &request.password;
    let (account, turn) = confirmed(&state, &current, password, &client, address).await?;
    drop(turn);
    // This call waits for the account's row, like a call that ends sessions. So it takes one of the
    // slots for such calls.
    let slot = state.limits.end_sessions(account_id, current.session_id)?;
    let code = RecoveryCode::from_random(random::bytes());

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    if !store::accounts::lock(&mut transaction, account_id, account.password_changed_at).await? {
        return Err(ApiError::InvalidCredentials);
    }
    store::recovery_codes::insert(&mut transaction, account_id, &code.hash()).await?;
    let event = event(&state, &current, EventKind::RecoveryCodeMade, &client);
    store::events::insert(&mut transaction, event).await?;
    transaction.commit().await?;
    drop(slot);
    Ok(Json(NewRecoveryCode {
        recovery_code: code.print(),
    }))
}

pub(super) async fn confirm(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    Json(request): Json<ConfirmRecoveryCode>,
) -> Result<StatusCode, ApiError> {
    let code = RecoveryCode::parse(request.recovery_code.expose());
    let code = code.map_err(|_| ApiError::NotTheRecoveryCode)?;
    // This call waits for the account's row as well.
    let slot = state
        .limits
        .end_sessions(current.account_id, current.session_id)?;
    let stopping = state.stopping.clone();
    let confirming = async move {
        let confirmed = try_confirm(&state, &current, &client, &code).await;
        drop(slot);
        confirmed
    };
    to_the_end(&stopping, confirming).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn try_confirm(
    state: &Holdfast,
    current: &CurrentAccount,
    client: &ClientInfo,
    code: &RecoveryCode,
) -> Result<(), ApiError> {
    let (account_id, code) = (current.account_id, code.hash());
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    store::accounts::lock_any(&mut transaction, account_id).await?;
    if store::recovery_codes::confirm(&mut transaction, account_id, &code).await? {
        let event = event(state, current, EventKind::RecoveryCodeConfirmed, client);
        store::events::insert(&mut transaction, event).await?;
        transaction.commit().await?;
        return Ok(());
    }
    // The code may be confirmed already: the answer to an earlier request was lost.
    let is_right = store::recovery_codes::is_right(&mut transaction, account_id, &code).await?;
    transaction.rollback().await?;
    connection.release();
    if is_right {
        return Ok(());
    }
    sessions::must_have_row(state, current.session_id).await?;
    Err(ApiError::NotTheRecoveryCode)
}

fn event<'a>(
    state: &Holdfast,
    current: &CurrentAccount,
    kind: EventKind,
    client: &'a ClientInfo,
) -> NewEvent<'a> {
    NewEvent {
        event_id: random::id(&state.clock),
        account_id: current.account_id,
        session_id: Some(current.session_id),
        kind,
        client,
        detail: None,
        ended_user_agent: None,
    }
}
