//! The answer with tokens.

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_protocol::wire::Tokens;

use crate::error::ApiError;

/// As long as the answer usually is, so that it is not copied while it grows.
const USUAL_BODY: usize = 2048;

/// Tokens with the status of the answer. No cache may keep it (RFC 6749 §5.1).
#[derive(Debug)]
pub struct TokenAnswer(pub StatusCode, pub Tokens);

impl IntoResponse for TokenAnswer {
    fn into_response(self) -> Response {
        let mut body = Vec::with_capacity(USUAL_BODY);
        if let Err(error) = serde_json::to_writer(&mut body, &self.1) {
            return ApiError::Internal(error.into()).into_response();
        }
        let headers = [
            (header::CONTENT_TYPE, "application/json"),
            (header::CACHE_CONTROL, "no-store"),
        ];
        (self.0, headers, body).into_response()
    }
}
