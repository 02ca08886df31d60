//! The server's only clock.
//!
//! It dates access tokens and picks the signing keys. Only the database's clock decides
//! whether a session is over, so that instances cannot disagree.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Tells the time. Tests move it by hand.
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// How many seconds a test has put the clock forward; negative is back.
    moved: Arc<AtomicI64>,
    /// The moment of the last id, in 1/4096 of a millisecond.
    last_id: Arc<AtomicU64>,
}

/// How much the moment of an id may be ahead of the clock, in 1/4096 of a millisecond. If
/// the clock was set back by more than this (a second), ids follow the clock.
const AHEAD: u64 = 1000 << 12;

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

    /// A moment for a new id, in 1/4096 of a millisecond of Unix time. Each moment is later
    /// than the one before. So if two ids are made at the same instant, the second is the
    /// greater.
    pub(crate) fn id_moment(&self) -> u64 {
        let micros = self.now_micros();
        let now = (micros / 1000) << 12 | (micros % 1000 * 4096 / 1000);
        let after = |last: u64| {
            if last < now.saturating_add(AHEAD) {
                now.max(last + 1)
            } else {
                now
            }
        };
        let relaxed = Ordering::Relaxed;
        let last = self
            .last_id
            .fetch_update(relaxed, relaxed, |last| Some(after(last)));
        after(last.unwrap_or_default())
    }

    /// Puts this clock, and every clone of it, forward.
    pub fn advance(&self, by: Duration) {
        let seconds = i64::try_from(by.as_secs()).unwrap_or(i64::MAX);
        self.moved.fetch_add(seconds, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_moment_of_an_id_is_later_unless_the_clock_was_set_back() {
        let clock = Clock::system();
        let moments: Vec<_> = (0..10_000).map(|_| clock.id_moment()).collect();
        assert!(moments.is_sorted_by(|one, next| one < next));
        clock.moved.fetch_sub(60, Ordering::Relaxed);
        let set_back = clock.id_moment();
        assert!(set_back < moments[0]);
        assert!(set_back < clock.id_moment());
    }
}
