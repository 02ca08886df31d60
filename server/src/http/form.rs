//! A form body (`application/x-www-form-urlencoded`), which OAuth clients send.

use axum::extract::{FromRequest, Request};
use serde::de::DeserializeOwned;

use super::json::{has_media_type, read_body};
use crate::error::ApiError;

/// A form body of a request.
#[derive(Debug, Clone)]
pub struct Form<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        const MEDIA_TYPE: &str = "application/x-www-form-urlencoded";
        if !has_media_type(request.headers(), MEDIA_TYPE) {
            return Err(ApiError::UnsupportedMediaType(MEDIA_TYPE));
        }
        let body = read_body(request, state).await?;
        serde_urlencoded::from_bytes(&body).map(Self).map_err(|_| {
            // The reason may repeat a value, and a value may be a token.
            ApiError::MalformedRequest("The form lacks a parameter or repeats one.".to_owned())
        })
    }
}
