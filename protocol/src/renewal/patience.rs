//! How long to wait before something is tried again.

use super::moment::Moment;

/// A conflict is not final before the record has stayed the same for this long.
pub const CONFLICT_PATIENCE_MS: u64 = 60_000;

/// A conflict is not final before this many attempts got a conflict.
pub const CONFLICT_ATTEMPTS: u32 = 3;

/// A longer `Retry-After` is shortened to this, so that no answer stops a tab for a day.
pub const LONGEST_RETRY_AFTER_S: u32 = 120;

/// The longest pause between two attempts while the server cannot be reached.
pub(super) const LONGEST_PAUSE_MS: u64 = 60_000;

/// The longest pause between two attempts that get a conflict. It is short enough that a theft
/// is noticed within about a minute.
pub(super) const LONGEST_CONFLICT_PAUSE_MS: u64 = 15_000;

/// The longest pause between two attempts to end a session on the server, so that it
/// ends within a minute of the server's return.
pub(super) const LONGEST_LEAVING_PAUSE_MS: u64 = 30_000;

/// The pause after a refresh whose new access token has already expired.
pub(super) const FRUITLESS_PAUSE_MS: u64 = 1000;

/// The shortest pause, so that a random number of zero does not cause a busy loop.
const SHORTEST_PAUSE_MS: u64 = 250;

/// A renewal that has to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Pause {
    /// Consecutive attempts that failed.
    pub(super) failures: u32,
    /// How many of these attempts got a conflict.
    pub(super) conflicts: u32,
    /// When the first of them got a conflict, on the running clock.
    pub(super) first_conflict_ms: u64,
    /// Whether the last attempt got a conflict.
    pub(super) in_conflict: bool,
    /// When to try again.
    pub(super) until_ms: u64,
    /// Never try before this, because the server asked for it.
    pub(super) not_before_ms: u64,
}

impl Pause {
    /// Notes a failed attempt and the time of the next one: full jitter below a limit that
    /// doubles, and never before the server's `Retry-After`.
    pub(super) fn lengthen(&mut self, retry_after: Option<u32>, limit: u64, at: Moment) {
        let seconds = retry_after.unwrap_or(0).min(LONGEST_RETRY_AFTER_S);
        self.not_before_ms = at.running_ms + u64::from(seconds) * 1000;
        let jitter = pause_ms(self.failures, limit, at);
        self.until_ms = (at.running_ms + jitter).max(self.not_before_ms);
        self.failures = self.failures.saturating_add(1);
    }

    /// Notes that an attempt got a conflict, and says whether the conflict is final now.
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

/// Full jitter: a random time from zero to one second; the limit doubles with each failure.
pub(super) fn pause_ms(failures: u32, limit: u64, at: Moment) -> u64 {
    let ceiling = 1000_u64.saturating_mul(1 << failures.min(16)).min(limit);
    at.up_to(ceiling).max(SHORTEST_PAUSE_MS)
}

/// The sessions that the server still has to end, and when their logouts are sent next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Leaving {
    /// There are none.
    #[default]
    Nothing,
    /// The logouts are under way.
    Sending {
        /// How often in a row this failed before.
        failures: u32,
        /// Whether more were found meanwhile.
        again: bool,
    },
    /// The server did not accept them.
    Waiting {
        /// How often in a row.
        failures: u32,
        /// When to try again.
        until_ms: u64,
    },
}

impl Leaving {
    /// Begins to send, and says whether the tab has to send now.
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

    /// Takes the result, and says whether to send once more at once.
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

    /// Whether the server has refused them, and has not accepted them since.
    pub(super) fn has_failed(self) -> bool {
        match self {
            Self::Nothing => false,
            Self::Sending { failures, .. } => failures > 0,
            Self::Waiting { .. } => true,
        }
    }

    /// When to try again by itself.
    pub(super) fn until_ms(self) -> Option<u64> {
        match self {
            Self::Waiting { until_ms, .. } => Some(until_ms),
            Self::Nothing | Self::Sending { .. } => None,
        }
    }
}
