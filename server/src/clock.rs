//! The server's one clock.
//!
//! It dates access tokens and picks the signing keys. Whether a session is over is
//! decided by the database's clock alone, so that instances cannot disagree.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time. Tests move it by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// Seconds that a test has put the clock forward; negative is back.
    moved: Arc<AtomicI64>,
}

impl Clock {
    /// The system's clock.
    pub fn system() -> Self {
        Self::default()
    }

    /// Unix time in microseconds.
    #[expect(clippy::disallowed_methods, reason = "this is the one clock")]
    pub fn now_micros(&self) -> u64 {
        let since_epoch = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let moved = self.moved.load(Ordering::Relaxed).saturating_mul(1_000_000);
        u64::try_from(since_epoch.as_micros())
            .unwrap_or(u64::MAX)
            .saturating_add_signed(moved)
    }

    /// Unix time in seconds.
    pub fn now(&self) -> u64 {
        self.now_micros() / 1_000_000
    }

    /// Puts this clock, and every clone of it, forward.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.moved.fetch_add(seconds, Ordering::Relaxed);
    }
}
