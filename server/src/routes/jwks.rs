//! `GET /.well-known/jwks.json`: the public keys of access tokens (RFC 7517).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use crate::http::Json;
use crate::state::AppState;

/// A key is published a whole epoch before it signs, so a copy of an hour ago is still
/// right.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub(super) async fn show(State(state): State<AppState>) -> impl IntoResponse {
    let now = state.clock.now();
    let keys = state.keys.signing_keys(now);
    ([(header::CACHE_CONTROL, CACHE)], Json(keys.jwks(now)))
}
