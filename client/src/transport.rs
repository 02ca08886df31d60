//! One request and its answer. No other code in the client calls `fetch`.
//!
//! Requests only go to the page's own origin, redirects are refused, and cookies are not sent. So a
//! token cannot go to another place.

use futures::future::{Either, LocalBoxFuture, select};
use gloo_net::http::{Method, Request, RequestBuilder, Response};
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::problem::{self, Meaning, Problem};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::Tokens;
use js_sys::{Reflect, Uint8Array};
use send_wrapper::SendWrapper;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::cell::Cell;
use std::fmt;
use std::pin::pin;
use wasm_bindgen::JsValue;
use web_sys::{
    AbortSignal, FormData, RequestCache, RequestCredentials, RequestInit, RequestMode,
    RequestRedirect,
};

use super::watch::{self, ClientEvent};
use super::{address, clock};

/// How long an answer may take. The server gives up earlier than this.
pub(super) const PATIENCE_MS: u32 = 20_000;

/// The header that every answer behind Holdfast's layers has.
pub(super) const REQUEST_ID: &str = "x-request-id";

/// The media type of most bodies.
pub(super) const JSON: &str = "application/json";

/// A request as plain data, so that it can be sent a second time.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) method: Method,
    pub(super) path: String,
    pub(super) body: Option<Body>,
    /// Headers in addition to those of every request, or in place of them. Their values are secrets.
    pub(super) headers: Vec<(&'static str, Secret)>,
    /// Whether it goes on after the page is closed.
    pub(super) keepalive: bool,
    /// How long the answer may take.
    pub(super) patience_ms: u32,
}

/// The content of a request. Bodies contain passwords and tokens.
#[derive(Clone)]
pub(super) struct Body {
    /// `None` if the browser sets it: that of a form has a boundary, which only the browser knows.
    pub(super) media_type: Option<String>,
    pub(super) content: Content,
}

/// Both kinds can be sent a second time.
#[derive(Clone)]
pub(super) enum Content {
    Text(Secret),
    /// Bytes or a form, as an object of the browser.
    Object(SendWrapper<JsValue>),
}

impl Body {
    /// A text of this media type.
    pub(super) fn text(media_type: &str, text: impl Into<Secret>) -> Self {
        Self {
            media_type: Some(media_type.to_owned()),
            content: Content::Text(text.into()),
        }
    }

    /// Bytes of this media type. Only the browser can make such a body.
    pub(super) fn bytes(media_type: &str, bytes: &[u8]) -> Self {
        let bytes = Uint8Array::from(bytes);
        Self {
            media_type: Some(media_type.to_owned()),
            content: Content::Object(SendWrapper::new(bytes.into())),
        }
    }

    /// A form with files or fields.
    pub(super) fn form(form: FormData) -> Self {
        Self {
            media_type: None,
            content: Content::Object(SendWrapper::new(form.into())),
        }
    }
}

impl Call {
    /// A call without a body.
    pub(super) fn new(method: Method, path: impl Into<String>) -> Self {
        Self {
            method,
            path: path.into(),
            body: None,
            headers: Vec::new(),
            keepalive: false,
            patience_ms: PATIENCE_MS,
        }
    }

    /// A call without a body, of one of Holdfast's own routes.
    pub(super) fn to_holdfast(method: Method, path: &str) -> Self {
        Self::new(method, address::of_holdfast(path))
    }

    /// The same call with a JSON body.
    pub(super) fn with_json(mut self, body: &impl Serialize) -> Self {
        let text = serde_json::to_string(body).ok();
        self.body = text.map(|text| Body::text(JSON, text));
        self
    }
}

/// Why a call has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallError {
    /// No person is signed in.
    SignedOut,
    /// Another person signed in while the call was waiting. The call was not made with the token of
    /// that person.
    SessionChanged,
    /// Holdfast's own answer.
    Problem(Problem),
    /// The server has done the request. But there was a later sign-in or sign-out in this browser.
    /// The last one counts, so the client has ended the new session.
    Overtaken,
    /// There was no answer, or an answer of another program: no network, a portal's page, a proxy's
    /// error. Nothing is lost.
    Unreachable {
        /// Whether there was any answer.
        answered: bool,
    },
    /// The password is already being changed, in this tab or in another one. Nothing was done.
    UnderWay,
    /// Another tab runs a later version of Holdfast, and this page cannot store anything. Nothing
    /// was sent, or the new session was ended.
    Outdated,
    /// The code that sends the request did not arrive; see [`load_if_needed`](super::load_if_needed).
    /// Nothing was sent. The person can try again, or load the page again: a new version of the app may
    /// have replaced the code.
    NotLoaded,
    /// The client does not know whether a sign-up, a change of the password or a recovery was done:
    /// an answer was lost, or was not understood, and the client could not find out.
    NotKnown,
    /// The app has made a request that the client does not send: its address may lead to another
    /// origin, or it has a header that only the client sets. Nothing was sent. The text is for the
    /// developer of the app: the client writes it to the console, and [`Display`](fmt::Display) does
    /// not show it.
    NotSendable(&'static str),
}

impl CallError {
    /// No answer at all.
    pub(super) const SILENCE: Self = Self::Unreachable { answered: false };

    /// Another program has answered.
    pub(super) const NOT_OURS: Self = Self::Unreachable { answered: true };

    /// A request that is not sent. The developer reads why in the console of the browser.
    pub(super) fn not_sendable(why: &'static str) -> Self {
        leptos::logging::error!("Holdfast does not send a request of this app: {why}.");
        Self::NotSendable(why)
    }

    /// The problem's code, if this is an answer of Holdfast's own.
    pub fn code(&self) -> Option<problem::Code> {
        match self {
            Self::Problem(problem) => Some(problem.code),
            _ => None,
        }
    }
}

/// In words for a person.
impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SignedOut => f.write_str("You are not signed in."),
            Self::SessionChanged => {
                f.write_str("Another person has signed in with this browser since then.")
            }
            Self::Overtaken => f.write_str(
                "Somebody has signed in or out in this browser meanwhile, so this sign-in was \
                 ended. Sign in again if you still want to.",
            ),
            Self::Problem(problem) if problem.meaning() == Meaning::Later => {
                f.write_str(&problem.detail)?;
                // The server's text may already say it in the same words.
                let is_said = problem.detail.contains("Try again");
                match problem.retry_after {
                    Some(seconds) if seconds > 1 && !is_said => {
                        write!(f, " Try again in {}.", problem::pause_in_words(seconds))
                    }
                    _ => Ok(()),
                }
            }
            Self::Problem(problem) => f.write_str(&problem.detail),
            Self::Unreachable { answered: false } => {
                f.write_str("The server cannot be reached right now. Check your connection.")
            }
            Self::Unreachable { answered: true } => f.write_str(
                "Something else answered in place of Holdfast. Some networks ask you to \
                 sign in to them first.",
            ),
            Self::UnderWay => f.write_str(
                "Your password is being changed already. Wait until that is done, a few \
                 minutes at most.",
            ),
            Self::Outdated => {
                f.write_str("Holdfast was updated in another tab. Reload this page to go on.")
            }
            Self::NotLoaded => f.write_str(
                "A part of this page did not arrive, so nothing was sent. Try again. If that does \
                 not help, load this page again.",
            ),
            Self::NotKnown => f.write_str(
                "It is not known whether this was done. Try to sign in with the new password \
                 first.",
            ),
            Self::NotSendable(_) => f.write_str(
                "Something is wrong in this app, so this was not sent. It is not your fault.",
            ),
        }
    }
}

impl std::error::Error for CallError {}

/// Reads an answer while the patience lasts. It may keep what it reads in another place, and return an
/// empty text. Only code that needs another reader than [`send`] brings one into the program.
pub(super) type Reader<'a> = dyn Fn(Response) -> LocalBoxFuture<'a, Result<String, CallError>> + 'a;

/// Sends a call and returns the JSON body of a successful answer. The text is empty for a 204.
pub(super) async fn send(call: &Call, bearer: Option<&Secret>) -> Result<String, CallError> {
    send_for(call, bearer, &read_json).await
}

/// The reader of [`send`].
pub(super) fn read_json(response: Response) -> LocalBoxFuture<'static, Result<String, CallError>> {
    Box::pin(read(response))
}

/// The reader for an answer with new tokens. If it has none, another program has answered.
pub(super) fn read_tokens(
    response: Response,
) -> LocalBoxFuture<'static, Result<String, CallError>> {
    Box::pin(async {
        let body = read(response).await?;
        parse::<Tokens>(&body)?;
        Ok(body)
    })
}

/// Sends a call and gives its answer to `reader`.
pub(super) async fn send_for(
    call: &Call,
    bearer: Option<&Secret>,
    reader: &Reader<'_>,
) -> Result<String, CallError> {
    if !address::is_path(&call.path) {
        return Err(CallError::not_sendable(
            "its address is not a path of this site that begins with one `/`",
        ));
    }
    let request = watch::next_number();
    watch::tell(|| ClientEvent::Sent {
        request,
        method: call.method.clone(),
        path: watch::without_query(&call.path),
        with_access_token: bearer.is_some(),
    });
    let status = Cell::new(None);
    let outcome = send_with_patience(call, bearer, reader, &status).await;
    watch::tell(|| what_came(request, status.get(), &outcome));
    outcome
}

/// What came of a request that got this status, if it got any.
fn what_came(
    request: u32,
    status: Option<u16>,
    outcome: &Result<String, CallError>,
) -> ClientEvent {
    match (status, outcome) {
        (None, _) | (_, Err(CallError::Unreachable { answered: false })) => {
            ClientEvent::NotAnswered { request }
        }
        (Some(status), Err(CallError::Unreachable { answered: true })) => {
            ClientEvent::AnsweredByAnother { request, status }
        }
        (Some(status), outcome) => ClientEvent::Answered {
            request,
            status,
            code: outcome.as_ref().err().and_then(CallError::code),
        },
    }
}

async fn send_with_patience(
    call: &Call,
    bearer: Option<&Secret>,
    reader: &Reader<'_>,
    status: &Cell<Option<u16>>,
) -> Result<String, CallError> {
    let signal = clock::signal_after(call.patience_ms);
    let has_signal = signal.is_some();
    let answered = pin!(send_until(call, bearer, reader, status, signal));
    if has_signal {
        return answered.await;
    }
    // The request goes on, but its answer does not count any more.
    match select(answered, TimeoutFuture::new(call.patience_ms)).await {
        Either::Left((answer, _)) => answer,
        Either::Right(_) => Err(CallError::SILENCE),
    }
}

async fn send_until(
    call: &Call,
    bearer: Option<&Secret>,
    reader: &Reader<'_>,
    status: &Cell<Option<u16>>,
    signal: Option<AbortSignal>,
) -> Result<String, CallError> {
    let mut request = RequestBuilder::new(&call.path)
        .method(call.method.clone())
        // With this mode, the browser refuses an address of another origin before it sends anything
        // (Fetch standard, "main fetch").
        .mode(RequestMode::SameOrigin)
        .redirect(RequestRedirect::Error)
        .credentials(RequestCredentials::Omit)
        .cache(RequestCache::NoStore)
        .header("Accept", "application/json, application/problem+json")
        .abort_signal(signal.as_ref());
    if let Some(token) = bearer {
        request = request.header("Authorization", &format!("Bearer {}", token.expose()));
    }
    for (name, value) in &call.headers {
        request = request.header(name, value.expose());
    }
    let request = match &call.body {
        Some(body) => {
            if let Some(media_type) = &body.media_type {
                request = request.header("Content-Type", media_type);
            }
            match &body.content {
                Content::Text(text) => request.body(text.expose()),
                Content::Object(object) => request.body(&**object),
            }
        }
        None => request.build(),
    };
    let silence = |_| CallError::SILENCE;
    let mut request = request.map_err(silence)?;
    if call.keepalive {
        request = with_keepalive(request).unwrap_or_else(|request| request);
    }
    let response = request.send().await.map_err(silence)?;
    status.set(Some(response.status()));
    reader(response).await
}

/// web-sys does not know this member of a request's options.
fn with_keepalive(request: Request) -> Result<Request, Request> {
    let request: web_sys::Request = request.into();
    let options = RequestInit::new();
    let is_set = Reflect::set(&options, &"keepalive".into(), &JsValue::TRUE);
    match (
        is_set,
        web_sys::Request::new_with_request_and_init(&request, &options),
    ) {
        (Ok(true), Ok(request)) => Ok(request.into()),
        _ => Err(request.into()),
    }
}

async fn read(response: Response) -> Result<String, CallError> {
    if response.status() == 204 {
        // Portals answer like this, too. But each answer of Holdfast has an id.
        return match response.headers().get(REQUEST_ID) {
            Some(_) => Ok(String::new()),
            None => Err(CallError::NOT_OURS),
        };
    }
    if !response.ok() {
        return Err(refusal(response).await);
    }
    let Ok(body) = response.text().await else {
        return Err(CallError::SILENCE);
    };
    // An empty text is not JSON. Within this program it means a 204.
    if media_type_of(&response) == JSON && !body.is_empty() {
        Ok(body)
    } else {
        // There was an answer, but it may not be Holdfast's.
        Err(CallError::NOT_OURS)
    }
}

/// The error in an answer that is not a successful one.
pub(super) async fn refusal(response: Response) -> CallError {
    let Ok(body) = response.text().await else {
        return CallError::SILENCE;
    };
    match serde_json::from_str::<Problem>(&body) {
        Ok(mut problem) if media_type_of(&response) == problem::MEDIA_TYPE => {
            // What a code of a newer server means depends on the status.
            problem.status = response.status();
            // Only Holdfast's answer may say when to try again.
            problem.retry_after = response
                .headers()
                .get("retry-after")
                .and_then(|seconds| seconds.trim().parse().ok());
            CallError::Problem(problem)
        }
        // The operator's own gateway says that it does not reach the server.
        _ if [502, 503, 504].contains(&response.status()) => CallError::SILENCE,
        _ => CallError::NOT_OURS,
    }
}

/// The media type of an answer, without parameters. Empty if the answer has none.
pub(super) fn media_type_of(response: &Response) -> String {
    let mut media_type = response.headers().get("content-type").unwrap_or_default();
    let end = media_type.find(';').unwrap_or(media_type.len());
    media_type.truncate(end);
    media_type.trim().to_owned()
}

/// Reads the body of a successful answer. If it does not fit, the answer is not Holdfast's.
pub(super) fn parse<T: DeserializeOwned>(body: &str) -> Result<T, CallError> {
    serde_json::from_str(body).map_err(|_| CallError::NOT_OURS)
}

/// Reads the answer to a call that has no result. Holdfast answers it with 204. Portals and proxies
/// often answer JSON to everything.
pub(super) fn parse_nothing(body: &str) -> Result<(), CallError> {
    if body.is_empty() {
        Ok(())
    } else {
        Err(CallError::NOT_OURS)
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::Code;

    use super::*;

    #[test]
    fn a_person_does_not_read_what_is_for_the_developer() {
        let why = "the client sets the header `Authorization` itself";
        let said = CallError::NotSendable(why).to_string();
        assert!(!said.contains('`') && !said.contains("header"), "{said}");
        assert!(said.contains("was not sent"), "{said}");
        assert!(format!("{:?}", CallError::NotSendable(why)).contains(why));
    }

    #[test]
    fn an_unknown_code_says_when_to_try_again() {
        let code = serde_json::from_str("\"made_up_next_year\"").unwrap();
        let mut problem = Problem::new(code, "The shop is full.");
        problem.status = 429;
        problem.retry_after = Some(30);
        let said = CallError::Problem(problem).to_string();
        assert_eq!(said, "The shop is full. Try again in 30 seconds.");
    }

    #[test]
    fn a_portals_answer_is_not_told_as_one_of_the_server() {
        let page = Err(CallError::NOT_OURS);
        let by_another = ClientEvent::AnsweredByAnother {
            request: 1,
            status: 200,
        };
        assert_eq!(what_came(1, Some(200), &page), by_another);
        let not_answered = ClientEvent::NotAnswered { request: 1 };
        let silence = Err(CallError::SILENCE);
        assert_eq!(what_came(1, None, &silence), not_answered);
        // A gateway that does not reach the server, or a body that was cut.
        assert_eq!(what_came(1, Some(503), &silence), not_answered);
        let answered = |status, code| ClientEvent::Answered {
            request: 1,
            status,
            code,
        };
        let good = Ok("{}".to_owned());
        assert_eq!(what_came(1, Some(200), &good), answered(200, None));
        let refused = Err(CallError::Problem(Problem::new(Code::NotFound, "")));
        assert_eq!(
            what_came(1, Some(404), &refused),
            answered(404, Some(Code::NotFound))
        );
    }

    #[test]
    fn the_time_to_wait_is_said_once() {
        for (detail, retry_after, expected) in [
            (
                "Too many attempts.",
                Some(120),
                "Too many attempts. Try again in 2 minutes.",
            ),
            (
                "Too many attempts. Try again in 2 minutes.",
                Some(120),
                "Too many attempts. Try again in 2 minutes.",
            ),
            ("Too many attempts.", None, "Too many attempts."),
        ] {
            let mut problem = Problem::new(Code::TooManyAttempts, detail);
            problem.retry_after = retry_after;
            assert_eq!(CallError::Problem(problem).to_string(), expected);
        }
    }
}
