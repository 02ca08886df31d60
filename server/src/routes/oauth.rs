//! The same session engine for off-the-shelf OAuth clients: `POST /oauth/token` with
//! the `refresh_token` grant (RFC 6749 §6), `POST /oauth/revoke` (RFC 7009) and the
//! metadata document (RFC 8414).
//!
//! There is no password grant, because a client that asks people for their password would
//! learn it (RFC 9700 §2.4). A plain client sends no attempt key. So theft is found out
//! later, and a lost answer is only forgiven for ten seconds.
//!
//! Errors have the form of RFC 6749 §5.2, not problem JSON, because such clients do not know
//! problem JSON.

use axum::extract::State;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::paths;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::time::Instant;

use super::to_the_end::to_the_end;
use crate::error::retry_after;
use crate::http::form::Form;
use crate::http::{ApiError, Json};
use crate::keys::access_token::CLIENT_ID;
use crate::sessions::{self, Refresh};
use crate::state::Holdfast;
use crate::store::ClientInfo;

/// Unknown parameters are ignored, as RFC 6749 §3.2 requires.
#[derive(Deserialize)]
pub(super) struct TokenForm {
    grant_type: Option<String>,
    refresh_token: Option<Secret>,
    client_id: Option<String>,
    scope: Option<String>,
}

#[derive(Serialize)]
struct TokenBody {
    access_token: Secret,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: Secret,
}

pub(super) async fn token(
    State(state): State<Holdfast>,
    client: ClientInfo,
    form: Result<Form<TokenForm>, ApiError>,
) -> Response {
    let answer = async {
        let Form(form) = form?;
        let refresh_token = form.check()?;
        let refresh = Refresh {
            refresh_token,
            attempt_key: None,
            plain_client: true,
            arrived: Instant::now(),
        };
        let stopping = state.stopping.clone();
        let refreshed = async move { sessions::refresh(&state, &refresh, &client).await };
        Ok::<_, OAuthError>(to_the_end(&stopping, refreshed).await?)
    };
    match answer.await {
        Ok(tokens) => uncached(Json(TokenBody {
            access_token: tokens.access_token,
            token_type: "Bearer",
            expires_in: tokens.expires_in,
            refresh_token: tokens.refresh_token,
        })),
        Err(error) => error.into_response(),
    }
}

impl TokenForm {
    fn check(self) -> Result<Secret, OAuthError> {
        let Some(grant_type) = self.grant_type.filter(|grant_type| !grant_type.is_empty()) else {
            return Err(OAuthError::invalid_request(
                "The parameter grant_type is missing.",
            ));
        };
        if grant_type != "refresh_token" {
            return Err(OAuthError::new(
                "unsupported_grant_type",
                "The only grant_type here is refresh_token. People sign in on the sign-in page.",
            ));
        }
        if self
            .client_id
            .is_some_and(|client_id| client_id != CLIENT_ID)
        {
            return Err(OAuthError::new(
                "invalid_client",
                "There is no such client_id here.",
            ));
        }
        if self.scope.is_some_and(|scope| !scope.is_empty()) {
            return Err(OAuthError::new(
                "invalid_scope",
                "There are no scopes here.",
            ));
        }
        match self.refresh_token {
            Some(refresh_token) if !refresh_token.expose().is_empty() => Ok(refresh_token),
            _ => Err(OAuthError::invalid_request(
                "The parameter refresh_token is missing.",
            )),
        }
    }
}

#[derive(Deserialize)]
pub(super) struct RevokeForm {
    token: Option<Secret>,
    client_id: Option<String>,
}

/// Ends the session of a refresh token. The answer is 200 for every token (RFC 7009 §2.2).
/// An access token ends nothing, because a thief who has only an access token must not sign
/// people out.
pub(super) async fn revoke(
    State(state): State<Holdfast>,
    client: ClientInfo,
    form: Result<Form<RevokeForm>, ApiError>,
) -> Response {
    let answer = async {
        let Form(form) = form?;
        if form
            .client_id
            .is_some_and(|client_id| client_id != CLIENT_ID)
        {
            return Err(OAuthError::new(
                "invalid_client",
                "There is no such client_id here.",
            ));
        }
        let Some(token) = form.token.filter(|token| !token.expose().is_empty()) else {
            return Err(OAuthError::invalid_request(
                "The parameter token is missing.",
            ));
        };
        let stopping = state.stopping.clone();
        let ending = async move { sessions::log_out(&state, &token, &client).await };
        to_the_end(&stopping, ending).await?;
        Ok(())
    };
    match answer.await {
        Ok(()) => uncached(()),
        Err(error) => error.into_response(),
    }
}

/// The metadata by which a client configures itself (RFC 8414 §2). There is no
/// `authorization_endpoint`, because no supported grant uses one.
pub(super) async fn metadata(State(state): State<Holdfast>) -> impl IntoResponse {
    let issuer = &state.config.issuer;
    let cache = (
        header::CACHE_CONTROL,
        HeaderValue::from_static("public, max-age=3600"),
    );
    let document: Value = json!({
        "issuer": issuer,
        "token_endpoint": format!("{issuer}{}", paths::OAUTH_TOKEN),
        "revocation_endpoint": format!("{issuer}{}", paths::OAUTH_REVOKE),
        "jwks_uri": format!("{issuer}{}", paths::JWKS),
        "response_types_supported": [],
        "grant_types_supported": ["refresh_token"],
        "token_endpoint_auth_methods_supported": ["none"],
        "revocation_endpoint_auth_methods_supported": ["none"],
    });
    ([cache], Json(document))
}

/// An error answer of RFC 6749 §5.2.
enum OAuthError {
    /// One of the RFC's codes with a sentence. 400, or 401 for `invalid_client`.
    Named {
        error: &'static str,
        description: String,
    },
    /// An error that is not about the grant: Holdfast's own answer with its status and
    /// headers.
    Other(ApiError),
}

impl OAuthError {
    fn new(error: &'static str, description: impl Into<String>) -> Self {
        Self::Named {
            error,
            description: description.into(),
        }
    }

    fn invalid_request(description: impl Into<String>) -> Self {
        Self::new("invalid_request", description)
    }

    fn into_response(self) -> Response {
        let (error, description) = match self {
            Self::Named { error, description } => (error, description),
            Self::Other(error) => return error.into_response(),
        };
        let status = match error {
            "invalid_client" => StatusCode::UNAUTHORIZED,
            "temporarily_unavailable" => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        };
        let body = json!({"error": error, "error_description": description});
        let mut response = uncached((status, Json(body)));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().extend([retry_after(1)]);
        }
        response
    }
}

impl From<ApiError> for OAuthError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::RefreshTokenInvalid
            | ApiError::RefreshTokenExpired
            | ApiError::RefreshTokenReused
            | ApiError::SessionEnded(_) => Self::new("invalid_grant", error.to_string()),
            // The RFC has no error for "another request was faster". For such a client, the
            // token is not available at this moment.
            ApiError::RefreshConflict => Self::new("temporarily_unavailable", error.to_string()),
            ApiError::MalformedRequest(_) | ApiError::UnsupportedMediaType(_) => {
                Self::invalid_request(error.to_string())
            }
            error => Self::Other(error),
        }
    }
}

/// Adds the two headers that RFC 6749 §5.1 requires on every answer.
fn uncached(answer: impl IntoResponse) -> Response {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (header::PRAGMA, HeaderValue::from_static("no-cache")),
    ];
    (headers, answer).into_response()
}
