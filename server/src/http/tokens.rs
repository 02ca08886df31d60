//! The answer with tokens.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_protocol::wire::Tokens;

/// Tokens with the status of the answer. No cache may keep it (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenAnswer(pub StatusCode, pub Tokens);

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        let mut response = (self.0, axum::Json(self.1)).into_response();
        response
            .headers_mut()
            .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
