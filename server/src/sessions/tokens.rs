//! The tokens of a session: checked, and made.

use std::time::Duration;

use holdfast_protocol::refresh_token::{self, ChainSecret, RefreshToken, UnverifiedRefreshToken};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{TokenType, Tokens};
use uuid::Uuid;

use crate::error::ApiError;
use crate::keys::access_token::{self, CLIENT_ID, Claims};
use crate::keys::added_claims::AddedClaims;
use crate::random;
use crate::secrets_in_use::HEARD_WITHIN;
use crate::state::Holdfast;
use crate::store::sessions::Remaining;

/// The token, if its MAC is right.
///
/// # Errors
/// 401 for a token that no server of this service made. 503 if a server may have made it: another
/// instance may have a secret that this one lacks, or the secret was lost together with the
/// database.
pub(super) fn genuine(state: &Holdfast, refresh_token: &Secret) -> Result<RefreshToken, ApiError> {
    let Ok(token) = UnverifiedRefreshToken::parse(refresh_token.expose()) else {
        return Err(ApiError::RefreshTokenInvalid);
    };
    let session_id = token.session_id();
    if let Some(token) = token.verify(&state.keys.refresh_keys()) {
        return Ok(token);
    }
    if let Some(why) = state.keys.may_lack_a_secret(HEARD_WITHIN) {
        return Err(ApiError::Unsure(why));
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
pub fn may_mint(state: &Holdfast) -> Result<(), ApiError> {
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
pub(super) fn tokens(
    state: &Holdfast,
    session_id: Uuid,
    generation: u32,
    secret: &ChainSecret,
    remaining: Remaining,
    added: AddedClaims,
) -> Tokens {
    let until_end = u64::try_from(remaining.remaining_seconds).unwrap_or(0);
    let until_idle = u64::try_from(remaining.idle_seconds).unwrap_or(0);
    let lifetime = access_token_lifetime(state.config.access_token_ttl).min(until_end);
    let now = state.clock.now();
    let claims = Claims {
        iss: state.config.issuer.clone(),
        aud: state.config.issuer.clone(),
        sub: remaining.account_id,
        sid: session_id,
        client_id: CLIENT_ID.to_owned(),
        iat: now,
        exp: now + lifetime,
        jti: random::id(&state.clock),
        added,
    };
    let key = state.keys.current_refresh_key();
    Tokens {
        access_token: access_token::mint(&state.keys.signing_keys(now), &claims),
        token_type: TokenType::Bearer,
        expires_in: lifetime,
        refresh_token: refresh_token::print(key, session_id, generation, secret),
        refresh_expires_in: until_end,
        refresh_idle_expires_in: until_idle.min(until_end),
        session_id,
        known_browser: None,
        recovery_code: None,
        recovery_code_confirmed: None,
        account_id: remaining.account_id,
    }
}

/// The configured lifetime, minus a random part of at most 5 %, so that browsers that signed in
/// together do not always renew together.
fn access_token_lifetime(ttl: Duration) -> u64 {
    let most = ttl.as_secs() / 20;
    let random = u64::from_le_bytes(random::bytes());
    ttl.as_secs() - random % (most + 1)
}
