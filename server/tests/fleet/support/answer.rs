//! An answer over the wire, read to its end.

use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use holdfast_protocol::problem::{Code, MEDIA_TYPE, Problem};
use holdfast_protocol::wire::Tokens;

#[derive(Debug, Clone)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl Answer {
    /// An answer of HTTP/1.1. `None` when it is not whole.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let body = String::from_utf8(bytes[end + 4..].to_vec()).ok()?;
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(": ")?;
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value).ok()?))
        });
        let answer = Self {
            status: status.parse().ok()?,
            headers: headers.collect(),
            body,
        };
        let length = answer.header("content-length").parse().unwrap_or(0);
        (answer.body.len() == length).then_some(answer)
    }

    /// The tokens of an answer of this status.
    #[track_caller]
    pub fn tokens(&self, status: u16) -> Tokens {
        assert_eq!(self.status, status, "{}", self.body);
        assert_eq!(self.header("cache-control"), "no-store");
        serde_json::from_str(&self.body).unwrap()
    }

    /// The problem; `None` when this is none of ours.
    pub fn problem(&self) -> Option<Problem> {
        if self.header("content-type") != MEDIA_TYPE {
            return None;
        }
        serde_json::from_str(&self.body).ok()
    }

    /// The code of the problem.
    pub fn code(&self) -> Option<Code> {
        self.problem().map(|problem| problem.code)
    }

    #[track_caller]
    pub fn is(&self, code: Code) {
        assert_eq!(self.code(), Some(code), "{} {}", self.status, self.body);
        assert_eq!(self.status, code.status());
    }

    /// A header's value; empty when there is none.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap_or_default())
    }

    /// Status and code, for a tally.
    pub fn summary(&self) -> String {
        let status = self.status.as_u16();
        match self.code() {
            Some(code) => format!("{status} {}", code.as_str()),
            None => status.to_string(),
        }
    }
}
