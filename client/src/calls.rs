//! Calls as the signed-in person.

use gloo_net::http::Method;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::renewal::{Event, Link};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::driver::{Driver, Whose};
use super::transport::{self, Call, CallError, Reader};
use super::watch::{self, ClientEvent};

/// Makes calls with the access token. A call first renews a token that has expired. If the server
/// refuses the token, the call is sent once more. See [`super::Session::api`].
///
/// The functions of this type are for calls with JSON. [`Api::request`] makes any other call: with
/// headers, with bytes or a form, or with an answer that is a text or a file.
///
/// A path begins with `/`, and calls only go to the page's own origin. For any other address, a call
/// fails with [`CallError::NotSendable`], and nothing is sent.
///
/// An `Api` belongs to the **account** that the page showed when the caller obtained it. If another
/// person signs in afterwards, the calls of this `Api` fail with [`CallError::SessionChanged`] and
/// are not sent with the token of that person. If no person was signed in, the calls fail with
/// [`CallError::SignedOut`]. If the same account gets a new session, for instance by a change of
/// the password, the `Api` still works.
///
/// ```
/// use holdfast_client::{CallError, Session};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Serialize, Deserialize)]
/// struct Note {
///     text: String,
/// }
///
/// async fn append(session: Session, line: &str) -> Result<Note, CallError> {
///     let api = session.api();
///     let mut note: Note = api.get("/api/v1/note").await?;
///     note.text.push_str(line);
///     api.put("/api/v1/note", &note).await
/// }
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Api(pub(super) Whose);

impl Api {
    /// `GET`, with a JSON answer.
    ///
    /// # Errors
    /// [`CallError`], for this and every other method.
    pub async fn get<T: DeserializeOwned>(self, path: &str) -> Result<T, CallError> {
        self.answer_to(Call::new(Method::GET, path)).await
    }

    /// `POST` of a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn post<T: DeserializeOwned>(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.answer_to(Call::new(Method::POST, path).with_json(body))
            .await
    }

    /// `POST` of a JSON body, with an empty answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn post_without_answer(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<(), CallError> {
        let call = Call::new(Method::POST, path).with_json(body);
        transport::parse_nothing(&self.call(call).await?)
    }

    /// `PUT` of a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn put<T: DeserializeOwned>(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.answer_to(Call::new(Method::PUT, path).with_json(body))
            .await
    }

    /// `PATCH` with a JSON body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn patch<T: DeserializeOwned>(
        self,
        path: &str,
        body: &impl Serialize,
    ) -> Result<T, CallError> {
        self.answer_to(Call::new(Method::PATCH, path).with_json(body))
            .await
    }

    /// `DELETE`, without a body on either side.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn delete(self, path: &str) -> Result<(), CallError> {
        transport::parse_nothing(&self.call(Call::new(Method::DELETE, path)).await?)
    }

    /// `DELETE` without a body, with a JSON answer.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn delete_for<T: DeserializeOwned>(self, path: &str) -> Result<T, CallError> {
        self.answer_to(Call::new(Method::DELETE, path)).await
    }

    /// `DELETE` with a JSON body.
    ///
    /// # Errors
    /// See [`Api::get`].
    pub async fn delete_with(self, path: &str, body: &impl Serialize) -> Result<(), CallError> {
        let call = Call::new(Method::DELETE, path).with_json(body);
        transport::parse_nothing(&self.call(call).await?)
    }

    async fn answer_to<T: DeserializeOwned>(self, request: Call) -> Result<T, CallError> {
        transport::parse(&self.call(request).await?)
    }

    async fn call(self, request: Call) -> Result<String, CallError> {
        call(request, self.0).await
    }
}

/// The account to which a call belongs that begins now. Call this before the first `await`.
pub(super) fn whose() -> Whose {
    match Driver::current() {
        Some(driver) => driver.whose(),
        // The page shows that nobody is signed in, so the call never belongs to a person who signs in
        // later.
        None if nobody_is_shown() => Whose::Of(None),
        None => Whose::NotKnownYet,
    }
}

/// Whether the page shows that nobody is signed in, and no engine runs.
fn nobody_is_shown() -> bool {
    #[cfg(feature = "split")]
    return super::traces::were_none();
    #[cfg(not(feature = "split"))]
    false
}

/// Sends the call. If the server refuses the access token, this renews the token and sends the call
/// once more. If another tab changes the password meanwhile, this sends the call once more with the
/// new session. The function is not generic, so that it is compiled only once.
pub(super) async fn call(call: Call, whose: Whose) -> Result<String, CallError> {
    call_for(&call, whose, &transport::read_json).await
}

/// Like [`call`], with another reader of the answer.
pub(super) async fn call_for(
    call: &Call,
    whose: Whose,
    reader: &Reader<'_>,
) -> Result<String, CallError> {
    call_in_full(call, whose, true, &|_| (), reader, false).await
}

/// Sends a call once more, after the server has refused its access token. It is not sent a third time.
#[cfg(feature = "demonstration")]
pub(super) async fn repeat(call: &Call, whose: Whose) -> Result<String, CallError> {
    call_in_full(call, whose, true, &|_| (), &transport::read_json, true).await
}

/// Like [`call`], with two more arguments. `tell` is called just before each sending, with the
/// session whose access token the call carries. With `waits`, this waits while another tab changes
/// the password. A change of the password must not wait here, because the other tab may be waiting
/// until this tab removes its own note. Then both would wait for each other.
pub(super) async fn call_and_tell(
    call: &Call,
    whose: Whose,
    waits: bool,
    tell: &dyn Fn(Link),
) -> Result<String, CallError> {
    call_in_full(call, whose, waits, tell, &transport::read_json, false).await
}

async fn call_in_full(
    call: &Call,
    mut whose: Whose,
    waits: bool,
    tell: &dyn Fn(Link),
    reader: &Reader<'_>,
    mut is_repeated: bool,
) -> Result<String, CallError> {
    let driver = Driver::current().ok_or(CallError::SignedOut)?;
    loop {
        let (of, token) = driver.access(&mut whose).await?;
        if is_repeated {
            watch::tell(|| ClientEvent::Repeating {
                method: call.method.clone(),
                path: watch::without_query(&call.path),
            });
        }
        tell(of);
        let outcome = transport::send_for(call, Some(&token), reader).await;
        let meaning = match &outcome {
            Err(CallError::Problem(problem)) => Some(problem.meaning()),
            _ => None,
        };
        let is_for_another_token = match meaning {
            Some(Meaning::Renew) if !is_repeated => {
                driver.feed(Event::CallRefused { of });
                true
            }
            // After the other tab has stored the new session, the call can be sent with that
            // session.
            Some(Meaning::SessionOver) if !is_repeated => {
                driver.is_replaced(of.session_id, waits).await
            }
            _ => false,
        };
        if !is_for_another_token {
            driver.note_outcome(of, &outcome);
            return outcome;
        }
        is_repeated = true;
    }
}
