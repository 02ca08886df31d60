//! What one connection is doing, and until when it may.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Limits;

/// How long a connection without a request stays once the server stops.
const IDLE_WHILE_STOPPING: Duration = Duration::from_secs(1);

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// By the client, or after the last answer.
    Finished,
    /// A header took too long.
    Header,
    /// Nothing was asked for too long.
    Idle,
    /// The client did not take its answer.
    Write,
    /// A request and its answer took too long together.
    Exchange,
    /// It made room for a new one.
    Room,
}

impl Reason {
    /// As it stands in the metrics.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Finished => "finished",
            Self::Header => "header_limit",
            Self::Idle => "idle_limit",
            Self::Write => "write_limit",
            Self::Exchange => "exchange_limit",
            Self::Room => "made_room",
        }
    }
}

/// What one connection is doing. Shared by its stream, its requests and its watch.
pub(super) struct Activity {
    doing: Mutex<Doing>,
    room_wanted: AtomicBool,
    /// The watch has to look again.
    changed: Notify,
}

struct Doing {
    /// When each request that is under way began, in this order.
    requests: BTreeMap<u64, Instant>,
    next: u64,
    waiting_since: Instant,
    /// The first byte since the last request, on a connection of HTTP/1.
    first_byte: Option<Instant>,
    /// How many of the requests wait for more of their body.
    awaiting_body: usize,
    /// Since when the client has not taken what is written.
    blocked_since: Option<Instant>,
    /// HTTP/2: bytes between requests are not the beginning of one.
    is_multiplexed: bool,
}

/// A request that is under way, until its answer has been handed over.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    number: u64,
}

/// A request that waits for more of its body.
pub(super) struct AwaitingBody {
    activity: Arc<Activity>,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            doing: Mutex::new(Doing {
                requests: BTreeMap::new(),
                next: 0,
                waiting_since: Instant::now(),
                first_byte: None,
                awaiting_body: 0,
                blocked_since: None,
                is_multiplexed: false,
            }),
            room_wanted: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// A request's header has arrived.
    pub(super) fn begin(activity: &Arc<Self>, version: Version) -> Exchange {
        let mut doing = activity.lock();
        let number = doing.next;
        doing.next += 1;
        doing.requests.insert(number, Instant::now());
        doing.first_byte = None;
        doing.is_multiplexed = version == Version::HTTP_2;
        drop(doing);
        Exchange {
            activity: Arc::clone(activity),
            number,
        }
    }

    /// Bytes have arrived.
    pub(super) fn bytes_arrived(&self) {
        let mut doing = self.lock();
        if doing.requests.is_empty() && !doing.is_multiplexed && doing.first_byte.is_none() {
            doing.first_byte = Some(Instant::now());
            drop(doing);
            self.changed.notify_one();
        }
    }

    /// Whether the client takes what is written.
    pub(super) fn set_blocked(&self, blocked: bool) {
        self.lock().blocked_since = blocked.then(Instant::now);
    }

    /// A request waits for more of its body, until the answer is dropped.
    pub(super) fn await_body(activity: &Arc<Self>) -> AwaitingBody {
        activity.lock().awaiting_body += 1;
        AwaitingBody {
            activity: Arc::clone(activity),
        }
    }

    /// Since when the server has been waiting for the client: for a request, for the rest
    /// of one, or until an answer is taken. `None` while the server itself is at work.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let doing = self.lock();
        if doing.blocked_since.is_some() {
            return doing.blocked_since;
        }
        match doing.requests.first_key_value() {
            None => Some(doing.waiting_since),
            Some((_, oldest)) if doing.awaiting_body >= doing.requests.len() => Some(*oldest),
            Some(_) => None,
        }
    }

    /// Tells the connection to make room for another.
    pub(super) fn make_room(&self) {
        self.room_wanted.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Whether it has to.
    pub(super) fn room_is_wanted(&self) -> bool {
        self.room_wanted.load(Ordering::Relaxed)
    }

    /// Waits until an answer of [`due`](Self::due) may be earlier than the last one.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Until when this may go on, and what is over then.
    pub(super) fn due(&self, limits: &Limits, stopping: bool) -> (Instant, Reason) {
        let doing = self.lock();
        if let Some((_, oldest)) = doing.requests.first_key_value() {
            return (*oldest + limits.exchange, Reason::Exchange);
        }
        let idle = if stopping && doing.blocked_since.is_none() {
            IDLE_WHILE_STOPPING
        } else {
            limits.idle
        };
        let idle = (doing.waiting_since + idle, Reason::Idle);
        match doing.first_byte.map(|first| first + limits.header) {
            Some(header) if header < idle.0 => (header, Reason::Header),
            _ => idle,
        }
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for AwaitingBody {
    fn drop(&mut self) {
        self.activity.lock().awaiting_body -= 1;
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut doing = self.activity.lock();
        doing.requests.remove(&self.number);
        if doing.requests.is_empty() {
            doing.waiting_since = Instant::now();
            drop(doing);
            // The idle limit may be shorter than what was left for the exchange.
            self.activity.changed.notify_one();
        }
    }
}
