//! Every address of the API, one file for each verb.

mod account;
mod activity;
mod health;
mod jwks;
mod login;
mod logout;
mod oauth;
mod password;
mod password_estimate;
mod refresh;
mod sessions;
mod signup;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::routing::{delete, get, post, put};
use holdfast_protocol::wire::{MAX_BODY, paths};

use crate::http::answer_errors::LONGEST_WORK;
use crate::http::{ApiError, timed_out};
use crate::state::AppState;
use crate::stopping::Stopping;

/// The whole API.
pub fn api() -> Router<AppState> {
    Router::new()
        .route(paths::SIGNUP, post(signup::sign_up))
        .route(paths::LOGIN, post(login::log_in))
        .route(paths::REFRESH, post(refresh::refresh))
        .route(paths::LOGOUT, post(logout::log_out))
        .route(paths::ACCOUNT, get(account::show).delete(account::delete))
        .route(paths::PASSWORD, put(password::change))
        .route(paths::PASSWORD_ESTIMATE, post(password_estimate::estimate))
        .route(
            paths::SESSIONS,
            get(sessions::list).delete(sessions::end_all),
        )
        .route(
            &format!("{}/{{session_id}}", paths::SESSIONS),
            delete(sessions::end_one),
        )
        .route(paths::ACTIVITY, get(activity::list))
        .route(paths::OAUTH_TOKEN, post(oauth::token))
        .route(paths::OAUTH_REVOKE, post(oauth::revoke))
        .route(paths::OAUTH_METADATA, get(oauth::metadata))
        .route(paths::JWKS, get(jwks::show))
        .route(paths::HEALTHZ, get(health::alive))
        .route(paths::READYZ, get(health::ready))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
}

/// Runs work that must not stop half-way when the client hangs up. Otherwise a thief could
/// prevent the ending of a session by closing the connection. A server that stops waits for
/// this work.
async fn to_the_end<T: Send + 'static>(
    stopping: &Stopping,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let under_way = stopping.under_way();
    let work = async move {
        let done = tokio::time::timeout(LONGEST_WORK, work).await;
        drop(under_way);
        done
    };
    tokio::spawn(work)
        .await
        .map_err(|error| ApiError::Internal(error.into()))?
        .unwrap_or_else(|_| Err(timed_out(LONGEST_WORK)))
}
