//! The server's connections: how they are accepted, how long they may take, and how
//! they end.
//!
//! A security duty: a client that is slow on purpose must not keep anybody else out.
//! Everything that a client can be slow at has a limit ([`Limits`]): sending a header,
//! sending a body, taking an answer, and doing nothing. And there is a limit to how
//! many connections there are. When it is reached, the connections whose clients have
//! been waited for the longest make room, so that a new client gets in although somebody
//! holds thousands of connections open.

mod activity;
mod body;
mod connection;
mod files;
mod stream;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use crate::metrics::ConnectionCounts;
use activity::Activity;

pub use activity::Reason;
pub use body::TooSlow;
pub use files::most_connections;

/// How many bytes of an answer the kernel keeps for one client that does not read. Twice
/// what a client far away takes in one round trip, and a bound on the kernel's memory.
const SEND_BUFFER: u32 = 256 * 1024;

/// How soon room is searched for again.
const SEARCHED_AGAIN: Duration = Duration::from_millis(100);

/// How many new connections may wait to be accepted.
const BACKLOG: u32 = 1024;

/// What a client may take its time for.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// How many connections there are at the most.
    pub most: usize,
    /// From the first byte of a request until its header is whole.
    pub header: Duration,
    /// From the header until the body is whole.
    pub body: Duration,
    /// Without a request.
    pub idle: Duration,
    /// Until a client takes the next bytes of an answer.
    pub write: Duration,
    /// From the header of a request until its answer was taken.
    pub exchange: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            most: 4096,
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(20),
            exchange: Duration::from_secs(300),
        }
    }
}

/// Listens on this address.
///
/// # Errors
/// When the address is taken, or not this machine's.
pub fn listen(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A server that restarts takes its address again at once.
    socket.set_reuseaddr(true)?;
    // Connections inherit it.
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// Serves until `stop`, and then until every request that is under way was answered.
pub async fn serve(
    listener: TcpListener,
    service: Router,
    limits: Limits,
    counts: ConnectionCounts,
    stop: impl Future<Output = ()>,
) {
    let open = Arc::new(Open::new(limits.most, counts));
    let (stopping, _) = watch::channel(false);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => break,
            accepted = open.accept(&listener) => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                // A client that hung up is not worth a word. Without a file for the
                // connection, trying again at once would only burn the processor.
                if !is_about_one_connection(&error) {
                    tracing::error!(%error, "A connection could not be accepted.");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                continue;
            }
        };
        // Answers are small, and whole when they are sent.
        let _ = stream.set_nodelay(true);
        let place = Open::enter(&open);
        let serving = connection::serve(
            stream,
            peer,
            service.clone(),
            limits,
            Arc::clone(&place.activity),
            stopping.subscribe(),
        );
        tokio::spawn(async move {
            let closed = serving.await;
            place.leave(closed);
        });
    }
    drop(listener);
    stopping.send_replace(true);
    stopping.closed().await;
}

fn is_about_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionRefused | ConnectionReset
    )
}

/// The connections that are open.
struct Open {
    most: usize,
    counts: ConnectionCounts,
    connections: Mutex<Connections>,
    /// One was closed.
    closed: Notify,
}

#[derive(Default)]
struct Connections {
    next: u64,
    /// Those that were told to make room are not in here any more.
    by_number: HashMap<u64, Arc<Activity>>,
}

/// A connection's place among the open ones.
struct Place {
    open: Arc<Open>,
    number: u64,
    activity: Arc<Activity>,
}

impl Open {
    fn new(most: usize, counts: ConnectionCounts) -> Self {
        Self {
            most,
            counts,
            connections: Mutex::default(),
            closed: Notify::new(),
        }
    }

    /// The next connection, once there is room for it.
    async fn accept(
        &self,
        listener: &TcpListener,
    ) -> std::io::Result<(tokio::net::TcpStream, SocketAddr)> {
        let accepted = listener.accept().await?;
        // Room is made for a client that is there, never in advance.
        loop {
            let closed = self.closed.notified();
            if self.make_room() {
                return Ok(accepted);
            }
            // The server is at work on every connection. One whose request is answered waits
            // for its client without a word, so the search is repeated.
            let _ = tokio::time::timeout(SEARCHED_AGAIN, closed).await;
        }
    }

    /// Whether there is room. When there is none, the connections whose clients have been
    /// waited for the longest are told to close: a sixteenth of them at once, so that the
    /// search is not repeated for every new client.
    fn make_room(&self) -> bool {
        let mut connections = self.lock();
        if connections.by_number.len() < self.most {
            return true;
        }
        let mut waiting: Vec<(Instant, u64)> = connections
            .by_number
            .iter()
            .filter_map(|(number, activity)| Some((activity.waiting_since()?, *number)))
            .collect();
        waiting.sort_unstable();
        for (_, number) in waiting.into_iter().take((self.most / 16).max(1)) {
            if let Some(activity) = connections.by_number.remove(&number) {
                activity.make_room();
            }
        }
        connections.by_number.len() < self.most
    }

    fn enter(open: &Arc<Self>) -> Place {
        let activity = Arc::new(Activity::new());
        let mut connections = open.lock();
        let number = connections.next;
        connections.next += 1;
        connections.by_number.insert(number, Arc::clone(&activity));
        drop(connections);
        open.counts.opened();
        Place {
            open: Arc::clone(open),
            number,
            activity,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connections> {
        self.connections
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn leave(self, closed: Reason) {
        self.open.counts.closed(closed.as_str());
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.open.lock().by_number.remove(&self.number);
        self.open.closed.notify_waiters();
    }
}
