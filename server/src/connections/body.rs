//! Bodies: the body of a request has to arrive in time, and the body of an answer keeps its
//! exchange open.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::{BoxError, Error};
use http_body::{Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::{Instant, Sleep};

use super::activity::{Activity, AwaitingBody, Exchange};

/// The body of a request did not arrive in time.
#[derive(Debug, thiserror::Error)]
#[error("the body did not arrive in time")]
pub struct TooSlow;

/// A request's body, with the time in which all of it has to arrive.
pub(super) struct Arriving {
    body: Incoming,
    limit: Duration,
    activity: Arc<Activity>,
    number: u64,
    /// A timer. It starts when the server has to wait for the body for the first time.
    waited: Option<Pin<Box<Sleep>>>,
    awaiting: Option<AwaitingBody>,
}

impl Arriving {
    /// The body of the request with this number.
    pub(super) fn new(
        body: Incoming,
        limit: Duration,
        activity: Arc<Activity>,
        number: u64,
    ) -> Self {
        Self {
            body,
            limit,
            activity,
            number,
            waited: None,
            awaiting: None,
        }
    }
}

impl http_body::Body for Arriving {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.awaiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        let limit = this.limit;
        let waited = this
            .waited
            .get_or_insert_with(|| Box::pin(tokio::time::sleep(limit)));
        this.awaiting
            .get_or_insert_with(|| Activity::await_body(&this.activity, this.number));
        match waited.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(Some(Err(TooSlow.into()))),
            Poll::Pending => Poll::Pending,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// An answer's body. The exchange is over when it is dropped.
pub(super) struct Leaving {
    body: Body,
    exchange: Exchange,
    answered: Instant,
}

impl Leaving {
    pub(super) fn new(body: Body, exchange: Exchange) -> Self {
        let answered = Instant::now();
        exchange.set_waiting(Some(answered));
        Self {
            body,
            exchange,
            answered,
        }
    }
}

impl http_body::Body for Leaving {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        let this = self.get_mut();
        let frame = Pin::new(&mut this.body).poll_frame(context);
        // hyper requests the next piece when the client takes it. So after each piece the server
        // waits for the client, which may be a client of HTTP/2 that opens no window for its
        // answer.
        let waits = frame.is_ready().then_some(this.answered);
        this.exchange.set_waiting(waits);
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
