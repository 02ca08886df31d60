//! One connection, from its first byte to its last.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::Instant;
use tower::ServiceExt as _;

use super::activity::{Activity, Reason};
use super::body::{Arriving, Leaving};
use super::connection_limits::ConnectionLimits;
use super::stream::Stream;

/// The largest header of a request: its first line and all its fields, in bytes.
const MAX_HEADER: usize = 16 * 1024;

/// How many requests one connection of HTTP/2 may have under way. Together with
/// [`STREAM_BUFFER`] this bounds the answers of one connection: 256 KiB, as much as the kernel
/// keeps for it.
const MAX_STREAMS: u32 = 16;

/// How many bytes of an answer are kept for a client of HTTP/2 that does not take it.
const STREAM_BUFFER: usize = 16 * 1024;

/// How many bytes of bodies a client of HTTP/2 may send before they are read.
const WINDOW: u32 = 64 * 1024;

/// Serves one connection, and returns why it was closed.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    service: Router,
    limits: ConnectionLimits,
    activity: Arc<Activity>,
    mut stop: watch::Receiver<bool>,
) -> Reason {
    let stream = Stream::new(stream, limits.write, Arc::clone(&activity));
    let requests = {
        let activity = Arc::clone(&activity);
        service_fn(move |request: Request<Incoming>| {
            let exchange = Activity::begin(&activity, request.version());
            let mut request = request.map(|body| {
                let (activity, number) = (Arc::clone(&activity), exchange.number());
                Body::new(Arriving::new(body, limits.body, activity, number))
            });
            request.extensions_mut().insert(ConnectInfo(peer));
            let answering = service.clone().oneshot(request);
            async move {
                let response = answering.await.unwrap_or_else(|never| match never {});
                let response = response.map(|body| Leaving::new(body, exchange));
                Ok::<Response<Leaving>, Infallible>(response)
            }
        })
    };
    let builder = builder();
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), requests);
    let mut connection = std::pin::pin!(connection);

    let mut stopping = false;
    // Set when an exchange has taken too long: until this moment, the other exchanges on the
    // connection may finish.
    let mut last_moment: Option<Instant> = None;
    loop {
        let until = last_moment.unwrap_or_else(|| activity.watch(&limits, stopping));
        tokio::select! {
            // The bytes that have arrived come first, so that a request that has just begun
            // is not cut off.
            biased;
            closed = connection.as_mut() => {
                return closed.map_or_else(|error| reason_of(&*error), |()| Reason::Finished);
            }
            changed = stop.changed(), if !stopping => {
                stopping = true;
                // An error means that the server's loop is gone. Then the connection stops as well.
                let _ = changed;
                connection.as_mut().graceful_shutdown();
            }
            () = activity.changed() => {
                if activity.gives_way() {
                    return Reason::Room;
                }
            }
            () = tokio::time::sleep_until(until) => {
                if last_moment.is_some() {
                    return Reason::Exchange;
                }
                let (due, reason) = activity.due(&limits, stopping);
                if due > until {
                    // It is not due yet, or requests were answered or have begun meanwhile.
                    continue;
                }
                if reason != Reason::Exchange {
                    return reason;
                }
                last_moment = Some(Instant::now() + limits.write);
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// HTTP/1.1 and HTTP/2. The header limit is our own (`activity.rs`), because hyper's limit
/// would also run while a connection waits for its next request.
fn builder() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(None::<Duration>)
        .max_buf_size(MAX_HEADER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(MAX_HEADER).unwrap_or(u32::MAX))
        .max_send_buf_size(STREAM_BUFFER)
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(WINDOW)
        .max_concurrent_streams(MAX_STREAMS);
    builder
}

/// Why a connection broke off: because of the server's write limit, or for another reason.
fn reason_of(error: &(dyn std::error::Error + 'static)) -> Reason {
    let mut cause = Some(error);
    while let Some(error) = cause {
        let timed_out = error
            .downcast_ref::<std::io::Error>()
            .is_some_and(|error| error.kind() == std::io::ErrorKind::TimedOut);
        if timed_out {
            return Reason::Write;
        }
        cause = error.source();
    }
    Reason::Finished
}
