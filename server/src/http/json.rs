//! A JSON body. Its error says what is wrong and does not repeat secrets.

use std::error::Error;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_json::error::Category;

use crate::connections::TooSlow;
use crate::error::ApiError;

/// A JSON body of a request or an answer. The body of a request must be an object.
#[derive(Debug, Clone)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &S) -> Result<Self, ApiError> {
        if !has_media_type(request.headers(), "application/json") {
            return Err(ApiError::UnsupportedMediaType("application/json"));
        }
        let body = read_body(request, state).await?;
        serde_json::from_slice(&body)
            .map(Self)
            .map_err(|error| malformed(&error))
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// Whether the body has this media type; parameters do not matter.
pub fn has_media_type(headers: &HeaderMap, expected: &str) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case(expected))
}

/// Reads the body, up to the limit that the router sets. Every body of the API and of a
/// server function is read here.
///
/// A JSON array is refused. serde accepts an array for a struct, member by member, so `["ada",
/// "…"]` would sign in. The contract of the API does not allow this. Also, a filter in front of the
/// server that searches a member by its name would not find it. The content type does not matter,
/// because the JSON codec of server functions reads a body of any type.
///
/// # Errors
/// [`ApiError::PayloadTooLarge`], [`ApiError::TooSlow`], or
/// [`ApiError::MalformedRequest`] when the body broke off or is an array.
pub async fn read_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    let body = receive_body(request, state).await?;
    if is_json_array(&body) {
        return Err(ApiError::MalformedRequest(
            "The body is a JSON array. It must be an object.".to_owned(),
        ));
    }
    Ok(body)
}

/// Whether the whole body is a JSON array. `false` for a text that only begins with a bracket.
fn is_json_array(body: &[u8]) -> bool {
    body.trim_ascii_start().starts_with(b"[") && serde_json::from_slice::<IgnoredAny>(body).is_ok()
}

async fn receive_body<S: Send + Sync>(request: Request, state: &S) -> Result<Bytes, ApiError> {
    Bytes::from_request(request, state)
        .await
        .map_err(|rejection: BytesRejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                ApiError::PayloadTooLarge
            } else if was_too_slow(&rejection) {
                ApiError::TooSlow
            } else {
                ApiError::MalformedRequest("The body of the request broke off.".to_owned())
            }
        })
}

fn was_too_slow(rejection: &BytesRejection) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(rejection);
    while let Some(error) = cause {
        if error.is::<TooSlow>() {
            return true;
        }
        cause = error.source();
    }
    false
}

/// The place and the kind of the mistake. The text repeats member names, but no values,
/// because a value may be a password.
fn malformed(error: &serde_json::Error) -> ApiError {
    let at = format!("line {}, column {}", error.line(), error.column());
    let text = error.to_string();
    ApiError::MalformedRequest(match error.classify() {
        Category::Data => {
            let names_a_member = ["missing field", "unknown field", "duplicate field"]
                .iter()
                .any(|s| text.starts_with(s));
            let mistake = if names_a_member {
                text.split(" at line ")
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            } else {
                let expected = text
                    .rsplit_once("expected ")
                    .map_or("another value", |(_, e)| e);
                format!(
                    "a value is not {}",
                    expected.split(" at line ").next().unwrap_or_default()
                )
            };
            format!("The JSON does not fit this call: {mistake} ({at}).")
        }
        _ => format!("The body is not valid JSON in UTF-8 ({at})."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn detail(json: &[u8]) -> String {
        let error =
            serde_json::from_slice::<holdfast_protocol::wire::LoginRequest>(json).unwrap_err();
        malformed(&error).to_string()
    }

    #[test]
    fn a_text_that_begins_with_a_bracket_is_not_always_an_array() {
        for array in ["[]", "[7]", " \t\r\n[[7], {\"a\": \"]\"}] "] {
            assert!(is_json_array(array.as_bytes()), "{array}");
        }
        let deep = "[".repeat(10_000) + &"]".repeat(10_000);
        assert!(is_json_array(deep.as_bytes()));
        for other in [
            "",
            "{}",
            "{\"a\": [7]}",
            "[x]=1",
            "[to do] milk",
            "[7] [8]",
            "[7",
        ] {
            assert!(!is_json_array(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn a_mistake_is_named_with_its_place() {
        assert!(detail(b"{}").contains("missing field `username`"));
        assert!(detail(br#"{"user": "ada"}"#).contains("unknown field `user`"));
        assert!(detail(br#"{"username": 5}"#).contains("a value is not a string"));
        assert!(detail(b"{").contains("not valid JSON"));
        assert!(detail(b"\"\xff\"").contains("line 1, column"));
    }

    #[test]
    fn a_value_is_not_repeated() {
        assert!(!detail(br#"{"username": "ada", "password": 12345678}"#).contains("12345678"));
        assert!(!detail(br#"{"username": "ada", "password": ["hunter2"]}"#).contains("hunter2"));
    }
}
