//! The page that a person gets in the place of a problem of Holdfast's own, if their browser wanted a page.
//!
//! A security duty: nothing of the request is in the page. It runs no script.

use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::Response;
use holdfast_app::{Language, fault_page};

use super::language;
use crate::http::FOR_PROGRAMS;
use crate::http::answer_errors::OwnProblem;
use crate::http::request_id::RequestId;
use crate::state::Holdfast;

/// The page may load its style and its icon, and nothing else.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; \
     frame-ancestors 'none'",
);

/// Addresses whose problems say to an operator or to a developer what is wrong.
const FOR_OPERATORS: [&str; 3] = ["healthz", "readyz", "openapi.json"];

/// A person waits for a page, in this language.
#[derive(Debug, Clone, Copy)]
pub struct PageWanted(Language);

impl PageWanted {
    /// Whether the browser of this request shows the answer as a page.
    pub fn of(request: &Request) -> Option<Self> {
        let headers = request.headers();
        if !shows_a_page(headers) {
            return None;
        }
        let first = request.uri().path().split('/').nth(1).unwrap_or_default();
        let is_page = !FOR_PROGRAMS.contains(&first) && !FOR_OPERATORS.contains(&first);
        is_page.then(|| Self(language::of(headers)))
    }

    /// Puts a page into the place of a problem. Status and the other headers stay. What an application has
    /// answered stays as it is.
    pub fn answer(self, response: Response, state: &Holdfast, request_id: &RequestId) -> Response {
        if response.extensions().get::<OwnProblem>().is_none() {
            return response;
        }
        let (mut parts, _) = response.into_parts();
        let css = format!("/{}/{}", state.leptos.site_pkg_dir, state.site_files.css);
        let page = fault_page(self.0, parts.status.as_u16(), &css, request_id.as_str());
        let html = HeaderValue::from_static("text/html; charset=utf-8");
        parts.headers.insert(header::CONTENT_TYPE, html);
        parts
            .headers
            .insert(header::CONTENT_SECURITY_POLICY, POLICY);
        language::vary(&mut parts.headers);
        Response::from_parts(parts, Body::from(page))
    }
}

/// Whether the browser shows the answer as a page (W3C, «Fetch Metadata Request Headers»). Old browsers
/// only say that they accept HTML, and programs do not say this.
fn shows_a_page(headers: &HeaderMap) -> bool {
    match headers.get("sec-fetch-dest") {
        Some(destination) => destination == "document",
        None => headers
            .get(header::ACCEPT)
            .is_some_and(|accepted| accepted.as_bytes().starts_with(b"text/html")),
    }
}
