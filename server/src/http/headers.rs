//! Headers that every answer carries (OWASP ASVS 5.0 §3.4).
//!
//! A security duty: if a handler sets no value, the answer gets the strict one. Without a policy of
//! its own, an answer may load nothing. Without a `Cache-Control` of its own, an answer to a
//! signed-in person is never stored.
//!
//! A browser heeds some of these headers only for a document. They are 270 bytes. The scripts, the
//! styles and the WebAssembly of a page do not carry them, because a page loads up to fifteen of these files.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};

const ALWAYS: [(HeaderName, HeaderValue); 4] = [
    (
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    ),
    (
        header::REFERRER_POLICY,
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        HeaderValue::from_static("same-origin"),
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

/// Browsers heed these for documents only (HTML Standard §7.1.3, RFC 7034, Permissions Policy §5). If a person
/// opens a part of a page as a document, its policy still forbids every frame (`frame-ancestors`).
const FOR_DOCUMENTS: [(HeaderName, HeaderValue); 3] = [
    // The same as `frame-ancestors`, for browsers that do not know it.
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
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
];

/// The types of the files that a page loads and that are no documents.
const PARTS_OF_A_PAGE: [&str; 3] = ["application/wasm", "text/css", "text/javascript"];

/// A year (ASVS 5.0 §3.4.1). It has no `includeSubDomains`, because Holdfast cannot decide
/// for the hosts below this one. An operator can add it at the proxy.
const ONLY_HTTPS: HeaderValue = HeaderValue::from_static("max-age=31536000");

/// The headers for the answer to one request.
#[derive(Debug, Clone, Copy)]
pub struct SecurityHeaders {
    is_about_a_person: bool,
    is_https: bool,
}

impl SecurityHeaders {
    /// For this request. `is_https` says whether browsers reach the service by https.
    pub fn of(request: &Request, is_https: bool) -> Self {
        Self {
            is_about_a_person: request.headers().contains_key(header::AUTHORIZATION)
                || request.uri().path().starts_with("/api/"),
            is_https,
        }
    }

    /// Adds the headers that an answer has not set itself.
    pub fn add_to(self, headers: &mut HeaderMap) {
        // These, and the id of the request.
        headers.reserve(ALWAYS.len() + FOR_DOCUMENTS.len() + 3);
        for (name, value) in ALWAYS {
            headers.entry(name).or_insert(value);
        }
        if !is_part_of_a_page(headers) {
            for (name, value) in FOR_DOCUMENTS {
                headers.entry(name).or_insert(value);
            }
        }
        if self.is_https {
            headers
                .entry(header::STRICT_TRANSPORT_SECURITY)
                .or_insert(ONLY_HTTPS);
        }
        if self.is_about_a_person {
            headers
                .entry(header::CACHE_CONTROL)
                .or_insert(HeaderValue::from_static("no-store"));
        }
    }
}

/// Whether the answer is a file that a page loads. The answer of an error is problem JSON, so it is none.
fn is_part_of_a_page(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .is_some_and(|kind| {
            let kind = kind.split(';').next().unwrap_or_default();
            PARTS_OF_A_PAGE.contains(&kind)
        })
}
