//! Calls that change something must come from a page of this site, or from a program.
//!
//! The first protection is that tokens are sent in headers and not in cookies; a page of
//! another site cannot set these headers. This file is the second protection. Browsers say in
//! `Sec-Fetch-Site` where a request comes from, and a page cannot change this header.
//! Programs, and browsers from before 2023, do not send it; their calls pass.

use axum::extract::Request;
use axum::http::{HeaderMap, Method};

use crate::error::ApiError;

/// Refuses calls from a page of another site that would change something.
///
/// # Errors
/// 403 for such a call.
pub fn refuse_other_sites(request: &Request) -> Result<(), ApiError> {
    let reads = matches!(
        *request.method(),
        Method::GET | Method::HEAD | Method::OPTIONS
    );
    if !reads && is_of_another_site(request.headers()) {
        return Err(ApiError::OtherSite);
    }
    Ok(())
}

/// Whether a page of another site has sent the request.
pub fn is_of_another_site(headers: &HeaderMap) -> bool {
    let mut sites = headers.get_all("sec-fetch-site").iter();
    sites.any(|site| site == "cross-site")
}
