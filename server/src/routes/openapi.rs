//! `GET /openapi.json`: the HTTP contract as a document, for tools and for readers (OpenAPI 3.1).
//!
//! The document is written by hand, because the types do not say which errors a call answers, and why. The
//! tests compare it with the router, with the codes and with real answers (`server/tests/api/openapi.rs`).
//!
//! An application that is built on Holdfast does not have this address, because it may have a document of its
//! own there.

use axum::http::{HeaderValue, header};
use axum::response::IntoResponse;

/// The document. It is the same with and without the pages, and says which address only a server with pages
/// has.
const DOCUMENT: &str = include_str!("openapi.json");

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// The document changes with the version of the server only. So a client can use a copy that is one hour
/// old.
const CACHE: HeaderValue = HeaderValue::from_static("public, max-age=3600");

pub(super) async fn show() -> impl IntoResponse {
    let kind = (header::CONTENT_TYPE, JSON);
    let cache = (header::CACHE_CONTROL, CACHE);
    ([kind, cache], DOCUMENT)
}
