//! Server functions as the signed-in person; see [`SessionClient`].

use bytes::Bytes;
use futures::{Sink, Stream, sink, stream};
use gloo_net::http::Method;
use holdfast_protocol::problem::{self, Code, Problem};
use leptos::server_fn::client::Client;
use leptos::server_fn::error::{FromServerFnError, ServerFnErrorErr};
use leptos::server_fn::request::ClientReq;
use leptos::server_fn::request::browser::BrowserFormData;
use leptos::server_fn::response::ClientRes;
use leptos::server_fn::{ContentType, Decodes, Encodes, Format, FormatType};
use send_wrapper::SendWrapper;

use super::calls;
use super::transport::{Body, Call, CallError};

/// The client of server functions that need a session.
///
/// A function that names it is called in the same way as [`Api`](super::Api): the call has the access
/// token, an expired token is renewed, a refused call is repeated once, and it never runs as the next
/// person.
///
/// ```
/// use holdfast_client::host::caller;
/// use holdfast_client::{CallError, SessionClient};
/// use leptos::prelude::*;
///
/// #[server(client = SessionClient, prefix = "/api/fn", endpoint = "who")]
/// pub async fn who() -> Result<String, CallError> {
///     Ok(caller()?.account_id.to_string())
/// }
/// ```
///
/// With `endpoint` the address is the same in every build. Without it, the address would contain a
/// hash of the directory in which the program was compiled.
///
/// Its errors are [`CallError`], on both sides, and are sent as problem JSON like those of every
/// other call. Return an expected outcome of the function as a value, not as an error.
///
/// The arguments may have every encoding of Leptos except streams, so a form with files
/// (`MultipartFormData`) works. The answer is JSON. For other answers, use a route and
/// [`Api::request`](super::Api::request).
#[derive(Debug)]
pub struct SessionClient;

/// A request as plain data, so that it can be sent a second time.
pub struct SessionRequest(Call);

/// A successful answer. Any other answer becomes an error before this point.
#[derive(Debug)]
pub struct SessionResponse(String);

impl Client<CallError> for SessionClient {
    type Request = SessionRequest;
    type Response = SessionResponse;

    fn send(
        request: SessionRequest,
    ) -> impl Future<Output = Result<SessionResponse, CallError>> + Send {
        // A browser has one thread, but the signature requires `Send`.
        // The account is taken now, because another person may be signed in when the call is polled.
        let whose = calls::whose();
        SendWrapper::new(async move {
            let body = calls::call(request.0, whose).await?;
            Ok(SessionResponse(body))
        })
    }

    /// Web sockets are not supported: a browser sends no `Authorization` with a web socket.
    async fn open_websocket(
        _: &str,
    ) -> Result<
        (
            impl Stream<Item = Result<Bytes, Bytes>> + Send + 'static,
            impl Sink<Bytes> + Send + 'static,
        ),
        CallError,
    > {
        unsupported::<()>()?;
        Ok((stream::empty(), sink::drain()))
    }

    fn spawn(future: impl Future<Output = ()> + Send + 'static) {
        leptos::task::spawn(future);
    }
}

/// Arguments travel in the query, or as a body that can be sent a second time.
impl ClientReq<CallError> for SessionRequest {
    type FormData = BrowserFormData;

    fn try_new_req_query(
        path: &str,
        _: &str,
        _: &str,
        query: &str,
        method: Method,
    ) -> Result<Self, CallError> {
        let path = match query {
            "" => path.to_owned(),
            _ => format!("{path}?{query}"),
        };
        Ok(Self(Call::new(method, path)))
    }

    fn try_new_req_text(
        path: &str,
        media_type: &str,
        _: &str,
        body: String,
        method: Method,
    ) -> Result<Self, CallError> {
        let mut call = Call::new(method, path);
        call.body = Some(Body::text(media_type, body));
        Ok(Self(call))
    }

    fn try_new_req_bytes(
        path: &str,
        media_type: &str,
        _: &str,
        body: Bytes,
        method: Method,
    ) -> Result<Self, CallError> {
        let mut call = Call::new(method, path);
        call.body = Some(match String::from_utf8(body.into()) {
            // JSON is a text, and so it is wiped from memory like every secret.
            Ok(text) => Body::text(media_type, text),
            Err(other) => Body::bytes(media_type, other.as_bytes()),
        });
        Ok(Self(call))
    }

    /// No encoding of arguments needs this. The browser sends a form without this client by itself,
    /// and such a form has no token.
    fn try_new_req_form_data(
        _: &str,
        _: &str,
        _: &str,
        _: BrowserFormData,
        _: Method,
    ) -> Result<Self, CallError> {
        unsupported()
    }

    fn try_new_req_multipart(
        path: &str,
        _: &str,
        body: BrowserFormData,
        method: Method,
    ) -> Result<Self, CallError> {
        let mut call = Call::new(method, path);
        call.body = Some(Body::form(body.take()));
        Ok(Self(call))
    }

    fn try_new_req_streaming(
        _: &str,
        _: &str,
        _: &str,
        _: impl Stream<Item = Bytes> + Send + 'static,
        _: Method,
    ) -> Result<Self, CallError> {
        unsupported()
    }
}

impl ClientRes<CallError> for SessionResponse {
    async fn try_into_string(self) -> Result<String, CallError> {
        Ok(self.0)
    }

    async fn try_into_bytes(self) -> Result<Bytes, CallError> {
        Ok(self.0.into())
    }

    fn try_into_stream(
        self,
    ) -> Result<impl Stream<Item = Result<Bytes, Bytes>> + Send + Sync + 'static, CallError> {
        Ok(stream::iter([Ok(self.0.into())]))
    }

    fn status(&self) -> u16 {
        200
    }

    fn status_text(&self) -> String {
        "OK".to_owned()
    }

    fn location(&self) -> String {
        String::new()
    }

    /// Redirects are refused, like everywhere in the client.
    fn has_redirect(&self) -> bool {
        false
    }
}

/// The error for a request that cannot have a session.
fn unsupported<T>() -> Result<T, CallError> {
    Err(CallError::from_server_fn_error(ServerFnErrorErr::Request(
        "a call with a session is no web socket and no stream".to_owned(),
    )))
}

/// Errors of the library itself, on both sides. Their text may repeat an argument, so it is not
/// passed on.
impl FromServerFnError for CallError {
    type Encoder = ProblemJson;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        use ServerFnErrorErr as Error;
        let told = |code, detail: &str| Self::Problem(Problem::new(code, detail));
        match error {
            Error::Args(_) | Error::MissingArg(_) => told(
                Code::MalformedRequest,
                "The arguments do not fit this function.",
            ),
            // In the browser: a field of a form has a value of another type than the function takes.
            Error::Serialization(_) if cfg!(target_arch = "wasm32") => told(
                Code::MalformedRequest,
                "Check what you have typed: a field is empty or does not fit.",
            ),
            Error::Deserialization(_) => Self::NOT_OURS,
            Error::Request(_)
            | Error::UnsupportedRequestMethod(_)
            | Error::Serialization(_)
            | Error::Registration(_)
            | Error::ServerError(_)
            | Error::MiddlewareError(_)
            | Error::Response(_) => told(
                Code::Internal,
                "Something went wrong on our side. It has been noted.",
            ),
        }
    }
}

/// How the error of a server function is sent: like every other error.
#[derive(Debug)]
pub struct ProblemJson;

impl ContentType for ProblemJson {
    const CONTENT_TYPE: &'static str = problem::MEDIA_TYPE;
}

impl FormatType for ProblemJson {
    const FORMAT_TYPE: Format = Format::Text;
}

impl Encodes<CallError> for ProblemJson {
    type Error = serde_json::Error;

    fn encode(error: &CallError) -> Result<Bytes, serde_json::Error> {
        let problem = match error {
            CallError::Problem(problem) => problem.clone(),
            CallError::NotSendable(_) => Problem::new(
                Code::Internal,
                "Something went wrong on our side. It has been noted.",
            ),
            CallError::SignedOut | CallError::SessionChanged | CallError::Overtaken => {
                Problem::new(Code::AccessTokenMissing, "This call needs an access token.")
            }
            CallError::Unreachable { .. }
            | CallError::NotKnown
            | CallError::UnderWay
            | CallError::NotLoaded
            | CallError::Outdated => Problem::new(
                Code::TemporarilyUnavailable,
                "The service cannot answer this at the moment. Try again in a few seconds.",
            ),
        };
        serde_json::to_vec(&problem).map(Bytes::from)
    }
}

impl Decodes<CallError> for ProblemJson {
    type Error = serde_json::Error;

    fn decode(body: Bytes) -> Result<CallError, serde_json::Error> {
        serde_json::from_slice(&body).map(CallError::Problem)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::Content;

    type Request = SessionRequest;

    #[test]
    fn a_request_is_data_that_can_be_sent_twice() {
        let form = "application/x-www-form-urlencoded";
        let get = Request::try_new_get("/api/fn/find", form, "", "name=ada");
        let SessionRequest(call) = get.ok().unwrap();
        let again = call.clone();
        assert_eq!(
            (call.method, call.path.as_str()),
            (Method::GET, "/api/fn/find?name=ada")
        );
        assert!(again.body.is_none());

        let json = Bytes::from_static(br#"{"name":"ada"}"#);
        let post = Request::try_new_post_bytes("/api/fn/find", "application/json", "", json);
        let body = post.ok().unwrap().0.clone().body.unwrap();
        assert_eq!(body.media_type.as_deref(), Some("application/json"));
        let Content::Text(text) = body.content else {
            panic!("JSON is a text");
        };
        assert_eq!(text.expose(), r#"{"name":"ada"}"#);
    }

    #[test]
    fn without_arguments_there_is_no_query() {
        let get = Request::try_new_get("/api/fn/overview", "", "", "")
            .ok()
            .unwrap();
        assert_eq!(get.0.path, "/api/fn/overview");
    }

    #[test]
    fn an_error_travels_as_problem_json_and_arrives_as_itself() {
        let error = CallError::Problem(Problem::new(Code::NotFound, "There is no such note."));
        assert_eq!(CallError::de(error.ser()), error);
        let bare = Problem::new(Code::AccessTokenMissing, "This call needs an access token.");
        assert_eq!(
            CallError::de(CallError::SignedOut.ser()),
            CallError::Problem(bare)
        );
    }

    #[test]
    fn what_the_library_says_about_an_argument_is_not_repeated() {
        let error = ServerFnErrorErr::Args("invalid digit in hunter2".to_owned());
        let error = CallError::from_server_fn_error(error);
        assert_eq!(error.code(), Some(Code::MalformedRequest));
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn an_answer_that_does_not_fit_is_not_ours_and_loses_nothing() {
        let error = CallError::de(Bytes::from_static(b"<html>"));
        assert_eq!(error, CallError::NOT_OURS);
    }
}
