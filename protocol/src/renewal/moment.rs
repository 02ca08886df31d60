//! The time and the chance that a decision is told.

/// When something happened, and the dice of that moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// The wall clock, in Unix milliseconds. It may be wrong, and may be set.
    pub wall_ms: i64,
    /// Milliseconds since the page started. It never goes back, but may stand
    /// still while the machine sleeps.
    pub running_ms: u64,
    /// A random number, fresh for each event, for jitter.
    pub dice: u32,
}

impl Moment {
    /// The dice as a number from zero up to `limit`.
    pub(super) fn up_to(self, limit: u64) -> u64 {
        u64::try_from(u128::from(limit) * u128::from(self.dice) / u128::from(u32::MAX))
            .unwrap_or(limit)
    }
}
