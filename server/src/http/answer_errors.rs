//! Turns an error into problem JSON, and logs it.
//!
//! Failures of requests are logged here and nowhere else. The OAuth endpoints answer errors
//! about the grant in the form of RFC 6749 (`routes/oauth.rs`); all their other errors are
//! answered here. If a session ended or a password was wrong, the request was still answered
//! as intended. That is not an error here; `security_log.rs` logs it.
//!
//! A security duty: the log line contains the code, the status and, if the server has a
//! fault, the cause. It never contains a token, a password, a username, a header or a body.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use holdfast_protocol::problem::MEDIA_TYPE;
use tower_http::request_id::RequestId;

use crate::error::{ApiError, retry_after, timed_out};

/// The longest time that a request may take, its body included. It is shorter than the
/// 20 seconds for which a browser waits.
pub const LONGEST: Duration = Duration::from_secs(18);

/// How long one piece of work may take, all its statements together. If the database
/// vanishes without closing its connections, the work must not keep a connection longer.
pub const LONGEST_WORK: Duration = Duration::from_secs(12);

/// Runs the request and turns an [`ApiError`] in its answer into problem JSON
/// (RFC 9457).
pub async fn answer_errors(request: Request, next: Next) -> Response {
    let request_id = request
        .extensions()
        .get::<RequestId>()
        .and_then(|id| id.header_value().to_str().ok())
        .map(str::to_owned);
    // A panic is answered like any other fault of the server. The connection goes on, and
    // with HTTP/2 the other requests on it, too.
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(LONGEST, answering).await {
        Ok(Ok(response)) => response,
        // The panic hook of `cli/serve.rs` has logged the place. The payload may contain what
        // the client sent.
        Ok(Err(_)) => ApiError::Internal(anyhow::anyhow!("the handler panicked")).into_response(),
        Err(_) => timed_out(LONGEST).into_response(),
    };
    let Some(error) = response.extensions().get::<Arc<ApiError>>().cloned() else {
        return response;
    };
    log(&error);

    let body = serde_json::to_vec(&error.problem(request_id)).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.extensions.remove::<Arc<ApiError>>();
    let headers = &mut parts.headers;
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(MEDIA_TYPE));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.remove(header::CONTENT_LENGTH);
    if let Some(challenge) = error.challenge() {
        headers.insert(header::WWW_AUTHENTICATE, challenge);
    }
    if let Some(seconds) = error.retry_after() {
        headers.extend([retry_after(seconds)]);
    }
    Response::from_parts(parts, Body::from(body))
}

fn log(error: &ApiError) {
    let (code, status) = (error.code().as_str(), error.status().as_u16());
    match error {
        ApiError::Internal(cause) => {
            tracing::error!(error.code = code, http.status = status, cause = ?cause, "A request failed.");
        }
        ApiError::Unavailable(cause) => {
            tracing::warn!(error.code = code, http.status = status, cause = %format_args!("{cause:#}"), "A request could not be answered for now.");
        }
        ApiError::Unsure(why) => {
            tracing::debug!(
                error.code = code,
                http.status = status,
                why,
                "A request was refused."
            );
        }
        _ => tracing::debug!(
            error.code = code,
            http.status = status,
            "A request was refused."
        ),
    }
}
