//! Turns an error into problem JSON, and logs it. A person whose browser wanted a page gets one in its place
//! (`pages/fault.rs`).
//!
//! Failures of requests are logged here and nowhere else. The OAuth endpoints answer errors
//! about the grant in the form of RFC 6749 (`routes/oauth.rs`); all their other errors are
//! answered here. A wrong password or an ended session is no failure of the request, so this file
//! logs it at the level `debug` only. `security_log.rs` writes the line for the operator.
//!
//! A security duty: the log line contains the code, the status and, if the server has a
//! fault, the cause. It never contains a token, a password, a username, a header or a body.

use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use futures::FutureExt as _;
use holdfast_protocol::problem::MEDIA_TYPE;

use super::request_id::RequestId;
use crate::error::{ApiError, retry_after, timed_out};

/// The longest time that a request may take, its body included. It is shorter than the
/// 20 seconds for which a browser waits.
pub const LONGEST: Duration = Duration::from_secs(18);

/// How long one piece of work may take, all its statements together. If the database
/// vanishes without closing its connections, the work must not keep a connection longer.
pub const LONGEST_WORK: Duration = Duration::from_secs(12);

/// Marks the answer to an error of Holdfast's own, and not to one of the application.
#[derive(Debug, Clone, Copy)]
pub struct OwnProblem;

/// Waits for the answer and turns an [`ApiError`] in it into problem JSON (RFC 9457).
pub async fn answer_errors(
    answering: impl Future<Output = Response>,
    request_id: &RequestId,
) -> Response {
    // A panic is answered like any other fault of the server. The connection stays open, and with
    // HTTP/2 the other requests on it go on.
    let answering = AssertUnwindSafe(answering).catch_unwind();
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

    let problem = error.problem(Some(request_id.as_str().to_owned()));
    let body = serde_json::to_vec(&problem).unwrap_or_default();
    let (mut parts, _) = response.into_parts();
    parts.extensions.remove::<Arc<ApiError>>();
    if !matches!(*error, ApiError::OfApplication { .. }) {
        parts.extensions.insert(OwnProblem);
    }
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

/// The log lines of requests that could not be answered for now. Every client can cause any number
/// of such requests, and none of them needs a line of its own.
static UNAVAILABLE: OncePerSecond = OncePerSecond(Mutex::new((None, 0)));

/// When something was last logged, and how often it was left out since.
struct OncePerSecond(Mutex<(Option<Instant>, u64)>);

impl OncePerSecond {
    /// How many lines were left out before this one. `None` if this one is left out as well.
    fn admit(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (last, left_out) = &mut *state;
        if last.is_some_and(|last| now < last + Duration::from_secs(1)) {
            *left_out += 1;
            return None;
        }
        *last = Some(now);
        Some(std::mem::take(left_out))
    }
}

fn log(error: &ApiError) {
    let (code, status) = (error.code(), error.status().as_u16());
    let code = code.as_str();
    match error {
        ApiError::Internal(cause) => {
            tracing::error!(error.code = code, http.status = status, cause = ?cause, "A request failed.");
        }
        ApiError::Unavailable(cause) => {
            let Some(left_out) = UNAVAILABLE.admit(Instant::now()) else {
                return;
            };
            tracing::warn!(left_out, error.code = code, http.status = status, cause = %format_args!("{cause:#}"), "A request could not be answered for now.");
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_a_second_is_logged_and_says_how_many_were_left_out() {
        let lines = OncePerSecond(Mutex::new((None, 0)));
        let start = Instant::now();
        let after = |ms| start + Duration::from_millis(ms);
        assert_eq!(lines.admit(start), Some(0));
        for ms in [0, 500, 999] {
            assert_eq!(lines.admit(after(ms)), None);
        }
        assert_eq!(lines.admit(after(1000)), Some(3));
        assert_eq!(lines.admit(after(1001)), None);
        assert_eq!(lines.admit(after(9000)), Some(1));
        assert_eq!(lines.admit(after(10_000)), Some(0));
    }
}
