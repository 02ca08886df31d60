//! `POST /api/v1/password-estimate`: how easily a new password is guessed, while a person
//! types it.
//!
//! A security duty: what was typed is neither kept nor logged. The answer is that of the
//! sign-up and of the change of the password, so nobody is told here that a password is
//! good and there that it is not.

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;
use holdfast_protocol::password;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{PasswordEstimate, PasswordEstimateRequest};

use crate::client_address::ClientAddress;
use crate::http::{ApiError, Json};
use crate::state::AppState;

pub(super) async fn estimate(
    State(state): State<AppState>,
    address: ClientAddress,
    Json(request): Json<PasswordEstimateRequest>,
) -> Result<impl IntoResponse, ApiError> {
    state.limits.estimate(address)?;
    // A name that no account can have, or that is not typed yet, says nothing.
    let username = request.username.as_deref().map(Username::parse);
    let username = username.and_then(Result::ok);
    let username = username.as_ref().map_or("", Username::as_str);
    let estimate = match password::check(request.password.expose(), username) {
        // Found out without a dictionary, so it needs no place in the queue.
        Err(reason) => PasswordEstimate {
            score: 0,
            warning: Some(reason.to_string()),
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
                suggestions: reason
                    .iter()
                    .map(|reason| reason.advice().to_owned())
                    .collect(),
            }
        }
    };
    let private = (header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(([private], Json(estimate)))
}
