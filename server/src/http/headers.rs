//! Headers that every answer carries (OWASP ASVS 5.0 §3.4).
//!
//! A security duty: if a handler sets no value, the answer gets the strict one. Without a policy of
//! its own, an answer may load nothing. Without a `Cache-Control` of its own, an answer to a
//! signed-in person is never stored.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;

use crate::state::Holdfast;

const ALWAYS: [(HeaderName, HeaderValue); 7] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    // No page uses these, so a foreign script must not use them either.
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static(
            "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), \
             magnetometer=(), microphone=(), midi=(), payment=(), usb=()",
        ),
    ),
    // The policy of an answer that is not a page. A page sets its own policy with its nonce.
    // If it cannot, it keeps this policy and loads nothing.
    (
        header::CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        ),
    ),
];

/// A year (ASVS 5.0 §3.4.1). It has no `includeSubDomains`, because Holdfast cannot decide
/// for the hosts below this one. An operator can add it at the proxy.
const ONLY_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// Adds the headers that an answer has not set itself.
pub async fn security_headers(
    State(state): State<Holdfast>,
    request: Request,
    next: Next,
) -> Response {
    let about_a_person = request.headers().contains_key(header::AUTHORIZATION)
        || request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in ALWAYS {
        headers.entry(name).or_insert(value);
    }
    if state.config.issuer.starts_with("https://") {
        headers
            .entry(header::STRICT_TRANSPORT_SECURITY)
            .or_insert(ONLY_HTTPS);
    }
    if about_a_person {
        headers
            .entry(header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    response
}
