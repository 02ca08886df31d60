//! A complete answer.

use axum::body::Bytes;
use axum::http::{HeaderMap, Response, StatusCode};
use holdfast_protocol::problem::{Code, MEDIA_TYPE, Problem};
use holdfast_protocol::wire::Tokens;
use http_body_util::BodyExt as _;
use serde::de::DeserializeOwned;

/// Status, headers and body.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

impl Answer {
    /// Reads the whole answer.
    pub async fn read(response: Response<axum::body::Body>) -> Self {
        let (parts, body) = response.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        Self {
            status: parts.status,
            headers: parts.headers,
            body,
        }
    }

    /// Its body as text.
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// Its body as JSON.
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.text()))
    }

    /// The tokens of an answer of this status.
    #[track_caller]
    pub fn tokens(&self, status: u16) -> Tokens {
        assert_eq!(self.status, status, "{}", self.text());
        assert_eq!(self.header("cache-control"), "no-store");
        self.json()
    }

    /// The problem, with all members that RFC 9457 and Holdfast's API require.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert_eq!(
            self.header("content-type"),
            MEDIA_TYPE,
            "{} {}",
            self.status,
            self.text()
        );
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(
            problem.kind,
            format!("urn:holdfast:problem:{}", problem.code.as_str())
        );
        assert!(problem.detail.ends_with('.'), "{}", problem.detail);
        assert!(problem.request_id.is_some());
        if self.status == StatusCode::UNAUTHORIZED {
            assert!(self.header("www-authenticate").starts_with("Bearer realm="));
        }
        problem
    }

    /// Asserts that this is the problem with this code.
    #[track_caller]
    pub fn is(&self, code: Code) {
        assert_eq!(self.problem().code, code, "{}", self.text());
    }

    /// A header's value; empty if there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
}
