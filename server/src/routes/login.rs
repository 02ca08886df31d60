//! `POST /api/v1/login`: username and password for tokens.
//!
//! A security duty: an unknown account, a wrong password and a disabled account are
//! one answer, in words and in time. So there is always one password computation,
//! and nothing that only one of them does is waited for.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EventKind, LoginRequest};

use crate::http::{ApiError, Json, TokenAnswer};
use crate::limits::known_browsers;
use crate::password_hash::Verdict;
use crate::sessions::{self, Verified, note_later};
use crate::state::AppState;
use crate::store::accounts::Credentials;
use crate::store::{self, ClientInfo};

pub(super) async fn log_in(
    State(state): State<AppState>,
    client: ClientInfo,
    Json(request): Json<LoginRequest>,
) -> Result<TokenAnswer, ApiError> {
    let answer = try_log_in(&state, &client, request).await;
    state.metrics.signed_in(answer.as_ref().map(|_| ()));
    answer
}

async fn try_log_in(
    state: &AppState,
    client: &ClientInfo,
    request: LoginRequest,
) -> Result<TokenAnswer, ApiError> {
    let account = find(state, &request.username).await?;
    let stored = account
        .as_ref()
        .map(|account| account.password_hash.clone());
    let verdict = state.passwords.verify(&request.password, stored).await?;
    let Some(account) = account else {
        return Err(ApiError::InvalidCredentials);
    };
    let rehashed = match verdict {
        Verdict::Right { rehashed } if account.disabled_at.is_none() => rehashed,
        _ => {
            note_later(
                state,
                account.account_id,
                None,
                EventKind::SignInFailed,
                client,
            );
            return Err(ApiError::InvalidCredentials);
        }
    };

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let Credentials {
        account_id,
        password_hash,
        password_changed_at,
        ..
    } = account;
    if let Some(new) = rehashed {
        store::accounts::rehash(&mut transaction, account_id, &password_hash, &new).await?;
    }
    let verified = Verified {
        account_id,
        password_changed_at,
    };
    let remember = request.remember;
    let opened = sessions::open(
        state,
        &mut transaction,
        verified,
        remember,
        EventKind::SignIn,
        client,
    );
    let opened = opened.await?.ok_or(ApiError::InvalidCredentials)?;
    let mut tokens = opened.commit(state, transaction).await?;
    if let Ok(username) = Username::parse(&request.username) {
        let (keys, now) = (&state.keys, state.clock.now());
        let made = known_browsers::make(keys, account_id, &username, password_changed_at, now);
        tokens.known_browser = Some(made);
    }
    Ok(TokenAnswer(StatusCode::OK, tokens))
}

/// The account of this name. A name that could not be anybody's is asked for in vain
/// all the same, so that it takes as long as any other.
async fn find(state: &AppState, username: &str) -> Result<Option<Credentials>, ApiError> {
    let Ok(username) = Username::parse(username) else {
        return Ok(None);
    };
    let mut connection = state.pool.acquire().await?;
    let account = store::accounts::find_by_username(&mut connection, &username).await?;
    connection.release();
    Ok(account)
}
