//! `POST /api/v1/logout`: ends the session of a refresh token, current or spent.
//!
//! The answer is 204 for every token, so that a client cannot find out whether a token was
//! valid. It is 503 if the server does not know whether the session has ended, so that the
//! client tries again.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::wire::LogoutRequest;

use super::to_the_end::to_the_end;
use crate::http::{ApiError, Json};
use crate::sessions;
use crate::state::Holdfast;
use crate::store::ClientInfo;

pub(super) async fn log_out(
    State(state): State<Holdfast>,
    client: ClientInfo,
    Json(request): Json<LogoutRequest>,
) -> Result<StatusCode, ApiError> {
    let stopping = state.stopping.clone();
    let ending = async move { sessions::log_out(&state, &request.refresh_token, &client).await };
    to_the_end(&stopping, ending).await?;
    Ok(StatusCode::NO_CONTENT)
}
