//! Every address of the API, one file for each resource.

mod account;
mod account_data;
mod activity;
mod health;
mod jwks;
mod login;
mod logout;
mod notices;
mod oauth;
mod openapi;
mod password;
mod password_estimate;
mod recover;
mod recovery_code;
mod refresh;
#[cfg(feature = "pages")]
mod session_row;
mod sessions;
mod signup;
mod to_the_end;
mod username;

use axum::Router;
use axum::routing::{any, delete, get, post, put};
use holdfast_protocol::wire::paths;

use crate::http::ApiError;
use crate::state::Holdfast;

/// Every other address below `/api/v1`. The name stands in the panic of axum if a route of an
/// application overlaps.
const OTHERS: &str = "/api/v1/{*address_of_holdfast}";

/// The whole API for an application that brings a fallback of its own. An unknown address of the API
/// is answered here, so that its client never gets a page. The document is left out, because an application
/// may have a document of its own at this address.
pub fn api_beside_an_application() -> Router<Holdfast> {
    calls().route(OTHERS, any(|| async { ApiError::NotFound }))
}

/// The whole API, with the document that describes it.
pub fn api() -> Router<Holdfast> {
    calls().route(paths::OPENAPI, get(openapi::show))
}

fn calls() -> Router<Holdfast> {
    let calls = Router::new()
        .route(paths::SIGNUP, post(signup::sign_up))
        .route(paths::LOGIN, post(login::log_in))
        .route(paths::REFRESH, post(refresh::refresh))
        .route(paths::LOGOUT, post(logout::log_out))
        .route(paths::ACCOUNT, get(account::show).delete(account::delete))
        .route(paths::ACCOUNT_DATA, get(account_data::show))
        .route(paths::PASSWORD, put(password::change))
        .route(paths::USERNAME, put(username::change))
        .route(paths::NOTICES, get(notices::list))
        .route(
            &format!("{}/{{session_id}}/read", paths::NOTICES),
            post(notices::read),
        )
        .route(paths::RECOVER, post(recover::recover))
        .route(
            paths::RECOVERY_CODE,
            get(recovery_code::show).put(recovery_code::replace),
        )
        .route(paths::RECOVERY_CODE_CONFIRMED, post(recovery_code::confirm))
        .route(paths::PASSWORD_ESTIMATE, post(password_estimate::estimate))
        .route(
            paths::SESSIONS,
            get(sessions::list).delete(sessions::end_all),
        )
        .route(
            &format!("{}/{{session_id}}", paths::SESSIONS),
            delete(sessions::end_one),
        )
        .route(
            &format!("{}/{{session_id}}/name", paths::SESSIONS),
            put(sessions::name),
        )
        .route(paths::ACTIVITY, get(activity::list))
        .route(paths::OAUTH_TOKEN, post(oauth::token))
        .route(paths::OAUTH_REVOKE, post(oauth::revoke))
        .route(paths::OAUTH_METADATA, get(oauth::metadata))
        .route(paths::JWKS, get(jwks::show))
        .route(paths::HEALTHZ, get(health::alive))
        .route(paths::READYZ, get(health::ready))
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed });
    // Only the page of the flow needs it, and a thief has a use for it (`docs/threat-model.md`).
    #[cfg(feature = "pages")]
    let calls = calls.route(paths::SESSION_ROW, get(session_row::show));
    calls
}
