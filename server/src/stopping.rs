//! Whether the server was told to stop, and which work still has to be finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether an instance is stopping, and the work that goes on after its client has gone.
/// Clones share it.
#[derive(Clone, Debug)]
pub struct Stopping {
    told: Arc<AtomicBool>,
    work: watch::Sender<()>,
}

/// A piece of work that a stopping server waits for, until this is dropped.
#[derive(Debug)]
pub struct Work(#[expect(dead_code, reason = "held, not read")] watch::Receiver<()>);

impl Default for Stopping {
    fn default() -> Self {
        Self {
            told: Arc::default(),
            work: watch::channel(()).0,
        }
    }
}

impl Stopping {
    /// Notes that the server was told to stop. It is not ready any more, so that balancers
    /// send no new requests, but it answers every request that comes.
    pub fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// Whether the server was told to stop.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Marks work as under way, until the result is dropped. A stopping server does not
    /// break off such work.
    pub fn under_way(&self) -> Work {
        Work(self.work.subscribe())
    }

    /// Waits until no such work is under way.
    pub async fn finished(&self) {
        self.work.closed().await;
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_stopping_server_waits_for_work() {
        let stopping = Stopping::default();
        stopping.finished().await;
        let (one, two) = (stopping.under_way(), stopping.clone().under_way());
        drop(one);
        assert_eq!(stopping.finished().now_or_never(), None);
        drop(two);
        stopping.finished().await;
    }
}
