//! What one connection is doing, and how long it may go on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::http::Version;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::connection_limits::ConnectionLimits;

/// How long a connection without a request stays open while the server stops.
const IDLE_WHILE_STOPPING: Duration = Duration::from_secs(1);

/// The task that watches a connection does not look at it more often, unless it is woken. A limit of an
/// application may be zero, and the task would never rest.
const LOOKS_AGAIN: Duration = Duration::from_millis(100);

/// Why a connection was closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// The client closed it, or the last answer was sent.
    Finished,
    /// A header took too long.
    Header,
    /// It had no request for too long.
    Idle,
    /// The client did not take its answer.
    Write,
    /// A request and its answer took too long together.
    Exchange,
    /// It made room for a new connection.
    Room,
}

impl Reason {
    /// The reason as it is written in the metrics.
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

/// What one connection is doing. Its stream, its requests and the task that watches it
/// share this.
pub(super) struct Activity {
    doing: Mutex<Doing>,
    room_wanted: AtomicBool,
    /// Whether the connection must end even while the server works on a request.
    ends: AtomicBool,
    /// Wakes the task that watches the connection.
    changed: Notify,
}

struct Doing {
    /// The requests that are under way with their numbers, in the order in which they began. There are
    /// few, and the list keeps its memory, so a request allocates none.
    requests: Vec<(u64, Times)>,
    next: u64,
    waiting_since: Instant,
    /// When the first byte after the last request came, on a connection of HTTP/1.
    first_byte: Option<Instant>,
    /// The moment from which the client has not taken the written bytes.
    blocked_since: Option<Instant>,
    /// With HTTP/2, bytes between requests are not the beginning of a request.
    is_multiplexed: bool,
    /// What the task that watches the connection waits for.
    watched: Option<Watched>,
}

/// The moment for which the task that watches the connection waits, and how it was found.
#[derive(Clone, Copy)]
struct Watched {
    until: Instant,
    limits: ConnectionLimits,
    stopping: bool,
}

/// When a request that is under way did what.
struct Times {
    began: Instant,
    /// The moment from which the server waits for the client: for more of the body, or until the
    /// client takes the answer.
    waiting_since: Option<Instant>,
    /// When the client last took a piece of the answer. Before the first piece: when the answer
    /// began. `None` while the server makes the answer, or the next piece of it.
    taken_at: Option<Instant>,
}

/// A request that is under way, until the client has taken its answer.
pub(super) struct Exchange {
    activity: Arc<Activity>,
    number: u64,
}

/// A request that waits for more of its body.
pub(super) struct AwaitingBody {
    activity: Arc<Activity>,
    number: u64,
}

impl Activity {
    pub(super) fn new() -> Self {
        Self {
            doing: Mutex::new(Doing {
                requests: Vec::new(),
                next: 0,
                waiting_since: Instant::now(),
                first_byte: None,
                blocked_since: None,
                is_multiplexed: false,
                watched: None,
            }),
            room_wanted: AtomicBool::new(false),
            ends: AtomicBool::new(false),
            changed: Notify::new(),
        }
    }

    /// A request's header has arrived.
    pub(super) fn begin(activity: &Arc<Self>, version: Version) -> Exchange {
        let mut doing = activity.lock();
        let number = doing.next;
        doing.next += 1;
        let request = Times {
            began: Instant::now(),
            waiting_since: None,
            taken_at: None,
        };
        doing.requests.push((number, request));
        doing.first_byte = None;
        doing.is_multiplexed = version == Version::HTTP_2;
        // The limit of an exchange may be shorter than the others.
        activity.wake_if_earlier(doing);
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
            self.wake_if_earlier(doing);
        }
    }

    /// Notes whether the client takes the written bytes.
    pub(super) fn set_blocked(&self, blocked: bool) {
        let mut doing = self.lock();
        doing.blocked_since = blocked.then(Instant::now);
        self.wake_if_earlier(doing);
    }

    /// A request waits for more of its body, until the returned value is dropped.
    pub(super) fn await_body(activity: &Arc<Self>, number: u64) -> AwaitingBody {
        if let Some(request) = activity.lock().request(number) {
            // The wait counts from the beginning of the request. Otherwise a client that sends
            // single bytes would begin a new wait with each of them.
            request.waiting_since = Some(request.began);
        }
        AwaitingBody {
            activity: Arc::clone(activity),
            number,
        }
    }

    fn set_waiting(&self, number: u64, since: Option<Instant>) {
        if let Some(request) = self.lock().request(number) {
            request.waiting_since = since;
        }
    }

    /// The moment from which the server waits for the client: for a request, for the rest of a
    /// request, or until the client takes an answer. `None` while the server works on a request.
    pub(super) fn waiting_since(&self) -> Option<Instant> {
        let doing = self.lock();
        if doing.blocked_since.is_some() {
            return doing.blocked_since;
        }
        doing.waiting_since()
    }

    /// Tells the connection to make room for another.
    pub(super) fn make_room(&self) {
        self.room_wanted.store(true, Ordering::Relaxed);
        self.changed.notify_one();
    }

    /// Tells the connection to make room, although the server works on a request.
    pub(super) fn end(&self) {
        self.ends.store(true, Ordering::Relaxed);
        self.make_room();
    }

    /// Whether it was told to make room and has not refused.
    pub(super) fn room_is_wanted(&self) -> bool {
        self.room_wanted.load(Ordering::Relaxed)
    }

    /// Returns `true` if the connection closes now to make room. If the server now works on a
    /// request, the connection stays open, and it is not told to make room any more, except after
    /// [`end`](Self::end).
    pub(super) fn gives_way(&self) -> bool {
        if !self.room_is_wanted() {
            return false;
        }
        let gives_way = self.ends.load(Ordering::Relaxed) || self.waiting_since().is_some();
        self.room_wanted.store(gives_way, Ordering::Relaxed);
        gives_way
    }

    /// Waits until [`due`](Self::due) returns an earlier moment than [`watch`](Self::watch) has returned, or
    /// the connection has to make room.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Until when the connection may go on, and which limit ends it then.
    pub(super) fn due(&self, limits: &ConnectionLimits, stopping: bool) -> (Instant, Reason) {
        self.lock().due(limits, stopping)
    }

    /// The moment at which the task that watches the connection looks at it again. The task is the caller. It
    /// looks when the connection is due, and at the latest after the time of the shortest limit.
    ///
    /// So the limits of a request that begins later come after this moment, and the request does not wake the
    /// task. If the task waited for the idle limit, every request would wake it, because a header has less time.
    pub(super) fn watch(&self, limits: &ConnectionLimits, stopping: bool) -> Instant {
        let mut doing = self.lock();
        let (due, _) = doing.due(limits, stopping);
        let until = due.min(Instant::now() + limits.shortest().max(LOOKS_AGAIN));
        doing.watched = Some(Watched {
            until,
            limits: *limits,
            stopping,
        });
        until
    }

    /// Wakes the task that watches the connection if a limit now comes before the moment for which
    /// the task waits. If the limit comes later, the task learns it at that moment. So the requests
    /// of a busy connection hardly ever wake the task: a wake for each of them would cost as much as a
    /// small handler.
    fn wake_if_earlier(&self, doing: MutexGuard<'_, Doing>) {
        let is_earlier = doing
            .watched
            .is_some_and(|it| doing.due(&it.limits, it.stopping).0 < it.until);
        drop(doing);
        if is_earlier {
            self.changed.notify_one();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Doing> {
        self.doing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Doing {
    fn request(&mut self, number: u64) -> Option<&mut Times> {
        let mut requests = self.requests.iter_mut();
        requests.find_map(|(it, times)| (*it == number).then_some(times))
    }

    fn due(&self, limits: &ConnectionLimits, stopping: bool) -> (Instant, Reason) {
        if let Some((_, oldest)) = self.requests.first() {
            let exchange = (oldest.began + limits.exchange, Reason::Exchange);
            return match self.taken_at().map(|at| at + limits.write) {
                Some(write) if write < exchange.0 => (write, Reason::Write),
                _ => exchange,
            };
        }
        let idle = if stopping && self.blocked_since.is_none() {
            IDLE_WHILE_STOPPING
        } else {
            limits.idle
        };
        let idle = (self.waiting_since + idle, Reason::Idle);
        match self.first_byte.map(|first| first + limits.header) {
            Some(header) if header < idle.0 => (header, Reason::Header),
            _ => idle,
        }
    }

    fn waiting_since(&self) -> Option<Instant> {
        if self.requests.is_empty() {
            return Some(self.waiting_since);
        }
        // If the server works on one request, the connection stays: `None` is the smallest.
        let waiting = self.requests.iter().map(|(_, times)| times.waiting_since);
        waiting.min().flatten()
    }

    /// When the client last took a piece of any answer on a connection of HTTP/2. `None` if the
    /// server works on one of the requests. The limit is needed here only for HTTP/2: a client that
    /// opens no window does not make a write wait. With HTTP/1 the write waits, and `stream.rs`
    /// limits it.
    fn taken_at(&self) -> Option<Instant> {
        if !self.is_multiplexed {
            return None;
        }
        let taken = || self.requests.iter().map(|(_, times)| times.taken_at);
        let is_working = taken().any(|at| at.is_none());
        taken().max().flatten().filter(|_| !is_working)
    }
}

impl Exchange {
    /// The number of this request, for [`Activity::await_body`].
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Notes the moment from which the client has not taken the answer; `None` while the server
    /// makes it.
    pub(super) fn set_waiting(&self, since: Option<Instant>) {
        let mut doing = self.activity.lock();
        let is_multiplexed = doing.is_multiplexed;
        let Some(request) = doing.request(self.number) else {
            return;
        };
        request.waiting_since = since;
        if is_multiplexed {
            request.taken_at = since.map(|_| Instant::now());
            self.activity.wake_if_earlier(doing);
        }
    }
}

impl Drop for AwaitingBody {
    fn drop(&mut self) {
        self.activity.set_waiting(self.number, None);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        let mut doing = self.activity.lock();
        doing.requests.retain(|(number, _)| *number != self.number);
        if doing.requests.is_empty() {
            doing.waiting_since = Instant::now();
        }
        // The idle limit, or the limit of the next request, may come before the moment at which the
        // limit of this request would have come.
        self.activity.wake_if_earlier(doing);
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    /// Whether the task that watches the connection was woken, and looks again.
    fn is_woken(activity: &Activity, limits: &ConnectionLimits) -> bool {
        let is_woken = activity.changed().now_or_never().is_some();
        if is_woken {
            activity.watch(limits, false);
        }
        is_woken
    }

    #[tokio::test]
    async fn requests_do_not_wake_the_task_that_watches() {
        let limits = ConnectionLimits::default();
        let activity = Arc::new(Activity::new());
        for looks in [false, true] {
            activity.watch(&limits, false);
            for _ in 0..100 {
                activity.bytes_arrived();
                let exchange = Activity::begin(&activity, Version::HTTP_11);
                if looks {
                    // Something else has woken it in the middle of a request.
                    activity.watch(&limits, false);
                }
                exchange.set_waiting(Some(Instant::now()));
                drop(exchange);
                assert!(!is_woken(&activity, &limits), "looks: {looks}");
            }
        }
    }

    #[tokio::test]
    async fn the_task_looks_again_before_any_later_limit_can_end_the_connection() {
        let limits = ConnectionLimits::default();
        let activity = Arc::new(Activity::new());
        let looks_again = activity.watch(&limits, false);
        assert_eq!(activity.due(&limits, false).1, Reason::Idle);
        activity.bytes_arrived();
        let (due, reason) = activity.due(&limits, false);
        assert_eq!(reason, Reason::Header);
        assert!(looks_again <= due);
        let _exchange = Activity::begin(&activity, Version::HTTP_11);
        let (due, reason) = activity.due(&limits, false);
        assert_eq!(reason, Reason::Exchange);
        assert!(looks_again <= due);
    }

    #[tokio::test]
    async fn an_answer_that_waited_behind_another_request_wakes_the_task() {
        let limits = ConnectionLimits {
            write: Duration::from_secs(1),
            ..ConnectionLimits::default()
        };
        let activity = Arc::new(Activity::new());
        let waits = Activity::begin(&activity, Version::HTTP_2);
        let works = Activity::begin(&activity, Version::HTTP_2);
        waits.set_waiting(Some(Instant::now()));
        // The server works on the other request, so the write limit does not count yet.
        tokio::time::sleep(Duration::from_millis(5)).await;
        activity.watch(&limits, false);
        drop(works);
        assert!(is_woken(&activity, &limits));
        assert_eq!(activity.due(&limits, false).1, Reason::Write);
    }

    #[tokio::test]
    async fn a_short_limit_of_an_exchange_counts_from_its_first_request() {
        let limits = ConnectionLimits {
            exchange: Duration::from_secs(1),
            ..ConnectionLimits::default()
        };
        let activity = Arc::new(Activity::new());
        let looks_again = activity.watch(&limits, false);
        let _exchange = Activity::begin(&activity, Version::HTTP_11);
        let (due, reason) = activity.due(&limits, false);
        assert_eq!(reason, Reason::Exchange);
        assert!(looks_again <= due);
    }

    #[tokio::test]
    async fn with_http2_the_write_limit_comes_before_that_of_the_exchange() {
        let limits = ConnectionLimits::default();
        let activity = Arc::new(Activity::new());
        let exchange = Activity::begin(&activity, Version::HTTP_2);
        exchange.set_waiting(Some(Instant::now()));
        assert_eq!(activity.due(&limits, false).1, Reason::Write);
    }
}
