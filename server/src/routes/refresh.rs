//! `POST /api/v1/refresh`: exchanges a refresh token for its successor.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use holdfast_protocol::attempt_key::{self, AttemptKey};
use holdfast_protocol::wire::RefreshRequest;
use tokio::time::Instant;

use super::to_the_end::to_the_end;
use crate::http::{ApiError, Json, TokenAnswer};
use crate::sessions::{self, Refresh};
use crate::state::Holdfast;
use crate::store::ClientInfo;

pub(super) async fn refresh(
    State(state): State<Holdfast>,
    client: ClientInfo,
    headers: HeaderMap,
    Json(request): Json<RefreshRequest>,
) -> Result<TokenAnswer, ApiError> {
    let refresh = Refresh {
        refresh_token: request.refresh_token,
        attempt_key: attempt_key(&headers)?,
        plain_client: false,
        arrived: Instant::now(),
    };
    let stopping = state.stopping.clone();
    let refreshed = async move { sessions::refresh(&state, &refresh, &client).await };
    let tokens = to_the_end(&stopping, refreshed).await?;
    Ok(TokenAnswer(StatusCode::OK, tokens))
}

/// The `Idempotency-Key`. A request with two such headers is refused, like a request with a
/// malformed one.
fn attempt_key(headers: &HeaderMap) -> Result<Option<AttemptKey>, ApiError> {
    let mut values = headers.get_all(attempt_key::HEADER).iter();
    let Some(value) = values.next() else {
        return Ok(None);
    };
    if values.next().is_some() {
        return Err(ApiError::MalformedRequest(
            "Send one Idempotency-Key header, not several.".to_owned(),
        ));
    }
    Ok(Some(AttemptKey::parse(value.as_bytes())?))
}
