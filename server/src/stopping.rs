//! That the server was told to stop, and what still has to be finished.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether one instance is stopping, and the work that goes on after its answer was
/// given up. Clones share it.
#[derive(Clone, Debug)]
pub struct Stopping {
    told: Arc<AtomicBool>,
    work: watch::Sender<()>,
}

/// A piece of work that a stopping server waits for, until this is dropped.
#[derive(Debug)]
pub struct UnderWay(#[expect(dead_code, reason = "held, not read")] watch::Receiver<()>);

impl Default for Stopping {
    fn default() -> Self {
        Self {
            told: Arc::default(),
            work: watch::channel(()).0,
        }
    }
}

impl Stopping {
    /// The server was told to stop. It is not ready any more, so that balancers send no
    /// new requests; it answers those that come.
    pub fn tell(&self) {
        self.told.store(true, Ordering::Relaxed);
    }

    /// Whether it was.
    pub fn is_told(&self) -> bool {
        self.told.load(Ordering::Relaxed)
    }

    /// Says that work is under way which must not be broken off.
    pub fn under_way(&self) -> UnderWay {
        UnderWay(self.work.subscribe())
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
    async fn work_is_waited_for() {
        let stopping = Stopping::default();
        stopping.finished().await;
        let (one, two) = (stopping.under_way(), stopping.clone().under_way());
        drop(one);
        assert_eq!(stopping.finished().now_or_never(), None);
        drop(two);
        stopping.finished().await;
    }
}
