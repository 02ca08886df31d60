//! The id of a request. It is in the lines of the log, in an error, and in a header of the answer.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue};

use super::client_info::peer;
use crate::client_address::Proxies;
use crate::random;

const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The id of a request.
#[derive(Debug, Clone)]
pub struct RequestId(HeaderValue);

impl RequestId {
    /// The id that a trusted proxy has given the request, or else a new one. Afterwards the request
    /// has this id in its header.
    ///
    /// The id of another client, or an id of another form, does not get into the logs: a client
    /// could otherwise make its requests look like another client's.
    pub fn take_or_make(request: &mut Request, proxies: &Proxies) -> Self {
        if let Some(given) = request.headers().get(HEADER)
            && is_plausible(given)
            && peer(request.extensions()).is_some_and(|ip| proxies.trusts(ip))
        {
            return Self(given.clone());
        }
        let new = Self::new();
        request.headers_mut().insert(HEADER, new.0.clone());
        new
    }

    fn new() -> Self {
        let mut text = uuid::Uuid::encode_buffer();
        let id = uuid::Builder::from_random_bytes(random::bytes_of_no_secret()).into_uuid();
        let text: &str = id.hyphenated().encode_lower(&mut text);
        Self(HeaderValue::from_str(text).expect("digits, letters and hyphens are allowed"))
    }

    /// Its text.
    pub fn as_str(&self) -> &str {
        self.0.to_str().unwrap_or_default()
    }

    /// Writes it into the header of the answer, unless the handler has done so.
    pub fn add_to(self, headers: &mut HeaderMap) {
        headers.entry(HEADER).or_insert(self.0);
    }
}

fn is_plausible(value: &HeaderValue) -> bool {
    let is_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_".contains(byte);
    (8..=64).contains(&value.len()) && value.as_bytes().iter().all(is_allowed)
}
