//! The account of the caller. A route is protected if and only if its signature has
//! [`CurrentAccount`]. The signature of a server function is also compiled for the browser and
//! cannot have it, so [`require_account`] protects server functions.
//!
//! A security duty: this file makes no query, so the instance must already know which
//! sessions have ended. Until the instance has read the ended sessions once, and after one lifetime
//! of an access token without a read, it answers every protected call with 503.

use axum::extract::{FromRef, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::Response;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::keys::Obstacle;
use crate::keys::access_token;
use crate::keys::added_claims::AddedClaims;
use crate::limits::{ReadTurn, Refusal};
use crate::secrets_in_use::HEARD_WITHIN;
use crate::state::Holdfast;

/// The account and the session of a valid access token.
///
/// A handler can have it if the state of the router has a [`Holdfast`]: the state is one, or the
/// application implements `FromRef`.
///
/// ```
/// # use axum::{Router, extract::FromRef, routing::get};
/// # use holdfast_server::{http::CurrentAccount, state::Holdfast};
/// #[derive(Clone)]
/// struct Shop {
///     holdfast: Holdfast,
/// }
///
/// impl FromRef<Shop> for Holdfast {
///     fn from_ref(shop: &Shop) -> Self {
///         shop.holdfast.clone()
///     }
/// }
///
/// async fn greet(current: CurrentAccount) -> String {
///     current.account_id.to_string()
/// }
///
/// let routes: Router<Shop> = Router::new().route("/greet", get(greet));
/// ```
///
/// Without a `Holdfast` in the state, the program does not compile:
///
/// ```compile_fail,E0277
/// # use axum::{Router, routing::get};
/// # use holdfast_server::http::CurrentAccount;
/// #[derive(Clone)]
/// struct Shop;
///
/// async fn greet(current: CurrentAccount) -> String {
///     current.account_id.to_string()
/// }
///
/// let routes: Router<Shop> = Router::new().route("/greet", get(greet));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CurrentAccount {
    /// The account that is signed in.
    pub account_id: Uuid,
    /// Its session.
    pub session_id: Uuid,
    added: AddedClaims,
}

impl CurrentAccount {
    /// The account and the session of an access token to which the application has added no claims.
    pub fn new(account_id: Uuid, session_id: Uuid) -> Self {
        Self {
            account_id,
            session_id,
            added: AddedClaims::default(),
        }
    }

    /// The claims that the application has added to the access token
    /// ([`Hooks::access_token_claims`](crate::hooks::Hooks::access_token_claims)). They are as old as
    /// the token.
    ///
    /// # Errors
    /// If the claims do not have the form of this type. The answer is `access_token_invalid`. Then the
    /// client renews the token and repeats the call once, because an instance without the hook may have
    /// made the token. So release the hook first, and then the handler that needs the claim.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T, ApiError> {
        self.added.read().map_err(|error| {
            // Not the text of the error, which may contain a value.
            tracing::warn!(
                claims.wanted = std::any::type_name::<T>(),
                claims.error = ?error.classify(),
                "The claims of an access token do not have the form that a handler needs."
            );
            ApiError::AccessTokenInvalid
        })
    }

    /// Waits until the caller may read from the database; see [`Limits::turn_to_read`].
    ///
    /// [`Limits::turn_to_read`]: crate::limits::Limits::turn_to_read
    ///
    /// # Errors
    /// If the caller asks for too much at once.
    pub(crate) async fn turn_to_read(
        &self,
        state: &Holdfast,
        from: ClientAddress,
    ) -> Result<ReadTurn, Refusal> {
        let (account_id, session_id) = (self.account_id, self.session_id);
        state
            .limits
            .turn_to_read(account_id, session_id, from)
            .await
    }
}

impl<S: Send + Sync> FromRequestParts<S> for CurrentAccount
where
    Holdfast: FromRef<S>,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let state = Holdfast::from_ref(state);
        let token = bearer(&parts.headers)?;
        let now = state.clock.now();
        let config = &state.config;
        if state.keys.is_forbidden() {
            return Err(ApiError::Unavailable(Obstacle::Forbidden.into()));
        }
        let keys = state.keys.signing_keys(now);
        let verified = access_token::verify(&keys, token, &config.issuers(), now);
        let verified = verified.map_err(|error| match ApiError::from(error) {
            ApiError::AccessTokenInvalid => state
                .keys
                .may_lack_a_secret(HEARD_WITHIN)
                .map_or(ApiError::AccessTokenInvalid, ApiError::Unsure),
            error => error,
        })?;
        if !state.ended.is_trusted() {
            return Err(ApiError::Unavailable(anyhow::anyhow!(
                "the ended sessions were not read for too long"
            )));
        }
        if let Some(reason) = state.ended.get(verified.session_id) {
            return Err(ApiError::SessionEnded(Some(reason)));
        }
        Ok(Self {
            account_id: verified.account_id,
            session_id: verified.session_id,
            added: verified.added,
        })
    }
}

/// Lets only requests with a valid access token through, and tells the handler which account
/// and session they have.
pub(crate) async fn require_account(
    current: CurrentAccount,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(current);
    next.run(request).await
}

/// The token of `Authorization: Bearer …` (RFC 6750 §2.1). A request with two such headers
/// is refused.
fn bearer(headers: &HeaderMap) -> Result<&str, ApiError> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return Err(if headers.contains_key(header::AUTHORIZATION) {
            ApiError::AccessTokenInvalid
        } else {
            ApiError::AccessTokenMissing
        });
    };
    let (scheme, token) = value
        .to_str()
        .ok()
        .and_then(|value| value.split_once(' '))
        .ok_or(ApiError::AccessTokenInvalid)?;
    if scheme.eq_ignore_ascii_case("bearer") {
        Ok(token.trim_start())
    } else {
        Err(ApiError::AccessTokenMissing)
    }
}
