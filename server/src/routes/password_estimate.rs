//! `POST /api/v1/password-estimate`: says while a person types a new password how easy it is
//! to guess.
//!
//! A security duty: the typed text is neither kept nor logged. The sign-up and the change of
//! the password use the same check, so a person never reads here that a password is accepted
//! and is then refused.

use axum::extract::State;
use holdfast_protocol::password;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{PasswordEstimate, PasswordEstimateRequest};

use crate::client_address::ClientAddress;
use crate::http::{ApiError, Json};
use crate::state::Holdfast;

pub(super) async fn estimate(
    State(state): State<Holdfast>,
    address: ClientAddress,
    Json(request): Json<PasswordEstimateRequest>,
) -> Result<Json<PasswordEstimate>, ApiError> {
    state.limits.estimate(address)?;
    // The estimate ignores a name that no account can have, or that is not typed yet.
    let username = request.username.as_deref().map(Username::parse);
    let username = username.and_then(Result::ok);
    let username = username.as_ref().map_or("", Username::as_str);
    let estimate = match password::check(request.password.expose(), username) {
        // These rules need no dictionary, so the request needs no place in the queue.
        Err(reason) => PasswordEstimate {
            score: 0,
            warning: Some(reason.to_string()),
            cause: Some(reason.into()),
            suggestions: Vec::new(),
        },
        Ok(()) => {
            let place = state.limits.enter_for_estimate(address)?;
            let turn = place.turn().await?;
            let (passwords, typed) = (&state.passwords, &request.password);
            let strength = passwords.estimate(&turn, typed, username).await?;
            let reason = strength.verdict.err();
            PasswordEstimate {
                score: strength.score,
                warning: reason.as_ref().map(|reason| reason.warning().to_owned()),
                cause: reason.as_ref().map(|reason| reason.cause()),
                suggestions: reason
                    .iter()
                    .map(|reason| reason.advice().to_owned())
                    .collect(),
            }
        }
    };
    Ok(Json(estimate))
}
