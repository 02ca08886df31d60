//! A request of HTTP/1.1 names its host exactly once (RFC 9112, section 3.2). Otherwise a proxy and
//! this server could take one request for requests to two hosts.

use axum::extract::Request;
use axum::http::{Version, header};

use crate::error::ApiError;

/// Refuses a request of HTTP/1.1 without a host, or with several.
///
/// # Errors
/// 400 for such a request.
pub fn require_one_host(request: &Request) -> Result<(), ApiError> {
    let hosts = request.headers().get_all(header::HOST).iter().count();
    if request.version() == Version::HTTP_11 && hosts != 1 {
        let sentence = "A request of HTTP/1.1 has exactly one Host header.";
        return Err(ApiError::MalformedRequest(sentence.to_owned()));
    }
    Ok(())
}
