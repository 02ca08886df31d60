//! `POST /api/v1/signup`: makes an account and signs in. The answer has the account's recovery
//! code, which the server shows this once.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::wire::{EventKind, SignupRequest};
use holdfast_protocol::{password, username::Username};

use crate::client_address::ClientAddress;
use crate::http::{ApiError, Json, TokenAnswer};
use crate::limits::known_browsers;
use crate::random;
use crate::sessions::{self, PreparedSession, VerifiedPassword};
use crate::state::Holdfast;
use crate::store::{self, ClientInfo, former_usernames};

pub(super) async fn sign_up(
    State(state): State<Holdfast>,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<SignupRequest>,
) -> Result<TokenAnswer, ApiError> {
    let username = Username::parse(&request.username)?;
    password::check(request.password.expose(), username.as_str())?;
    sessions::may_mint(&state)?;
    let place = state.limits.sign_up(address)?;
    let turn = place.turn().await?;
    let hashed = state
        .passwords
        .hash_new(&turn, &request.password, username.as_str());
    let password_hash = hashed.await??;
    drop(turn);

    let account_id = random::id(&state.clock);
    let new = PreparedSession::prepare(&state, account_id, EventKind::SignUp).await?;
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let account =
        store::accounts::insert(&mut transaction, account_id, &username, &password_hash).await?;
    let Some(account) = account else {
        return Err(ApiError::UsernameTaken);
    };
    // No name is reserved for an account that is new.
    let reserved_for = former_usernames::reserved_for(&mut transaction, &username.key()).await?;
    if reserved_for.is_some() {
        return Err(ApiError::UsernameTaken);
    }
    let code = RecoveryCode::from_random(random::bytes());
    store::recovery_codes::insert(&mut transaction, account_id, &code.hash()).await?;
    let verified = VerifiedPassword {
        account_id,
        password_changed_at: account.password_changed_at,
    };
    let remember = request.remember;
    let opened = sessions::open(&state, &mut transaction, new, verified, remember, &client);
    let opened = opened.await?.ok_or(ApiError::InvalidCredentials)?;
    let hooks = &state.hooks;
    hooks
        .account_opened(&mut transaction, account_id, username.as_str())
        .await?;
    let browser_id = opened.browser_id();
    let mut tokens = opened.commit(&state, transaction).await?;
    let made = known_browsers::make(
        &state.keys,
        account_id,
        &username,
        account.password_changed_at,
        browser_id,
        state.clock.now(),
    );
    // The account exists now. So the answer has its tokens even if the token for a known browser
    // could not be made: then the secret was forbidden, and the instance is about to stop.
    tokens.known_browser = made.ok();
    tokens.recovery_code = Some(code.print());
    tokens.recovery_code_confirmed = Some(false);
    Ok(TokenAnswer(StatusCode::CREATED, tokens))
}
