//! A complete answer, from the network or from a router.

use axum::body::{Bytes, HttpBody};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode};
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
    /// Its body, as it was on the wire: perhaps compressed.
    pub body: Bytes,
}

impl Answer {
    /// Reads the whole answer.
    ///
    /// # Errors
    /// If the body breaks off.
    pub async fn read<B: HttpBody>(response: Response<B>) -> Result<Self, B::Error> {
        let (parts, body) = response.into_parts();
        Ok(Self {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await?.to_bytes(),
        })
    }

    /// Reads an answer of HTTP/1.1 from its bytes, as a proxy sees them. `None` if it is not
    /// complete.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.lines();
        let status = lines.next()?.strip_prefix("HTTP/1.1 ")?.get(..3)?;
        let headers = lines.filter_map(|line| {
            let (name, value) = line.split_once(':')?;
            let name: HeaderName = name.parse().ok()?;
            Some((name, HeaderValue::from_str(value.trim()).ok()?))
        });
        let mut answer = Self {
            status: status.parse().ok()?,
            headers: headers.collect(),
            body: Bytes::new(),
        };
        let rest = &bytes[end + 4..];
        let body = if answer.header("transfer-encoding") == "chunked" {
            join_chunks(rest)?
        } else {
            let length = answer.header("content-length").parse().unwrap_or(0);
            rest.get(..length)?.to_vec()
        };
        answer.body = body.into();
        Some(answer)
    }

    /// The body of the answer, which must be text.
    #[track_caller]
    pub fn text(&self) -> String {
        String::from_utf8(self.body.to_vec()).unwrap()
    }

    /// The status and the body, for a message. Only parts of a compressed body can be read.
    fn shown(&self) -> String {
        format!("{} {}", self.status, String::from_utf8_lossy(&self.body))
    }

    /// Its body as JSON.
    #[track_caller]
    pub fn json<T: DeserializeOwned>(&self) -> T {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {}", self.shown()))
    }

    /// Asserts the status and that no cache may store the answer, and returns the tokens.
    #[track_caller]
    pub fn tokens(&self, status: u16) -> Tokens {
        assert_eq!(self.status, status, "{}", self.shown());
        assert_eq!(self.header("cache-control"), "no-store");
        self.json()
    }

    /// Returns the problem, and asserts that it has all members that RFC 9457 and Holdfast's API
    /// require.
    #[track_caller]
    pub fn problem(&self) -> Problem {
        assert_eq!(self.header("content-type"), MEDIA_TYPE, "{}", self.shown());
        let problem: Problem = self.json();
        assert_eq!(problem.status, self.status.as_u16());
        assert_eq!(
            problem.kind,
            format!("urn:holdfast:problem:{}", problem.code.as_str()).into()
        );
        assert!(problem.detail.ends_with('.'), "{}", problem.detail);
        assert!(problem.request_id.is_some());
        if self.status == StatusCode::UNAUTHORIZED {
            assert!(self.header("www-authenticate").starts_with("Bearer realm="));
        }
        problem
    }

    /// The code of the problem. `None` if the answer is not one of Holdfast's problems.
    pub fn code(&self) -> Option<Code> {
        if self.header("content-type") != MEDIA_TYPE {
            return None;
        }
        let problem: Problem = serde_json::from_slice(&self.body).ok()?;
        Some(problem.code)
    }

    /// Asserts that this is the problem with this code, and that it has the code's status. For a
    /// malformed request, the status is not compared: several statuses have that code.
    #[track_caller]
    pub fn is(&self, code: Code) {
        assert_eq!(self.problem().code, code, "{}", self.shown());
        if code != Code::MalformedRequest {
            assert_eq!(self.status, code.status(), "{}", self.shown());
        }
    }

    /// A header's value; empty if there is none.
    #[track_caller]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
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

/// The body of a chunked answer. `None` if the last chunk has not come.
fn join_chunks(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line_ends = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = std::str::from_utf8(&rest[..line_ends]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        let start = line_ends + 2;
        if size == 0 {
            return rest.get(start..)?.ends_with(b"\r\n").then_some(body);
        }
        body.extend_from_slice(rest.get(start..start + size)?);
        rest = rest.get(start + size + 2..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_joined_and_the_last_one_must_be_there() {
        let whole =
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Encoding: br\r\n\r\n\
            3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";
        let answer = Answer::parse(whole).unwrap();
        assert_eq!(
            (answer.status.as_u16(), &answer.body[..]),
            (200, &b"abcde"[..])
        );
        assert_eq!(answer.header("content-encoding"), "br");
        assert!(Answer::parse(&whole[..whole.len() - 7]).is_none());
    }

    #[test]
    fn a_body_that_is_too_short_is_no_answer() {
        let cut = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc";
        assert!(Answer::parse(cut).is_none());
    }

    #[test]
    fn the_length_of_a_body_is_counted_in_bytes_of_the_wire() {
        let compressed = b"HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n\xff\xfe\xfd";
        assert_eq!(Answer::parse(compressed).unwrap().body.len(), 3);
    }
}
