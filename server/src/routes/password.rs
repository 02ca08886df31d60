//! `PUT /api/v1/account/password`: another password; every session ends, and the
//! answer holds the tokens of a new one.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::password;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{ChangePassword, EndReason, EventKind};

use crate::http::{ApiError, CurrentAccount, Json, TokenAnswer};
use crate::limits::known_browsers;
use crate::password_hash::Verdict;
use crate::sessions::{self, Verified, note_later};
use crate::state::AppState;
use crate::store::accounts::Credentials;
use crate::store::{self, ClientInfo};

pub(super) async fn change(
    State(state): State<AppState>,
    current: CurrentAccount,
    client: ClientInfo,
    Json(request): Json<ChangePassword>,
) -> Result<TokenAnswer, ApiError> {
    let account_id = current.account_id;
    let account = confirmed(&state, current, &request.current_password, &client).await?;
    let Some(profile) = state.profiles.get(&state.pool, current.account_id).await? else {
        return Err(sessions::gone(&state, current.session_id).await);
    };
    password::check(request.new_password.expose(), &profile.username)?;
    let new_hash = state.passwords.hash(&request.new_password).await?;
    let reason = EndReason::PasswordChanged;
    sessions::end_beyond_500(&state, account_id, None, reason, &client).await?;

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    if !store::accounts::lock(&mut transaction, account_id, account.password_changed_at).await? {
        return Err(ApiError::InvalidCredentials);
    }
    let password_changed_at =
        store::accounts::change_password(&mut transaction, account_id, &new_hash).await?;
    let remember = store::sessions::lookup_remember(&mut transaction, current.session_id).await?;
    let ended = sessions::end_all(
        &state.clock,
        &mut transaction,
        account_id,
        None,
        reason,
        &client,
    )
    .await?;
    let verified = Verified {
        account_id,
        password_changed_at,
    };
    let remember = remember.ok_or(ApiError::SessionEnded(None))?;
    let kind = EventKind::PasswordChanged;
    let opened =
        sessions::open(&state, &mut transaction, verified, remember, kind, &client).await?;
    let opened = opened.ok_or(ApiError::InvalidCredentials)?;
    let mut tokens = opened.commit(&state, transaction).await?;
    if let Ok(username) = Username::parse(&profile.username) {
        let (keys, now) = (&state.keys, state.clock.now());
        let made = known_browsers::make(keys, account_id, &username, password_changed_at, now);
        tokens.known_browser = Some(made);
    }
    state.ended.announce(ended, reason);
    Ok(TokenAnswer(StatusCode::OK, tokens))
}

/// The account, once its password has been given again.
pub(super) async fn confirmed(
    state: &AppState,
    current: CurrentAccount,
    password: &Secret,
    client: &ClientInfo,
) -> Result<Credentials, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let account = store::accounts::lookup_credentials(&mut connection, current.account_id).await?;
    drop(connection);
    let Some(account) = account else {
        return Err(sessions::gone(state, current.session_id).await);
    };
    match state
        .passwords
        .verify(password, Some(account.password_hash.clone()))
        .await?
    {
        Verdict::Right { .. } => Ok(account),
        Verdict::Wrong => {
            let session_id = Some(current.session_id);
            note_later(
                state,
                account.account_id,
                session_id,
                EventKind::SignInFailed,
                client,
            );
            Err(ApiError::WrongPassword)
        }
    }
}
