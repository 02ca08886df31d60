//! The time and the random number of a decision.

/// When something happened, and a random number for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, in Unix milliseconds. It may be wrong, and may be set.
    pub wall_ms: i64,
    /// Milliseconds since the page started. This never goes back, but may stop while the machine
    /// sleeps.
    pub running_ms: u64,
    /// A random number for jitter, new for each event.
    pub jitter: u32,
}

impl Moment {
    /// The random number, scaled to zero up to `limit`.
    pub(super) fn up_to(self, limit: u64) -> u64 {
        u64::try_from(u128::from(limit) * u128::from(self.jitter) / u128::from(u32::MAX))
            .unwrap_or(limit)
    }
}
