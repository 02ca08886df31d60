//! `GET /.well-known/jwks.json`: the public keys of access tokens (RFC 7517).

use axum::extract::State;
use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

use crate::http::Json;
use crate::state::Holdfast;

/// The server publishes each key a whole epoch before it signs with it. So a client can use a copy
/// of the keys that is one hour old.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub(super) async fn show(State(state): State<Holdfast>) -> impl IntoResponse {
    let now = state.clock.now();
    let keys = state.keys.signing_keys(now);
    ([(header::CACHE_CONTROL, CACHE)], Json(keys.jwks(now)))
}
