//! Calls of any kind as the signed-in person: with headers, with other bodies than JSON, and with
//! other answers.
//!
//! This code is separate from `calls`, so that an app whose calls all have JSON does not load it.

use std::cell::RefCell;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use gloo_net::http::{Headers, Method, Response};
use holdfast_protocol::secret::Secret;
use js_sys::{ArrayBuffer, Uint8Array};
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsCast;
use wasm_bindgen_futures::JsFuture;
use web_sys::FormData;

use super::calls::{self, Api};
use super::download;
use super::driver::Whose;
use super::transport::{self, Body, Call, CallError, JSON, REQUEST_ID};

/// The header that says which answers the app wants.
const ACCEPT: &str = "Accept";

/// The headers that an app cannot set, and why.
const RESERVED: [(&str, &str); 4] = [
    (
        "authorization",
        "the client sets the header `Authorization` itself",
    ),
    ("cookie", "calls carry no cookies"),
    (
        "content-type",
        "the header `Content-Type` comes with the body: use `text` or `bytes`",
    ),
    (
        "content-length",
        "the browser sets the header `Content-Length` itself",
    ),
];

impl Api {
    /// A call of any kind. It belongs to the same account as every call of this `Api`.
    ///
    /// ```
    /// use holdfast_client::{CallError, Method, Session};
    /// use serde_json::json;
    ///
    /// async fn rename(session: Session, version: &str) -> Result<(), CallError> {
    ///     let request = session.api().request(Method::PATCH, "/api/v1/album");
    ///     let change = json!({"name": "Summer"});
    ///     request.header("If-Match", version).json(&change).send().await?.nothing()
    /// }
    ///
    /// async fn save_photo(session: Session) -> Result<(), CallError> {
    ///     let request = session.api().request(Method::GET, "/api/v1/photo");
    ///     request.send().await?.download("photo.jpg")
    /// }
    ///
    /// async fn upload(session: Session, form: web_sys::FormData) -> Result<String, CallError> {
    ///     let request = session.api().request(Method::POST, "/api/v1/photos");
    ///     request.form(form).send().await?.text()
    /// }
    /// ```
    pub fn request(self, method: Method, path: &str) -> ApiRequest {
        ApiRequest {
            whose: self.0,
            call: Call::new(method, path),
            trouble: None,
        }
    }
}

/// A call that is being made; see [`Api::request`].
#[must_use = "a request does nothing before `send`"]
pub struct ApiRequest {
    whose: Whose,
    call: Call,
    /// The first reason why it cannot be sent.
    trouble: Option<&'static str>,
}

impl ApiRequest {
    /// Adds a header. The client itself sets `Authorization`, the body sets `Content-Type`, and a
    /// call has no cookies. With one of these headers, or with a text that cannot be in a header,
    /// [`ApiRequest::send`] fails with [`CallError::NotSendable`].
    ///
    /// A browser ignores some other names without an error, such as `Host` and `Origin` (Fetch
    /// standard, "forbidden request-header").
    pub fn header(mut self, name: &'static str, value: &str) -> Self {
        match trouble_with(name, value) {
            Some(why) => self.trouble = self.trouble.or(Some(why)),
            None => self.call.headers.push((name, Secret::from(value))),
        }
        self
    }

    /// With a JSON body.
    pub fn json(mut self, body: &impl Serialize) -> Self {
        match serde_json::to_string(body) {
            Ok(text) => self.call.body = Some(Body::text(JSON, text)),
            Err(_) => self.trouble = self.trouble.or(Some("its body cannot be JSON")),
        }
        self
    }

    /// With a text of this media type, for example `text/csv`.
    pub fn text(self, media_type: &str, text: impl Into<Secret>) -> Self {
        self.body(media_type, |media_type| Body::text(media_type, text))
    }

    /// With bytes of this media type, for example `application/octet-stream`.
    pub fn bytes(self, media_type: &str, bytes: &[u8]) -> Self {
        self.body(media_type, |media_type| Body::bytes(media_type, bytes))
    }

    /// With a form that may have files (`multipart/form-data`).
    pub fn form(mut self, form: FormData) -> Self {
        self.call.body = Some(Body::form(form));
        self
    }

    /// Waits this long for the answer, in place of 20 seconds. The time includes the sending of the
    /// body and the whole answer, so a large file needs more.
    pub fn patience(mut self, patience: Duration) -> Self {
        // A timer of the browser has 31 bits.
        let ms = patience.as_millis().min(i32::MAX as u128);
        self.call.patience_ms = u32::try_from(ms).unwrap_or(u32::MAX);
        self
    }

    /// Sends the call and waits for the whole answer. Like every call, it may be sent a second time,
    /// if the server has refused the access token.
    ///
    /// # Errors
    /// [`CallError`]; every answer with another status than 2xx is one.
    pub async fn send(mut self) -> Result<ApiAnswer, CallError> {
        if let Some(why) = self.trouble() {
            return Err(CallError::not_sendable(why));
        }
        let is_accept = |(name, _): &&(&str, Secret)| name.eq_ignore_ascii_case(ACCEPT);
        let accept = self.call.headers.iter().find(is_accept);
        let wants_html = accept.is_some_and(|(_, types)| types.expose().contains("text/html"));
        if accept.is_none() {
            self.call.headers.push((ACCEPT, Secret::from("*/*")));
        }
        let answer = RefCell::new(None);
        let reader = |response| -> LocalBoxFuture<'_, Result<String, CallError>> {
            let answer = &answer;
            Box::pin(async move {
                *answer.borrow_mut() = Some(read(response, wants_html).await?);
                Ok(String::new())
            })
        };
        calls::call_for(&self.call, self.whose, &reader).await?;
        answer.take().ok_or(CallError::NOT_OURS)
    }

    fn body(mut self, media_type: &str, make: impl FnOnce(&str) -> Body) -> Self {
        if is_value(media_type) {
            self.call.body = Some(make(media_type));
        } else {
            self.trouble = self
                .trouble
                .or(Some("its media type cannot be in a header"));
        }
        self
    }

    /// Why it cannot be sent.
    fn trouble(&self) -> Option<&'static str> {
        let has_no_body = [Method::GET, Method::HEAD].contains(&self.call.method);
        let has_both = has_no_body && self.call.body.is_some();
        let with_body = has_both.then_some("a request with this method has no body");
        self.trouble.or(with_body)
    }
}

/// The successful answer to a call of [`Api::request`].
///
/// Some networks answer every call with a page of their own, and with the status 200. Therefore,
/// these functions check that the answer comes from behind Holdfast's layers: it has the header
/// `x-request-id`, or it is JSON where the app wants JSON. HTML is refused, unless the app has asked
/// for `text/html` by the header `Accept`. An answer that is refused becomes
/// [`CallError::Unreachable`].
#[derive(Debug)]
pub struct ApiAnswer {
    status: u16,
    headers: Headers,
    media_type: String,
    body: ArrayBuffer,
    wants_html: bool,
}

impl ApiAnswer {
    /// The status, from 200 to 299.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// A header, for example `ETag`.
    pub fn header(&self, name: &'static str) -> Option<String> {
        self.headers.get(name)
    }

    /// The JSON body.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer does not have this content.
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        if self.media_type != JSON {
            return Err(CallError::NOT_OURS);
        }
        serde_json::from_slice(&self.content()).map_err(|_| CallError::NOT_OURS)
    }

    /// The body as a text in UTF-8.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer does not have this content.
    pub fn text(&self) -> Result<String, CallError> {
        String::from_utf8(self.bytes()?).map_err(|_| CallError::NOT_OURS)
    }

    /// The body.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer is not Holdfast's.
    pub fn bytes(&self) -> Result<Vec<u8>, CallError> {
        self.check()?;
        Ok(self.content())
    }

    /// Nothing: the answer has no body.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer has a body or is not Holdfast's.
    pub fn nothing(&self) -> Result<(), CallError> {
        self.check()?;
        if self.body.byte_length() == 0 {
            Ok(())
        } else {
            Err(CallError::NOT_OURS)
        }
    }

    /// Gives the body to the person as a file of this name. The browser may ask the person first, or
    /// choose another name, and it does not say what became of the file.
    ///
    /// # Errors
    /// [`CallError::Unreachable`], if the answer is not Holdfast's.
    pub fn download(&self, file_name: &str) -> Result<(), CallError> {
        self.check()?;
        if let Err(why) = download::save(&self.body, file_name) {
            leptos::logging::error!("The browser has not saved the file: {why:?}");
        }
        Ok(())
    }

    fn check(&self) -> Result<(), CallError> {
        let has_id = self.headers.has(REQUEST_ID);
        if is_ours(has_id, &self.media_type, self.wants_html) {
            Ok(())
        } else {
            Err(CallError::NOT_OURS)
        }
    }

    fn content(&self) -> Vec<u8> {
        Uint8Array::new(&self.body).to_vec()
    }
}

async fn read(response: Response, wants_html: bool) -> Result<ApiAnswer, CallError> {
    if !response.ok() {
        return Err(transport::refusal(response).await);
    }
    let (status, headers) = (response.status(), response.headers());
    let media_type = transport::media_type_of(&response);
    let response: web_sys::Response = response.into();
    let reading = response.array_buffer().map_err(|_| CallError::SILENCE)?;
    let body = JsFuture::from(reading).await;
    let body = body.map_err(|_| CallError::SILENCE)?.unchecked_into();
    Ok(ApiAnswer {
        status,
        headers,
        media_type,
        body,
        wants_html,
    })
}

fn is_ours(has_request_id: bool, media_type: &str, wants_html: bool) -> bool {
    has_request_id && (wants_html || !media_type.eq_ignore_ascii_case("text/html"))
}

/// Why an app cannot set this header.
fn trouble_with(name: &str, value: &str) -> Option<&'static str> {
    let mut reserved = RESERVED.iter();
    if let Some((_, why)) = reserved.find(|(reserved, _)| name.eq_ignore_ascii_case(reserved)) {
        return Some(why);
    }
    // The characters of a token (RFC 9110, 5.6.2).
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(is_name) {
        Some("the name of a header has a character that is not allowed")
    } else if !is_value(value) {
        Some("the value of a header has a character that is not allowed")
    } else {
        None
    }
}

/// Whether a browser takes this as the value of a header without an exception.
fn is_value(text: &str) -> bool {
    let is_allowed =
        |letter: char| letter == '\t' || matches!(letter, ' '..='~' | '\u{80}'..='\u{ff}');
    text.chars().all(is_allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: Method) -> ApiRequest {
        Api(Whose::Of(None)).request(method, "/api/v1/note")
    }

    #[test]
    fn an_app_sets_no_header_of_the_client() {
        for name in [
            "Authorization",
            "authorization",
            "AUTHORIZATION",
            "Cookie",
            "Content-Type",
            "Content-Length",
        ] {
            let refused = request(Method::GET).header(name, "x");
            assert!(refused.trouble().is_some(), "{name}");
            assert!(refused.call.headers.is_empty(), "{name}");
        }
        let refused = request(Method::GET).header("Authorization", "Bearer x");
        assert_eq!(
            refused.trouble().unwrap(),
            "the client sets the header `Authorization` itself"
        );
    }

    #[test]
    fn a_header_that_a_browser_refuses_is_told() {
        for (name, value) in [
            ("", "x"),
            ("X Note", "x"),
            ("X-Note:", "x"),
            ("X-Note", "a\r\nAuthorization: b"),
            ("X-Note", "\0"),
            ("X-Note", "\u{100}"),
        ] {
            let refused = request(Method::GET).header(name, value);
            assert!(refused.trouble().is_some(), "{name:?}: {value:?}");
        }
        let sent = request(Method::GET)
            .header("If-Match", "\"a\"")
            .header("X-Note", "für\t1");
        assert!(sent.trouble().is_none());
        assert_eq!(sent.call.headers.len(), 2);
    }

    #[test]
    fn the_first_trouble_is_told() {
        let refused = request(Method::GET).header("Cookie", "a").header("", "");
        assert_eq!(refused.trouble(), Some("calls carry no cookies"));
    }

    #[test]
    fn a_request_without_a_body_gets_none() {
        let sent = |method| request(method).json(&1).trouble().is_none();
        assert!(!sent(Method::GET) && !sent(Method::HEAD));
        assert!(sent(Method::PATCH) && sent(Method::DELETE));
        assert!(request(Method::GET).trouble().is_none());
    }

    #[test]
    fn a_media_type_is_one_line() {
        let sent = |media_type| {
            request(Method::PUT)
                .text(media_type, "a")
                .trouble()
                .is_none()
        };
        assert!(sent("text/csv; charset=utf-8"));
        assert!(!sent("text/csv\r\nAuthorization: b"));
    }

    #[test]
    fn a_long_patience_is_not_longer_than_a_timer() {
        let patience_ms = |patience| request(Method::GET).patience(patience).call.patience_ms;
        assert_eq!(patience_ms(Duration::from_secs(90)), 90_000);
        assert_eq!(patience_ms(Duration::MAX), i32::MAX.unsigned_abs());
    }

    #[test]
    fn a_page_of_a_portal_is_not_ours() {
        assert!(is_ours(true, "image/png", false));
        assert!(is_ours(true, "", false));
        assert!(!is_ours(false, "image/png", false));
        assert!(!is_ours(true, "text/html", false));
        assert!(!is_ours(true, "Text/HTML", false));
        assert!(is_ours(true, "text/html", true));
        assert!(!is_ours(false, "text/html", true));
    }
}
