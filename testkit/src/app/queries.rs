//! Counts the statements that the service sends to the database.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::DefaultGuard;
use tracing::{Dispatch, Event, Metadata, Subscriber};

/// Counts the statements of the thread that has called [`start`](Self::start), until it is dropped.
/// The tests that use it run on one thread.
pub struct QueryCount {
    count: Arc<AtomicUsize>,
    _guard: DefaultGuard,
}

impl QueryCount {
    /// Begins to count.
    pub fn start() -> Self {
        keep_two_subscribers();
        let count = Arc::new(AtomicUsize::new(0));
        let guard = tracing::subscriber::set_default(Counter(Arc::clone(&count)));
        Self {
            count,
            _guard: guard,
        }
    }

    /// How many statements there were.
    pub fn so_far(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// Keeps two subscribers until the process ends. With fewer, `tracing` asks the thread that comes to a
/// log line first whether the line is wanted, and remembers the answer for all threads. If that
/// thread has no subscriber, no thread would count the statements.
fn keep_two_subscribers() {
    static KEPT: OnceLock<[Dispatch; 2]> = OnceLock::new();
    KEPT.get_or_init(|| [(); 2].map(|()| Dispatch::new(Counter(Arc::default()))));
}

struct Counter(Arc<AtomicUsize>);

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}
