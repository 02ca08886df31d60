//! What happens to every request: it gets an id and a span of the log, it is refused if it does not
//! name one host or if another site has sent it, its errors are answered, and its answer gets the
//! security headers.
//!
//! All this is one layer. With a layer for each part, axum would clone the inner layers once more for
//! each of them and allocate memory for the future of each. This took more time than the parts
//! themselves (`docs/performance.md`).

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

use axum::body::{Body, Bytes, HttpBody as _};
use axum::extract::Request;
use axum::response::{IntoResponse as _, Response};
use http_body::{Frame, SizeHint};
use tower::Service;
use tracing::{Instrument as _, Span};

use super::answer_errors::answer_errors;
use super::headers::SecurityHeaders;
use super::one_host::require_one_host;
use super::request_id::RequestId;
use super::same_site::refuse_other_sites;
#[cfg(feature = "pages")]
use crate::pages::fault::PageWanted;
use crate::state::Holdfast;

/// The most characters of a path in the log. A client may send a path of many kilobytes.
const LOGGED_OF_A_PATH: usize = 256;

/// Does all this around `service`.
#[derive(Clone)]
pub struct EveryRequest<S> {
    state: Holdfast,
    service: S,
}

impl<S> EveryRequest<S> {
    /// Around this service.
    pub fn around(service: S, state: &Holdfast) -> Self {
        Self {
            state: state.clone(),
            service,
        }
    }
}

impl<S> Service<Request> for EveryRequest<S>
where
    S: Service<Request, Response = Response, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let arrived = Instant::now();
        let request_id = RequestId::take_or_make(&mut request, &self.state.config.proxies);
        let span = span(&request, &request_id);
        let headers = SecurityHeaders::of(&request, self.state.config.is_https());
        #[cfg(feature = "pages")]
        let wanted = PageWanted::of(&request).map(|wanted| (wanted, self.state.clone()));
        let refused = require_one_host(&request).and_then(|()| refuse_other_sites(&request));
        // A route of axum begins its work when the future is polled. So a panic is caught below, and
        // the lines of its log are in the span.
        let answering = refused.map(|()| self.service.call(request));
        let in_span = span.clone();
        let whole = async move {
            let answering = async {
                match answering {
                    Ok(answering) => answering.await.unwrap_or_else(|never| match never {}),
                    Err(error) => error.into_response(),
                }
            };
            let mut response = answer_errors(answering, &request_id).await;
            #[cfg(feature = "pages")]
            if let Some((wanted, state)) = wanted {
                response = wanted.answer(response, &state, &request_id);
            }
            headers.add_to(response.headers_mut());
            request_id.add_to(response.headers_mut());
            tracing::debug!(
                http.status = response.status().as_u16(),
                latency.ms = arrived.elapsed().as_millis(),
                "Answered."
            );
            Ok(body_in_span(response, in_span))
        };
        Box::pin(whole.instrument(span))
    }
}

/// Method and path only: a query may contain what a person typed into a form.
fn span(request: &Request, request_id: &RequestId) -> Span {
    tracing::info_span!(
        "request",
        request.id = request_id.as_str(),
        http.method = %request.method(),
        http.path = beginning(request.uri().path()),
    )
}

fn beginning(path: &str) -> &str {
    let end = path.char_indices().nth(LOGGED_OF_A_PATH);
    end.map_or(path, |(end, _)| &path[..end])
}

/// A body that is made while it is sent writes its lines of the log in the span, too.
fn body_in_span(response: Response, span: Span) -> Response {
    if span.is_disabled() || response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| Body::new(InSpan { body, span }))
}

struct InSpan {
    body: Body,
    span: Span,
}

impl http_body::Body for InSpan {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let _entered = this.span.enter();
        Pin::new(&mut this.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
