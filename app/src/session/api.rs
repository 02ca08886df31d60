//! Calls as the person who is signed in.

use gloo_net::http::Method;
use holdfast_protocol::problem::Meaning;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::http::{self, ApiError, Call};
use super::tab::Tab;

/// Makes calls that carry the access token, renew it when it is over, and are
/// repeated once if the server refuses it. See [`super::Session::api`].
///
/// A call belongs to the session it began with. If another person signs in while
/// it waits, it fails with [`ApiError::SessionChanged`] and is not sent as them.
#[derive(Debug, Clone, Copy)]
pub struct Api(pub(super) ());

impl Api {
    /// `GET`, with a JSON answer.
    ///
    /// # Errors
    /// [`ApiError`], for this and every other method.
    pub async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, ApiError> {
        http::parse(&call(Call::new(Method::GET, path), None).await?)
    }

    /// `POST` of a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn post<T: DeserializeOwned>(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        http::parse(&call(Call::new(Method::POST, path).with_json(body), None).await?)
    }

    /// `PUT` of a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn put<T: DeserializeOwned>(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, ApiError> {
        http::parse(&call(Call::new(Method::PUT, path).with_json(body), None).await?)
    }

    /// `DELETE`, without a body on either side.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn delete(self, path: &str) -> Result<(), ApiError> {
        call(Call::new(Method::DELETE, path), None).await.map(drop)
    }

    /// `DELETE` with a JSON body.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn delete_with(self, path: &str, body: &impl Serialize) -> Result<(), ApiError> {
        call(Call::new(Method::DELETE, path).with_json(body), None)
            .await
            .map(drop)
    }
}

/// Sends the call; if its access token is refused, renews and sends it once more.
/// `session` is the one that it is made for, if that is not whichever is there now.
/// Not generic, so that it is compiled once.
pub(super) async fn call(call: Call, mut session: Option<Uuid>) -> Result<String, ApiError> {
    let tab = Tab::current().ok_or(ApiError::SignedOut)?;
    let (of, token) = tab.access(&mut session).await?;
    let outcome = http::send(&call, Some(&token)).await;
    match &outcome {
        Err(ApiError::Problem(problem)) if problem.code.meaning() == Meaning::Renew => {
            tab.feed(holdfast_protocol::renewal::Event::CallRefused { of });
        }
        _ => {
            tab.note_outcome(of, &outcome);
            return outcome;
        }
    }
    let (of, token) = tab.access(&mut session).await?;
    let outcome = http::send(&call, Some(&token)).await;
    tab.note_outcome(of, &outcome);
    outcome
}
