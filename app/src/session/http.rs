//! One request and its answer. Nothing else in the client calls `fetch`.
//!
//! The browser is told to ask our own origin only, redirects are refused and cookies
//! stay at home, so a token can go nowhere else.

use gloo_net::http::{Method, RequestBuilder, Response};
use holdfast_protocol::attempt_key;
use holdfast_protocol::problem::{self, Meaning, Problem};
use holdfast_protocol::secret::Secret;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use web_sys::{AbortSignal, RequestCache, RequestCredentials, RequestMode, RequestRedirect};

/// How long an answer may take. Longer than the server takes to give up itself.
const PATIENCE_MS: u32 = 20_000;

/// A request as plain data, so that it can be sent a second time.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Body>,
    pub(super) attempt_key: Option<Secret>,
}

/// What a request carries. Bodies hold passwords and tokens.
#[derive(Clone)]
pub(super) struct Body {
    pub(super) media_type: String,
    pub(super) text: Secret,
}

impl Call {
    /// A call without a body.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            attempt_key: None,
        }
    }

    /// The same call with a JSON body.
    pub(super) fn with_json(mut self, body: &impl Serialize) -> Self {
        self.body = serde_json::to_string(body).ok().map(|text| Body {
            media_type: "application/json".to_owned(),
            text: Secret::from(text),
        });
        self
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ApiError {
    /// Nobody is signed in.
    SignedOut,
    /// Another person signed in while the call was waiting. It was not made as
    /// that person.
    SessionChanged,
    /// Holdfast's own answer.
    Problem(Problem),
    /// No answer, or one that is not Holdfast's: no network, a portal's page, a
    /// proxy's error. Nothing is lost.
    Unreachable {
        /// Whether anything answered at all.
        answered: bool,
        /// Seconds to wait, if the answer said so.
        retry_after: Option<u32>,
    },
}

impl ApiError {
    /// No answer at all.
    pub(super) const SILENCE: Self = Self::Unreachable {
        answered: false,
        retry_after: None,
    };

    /// The problem's code, if this is an answer of Holdfast's own.
    pub fn code(&self) -> Option<problem::Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }
}

/// In words for a person.
impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("You are not signed in."),
            Self::SessionChanged => {
                f.write_str("Somebody else has signed in in this browser meanwhile.")
            }
            Self::Problem(problem) if problem.code.meaning() == Meaning::Later => {
                f.write_str(&problem.detail)?;
                // The server may have said it already, in the same words.
                let is_said = problem.detail.contains("Try again");
                match problem.retry_after {
                    Some(seconds) if seconds > 1 && !is_said => {
                        write!(f, " Try again in {}.", in_words(seconds))
                    }
                    _ => Ok(()),
                }
            }
            Self::Problem(problem) => f.write_str(&problem.detail),
            Self::Unreachable { .. } => {
                f.write_str("Holdfast cannot be reached right now. Check your connection.")
            }
        }
    }
}

impl std::error::Error for ApiError {}

fn in_words(seconds: u32) -> String {
    match seconds {
        0..=90 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    }
}

/// Sends a call and returns the body of a successful answer.
pub(super) async fn send(call: &Call, bearer: Option<&Secret>) -> Result<String, ApiError> {
    let mut request = RequestBuilder::new(&call.path)
        .method(call.method.clone())
        .mode(RequestMode::SameOrigin)
        .redirect(RequestRedirect::Error)
        .credentials(RequestCredentials::Omit)
        .cache(RequestCache::NoStore)
        .header("Accept", "application/json, application/problem+json")
        .abort_signal(Some(&AbortSignal::timeout_with_u32(PATIENCE_MS)));
    if let Some(token) = bearer {
        request = request.header("Authorization", &format!("Bearer {}", token.expose()));
    }
    if let Some(key) = &call.attempt_key {
        request = request.header(attempt_key::HEADER, key.expose());
    }
    let request = match &call.body {
        Some(body) => request
            .header("Content-Type", &body.media_type)
            .body(body.text.expose()),
        None => request.build(),
    };
    let silence = |_| ApiError::SILENCE;
    let response = request.map_err(silence)?.send().await.map_err(silence)?;
    read(response).await
}

async fn read(response: Response) -> Result<String, ApiError> {
    let headers = response.headers();
    let media_type = headers.get("content-type").unwrap_or_default();
    let is = |expected| media_type.split(';').next().map(str::trim) == Some(expected);
    let retry_after = headers
        .get("retry-after")
        .and_then(|seconds| seconds.trim().parse().ok());
    // From here on something answered, but perhaps not Holdfast.
    let not_ours = ApiError::Unreachable {
        answered: true,
        retry_after,
    };
    if response.status() == 204 {
        return Ok(String::new());
    }
    let Ok(body) = response.text().await else {
        return Err(ApiError::SILENCE);
    };
    if response.ok() {
        return if is("application/json") {
            Ok(body)
        } else {
            Err(not_ours)
        };
    }
    match serde_json::from_str::<Problem>(&body) {
        Ok(mut problem) if is(problem::MEDIA_TYPE) => {
            problem.retry_after = retry_after;
            Err(ApiError::Problem(problem))
        }
        _ => Err(not_ours),
    }
}

/// Reads a successful answer's body. One that does not fit is not Holdfast's.
pub(super) fn parse<T: DeserializeOwned>(body: &str) -> Result<T, ApiError> {
    serde_json::from_str(body).map_err(|_| ApiError::Unreachable {
        answered: true,
        retry_after: None,
    })
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::Code;

    use super::*;

    #[test]
    fn how_long_to_wait_is_said_once() {
        for (detail, retry_after, expected) in [
            (
                "Too many attempts.",
                Some(120),
                "Too many attempts. Try again in 2 minutes.",
            ),
            (
                "Too many attempts. Try again in 2 minutes.",
                Some(120),
                "Too many attempts. Try again in 2 minutes.",
            ),
            ("Too many attempts.", None, "Too many attempts."),
        ] {
            let mut problem = Problem::new(Code::TooManyAttempts, detail);
            problem.retry_after = retry_after;
            assert_eq!(ApiError::Problem(problem).to_string(), expected);
        }
    }
}
