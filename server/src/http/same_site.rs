//! Calls that change something come from our own pages, or from no page at all.
//!
//! The tokens travel in headers, which another site's page cannot set, so this is the
//! second line: the first is that there is no cookie to ride on. Browsers say where a
//! request comes from in `Sec-Fetch-Site`, and a page cannot change it. Programs, and
//! browsers from before 2023, send no such header; their calls pass.

use axum::extract::Request;
use axum::http::Method;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::ApiError;

/// Refuses what a page of another site wants to change here.
pub async fn refuse_other_sites(request: Request, next: Next) -> Response {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    let site = request.headers().get("sec-fetch-site");
    if !reads && site.is_some_and(|site| site == "cross-site") {
        return ApiError::OtherSite.into_response();
    }
    next.run(request).await
}
