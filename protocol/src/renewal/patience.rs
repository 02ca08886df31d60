//! How long to wait before something is tried again.

use super::moment::Moment;

/// A conflict is not final before the record has stood still for this long.
pub const CONFLICT_PATIENCE_MS: u64 = 60_000;

/// A conflict is not final before this many attempts met one.
pub const CONFLICT_ATTEMPTS: u32 = 3;

/// A `Retry-After` beyond this is not honoured: no answer stalls a tab for a day.
pub const LONGEST_RETRY_AFTER_S: u32 = 120;

/// The longest pause between two attempts while the server cannot be reached.
pub(super) const LONGEST_PAUSE_MS: u64 = 60_000;

/// The longest pause between two attempts that meet a conflict. Short enough that
/// a theft is noticed within about a minute.
pub(super) const LONGEST_CONFLICT_PAUSE_MS: u64 = 15_000;

/// The longest pause between two attempts to end a session on the server, so that it
/// ends within a minute of the server's return.
pub(super) const LONGEST_LEAVING_PAUSE_MS: u64 = 30_000;

/// The pause after a refresh that brought an access token which is over already.
pub(super) const FRUITLESS_PAUSE_MS: u64 = 1000;

/// The shortest pause of all, so that a dice of zero is not a busy loop.
const SHORTEST_PAUSE_MS: u64 = 250;

/// A renewal that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pause {
    /// Consecutive attempts that failed.
    pub(super) failures: u32,
    /// How many of them met a conflict, …
    pub(super) conflicts: u32,
    /// … and when the first one did.
    pub(super) first_conflict_ms: u64,
    /// The last one met a conflict.
    pub(super) in_conflict: bool,
    /// When to try again.
    pub(super) until_ms: u64,
    /// Not before this, whatever happens: the server asked for it.
    pub(super) not_before_ms: u64,
}

impl Pause {
    /// Notes a failed attempt and when the next one may be: full jitter below a
    /// limit that doubles, and never before the server's `Retry-After`.
    pub(super) fn lengthen(&mut self, retry_after: Option<u32>, limit: u64, at: Moment) {
        let seconds = retry_after.unwrap_or(0).min(LONGEST_RETRY_AFTER_S);
        self.not_before_ms = at.running_ms + u64::from(seconds) * 1000;
        let jitter = pause_ms(self.failures, limit, at);
        self.until_ms = (at.running_ms + jitter).max(self.not_before_ms);
        self.failures = self.failures.saturating_add(1);
    }

    /// Notes that an attempt met a conflict, and says whether that is now final.
    pub(super) fn meets_conflict(&mut self, at: Moment) -> bool {
        if self.conflicts == 0 {
            self.first_conflict_ms = at.running_ms;
        }
        self.conflicts += 1;
        self.in_conflict = true;
        let stood_still = at.running_ms.saturating_sub(self.first_conflict_ms);
        self.conflicts >= CONFLICT_ATTEMPTS && stood_still >= CONFLICT_PATIENCE_MS
    }
}

/// Full jitter: anything from nothing to one second, doubled with each failure.
pub(super) fn pause_ms(failures: u32, limit: u64, at: Moment) -> u64 {
    let ceiling = 1000_u64.saturating_mul(1 << failures.min(16)).min(limit);
    at.up_to(ceiling).max(SHORTEST_PAUSE_MS)
}

/// Sessions that the server has yet to end, and when it is told next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Leaving {
    /// There are none.
    #[default]
    Nothing,
    /// The logouts are on their way.
    Sending {
        /// How often in a row that failed before.
        failures: u32,
        /// More were found meanwhile.
        again: bool,
    },
    /// The server did not take them.
    Waiting {
        /// How often in a row.
        failures: u32,
        /// When to try again.
        until_ms: u64,
    },
}

impl Leaving {
    /// Begins to send, and says whether it is this tab's turn to.
    pub(super) fn begin(&mut self) -> bool {
        match *self {
            Self::Sending { failures, .. } => {
                *self = Self::Sending {
                    failures,
                    again: true,
                };
                false
            }
            Self::Waiting { failures, .. } => {
                *self = Self::Sending {
                    failures,
                    again: false,
                };
                true
            }
            Self::Nothing => {
                *self = Self::Sending {
                    failures: 0,
                    again: false,
                };
                true
            }
        }
    }

    /// Takes in how it went, and says whether to send once more at once.
    pub(super) fn sent(&mut self, all: bool, at: Moment) -> bool {
        let (failures, again) = match *self {
            Self::Sending { failures, again } => (failures, again),
            Self::Nothing | Self::Waiting { .. } => (0, false),
        };
        if all {
            *self = Self::Nothing;
            return again && self.begin();
        }
        *self = Self::Waiting {
            failures: failures.saturating_add(1),
            until_ms: at.running_ms + 500 + pause_ms(failures, LONGEST_LEAVING_PAUSE_MS - 500, at),
        };
        false
    }

    /// Whether the server did not take them before, and has not since.
    pub(super) fn has_failed(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Sending { failures, .. } => failures > 0,
            Self::Waiting { .. } => true,
        }
    }

    /// When to try again without being asked.
    pub(super) fn until_ms(self) -> Option<u64> {
        match self {
            Self::Waiting { until_ms, .. } => Some(until_ms),
            Self::Nothing | Self::Sending { .. } => None,
        }
    }
}
