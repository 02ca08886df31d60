//! The record of a tab, with the age of its access token.

use super::moment::Moment;
use super::record::Record;

/// How far the wall clock may go back between two readings and still be trusted. Clocks are
/// often corrected by seconds.
const CLOCK_SLACK_MS: i64 = 10_000;

/// The record of this tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Held {
    pub(super) record: Record,
    /// The age of the access token when this tab took over the record, as far as the tab can know.
    age_ms: u64,
    /// When this tab took over the record, on the running clock.
    since_ms: u64,
    /// The age at which a visible tab renews by itself.
    renew_at_age_ms: u64,
    /// The server has refused this access token.
    pub(super) refused: bool,
}

impl Held {
    pub(super) fn new(record: Record, at: Moment) -> Self {
        let lifetime = lifetime_ms(&record);
        let elapsed = at.wall_ms.saturating_sub(record.obtained_at);
        // The token is from the future: the clock was set back, and the age is not known.
        let age_ms = match u64::try_from(elapsed) {
            Ok(age) => age,
            Err(_) if elapsed >= -CLOCK_SLACK_MS => 0,
            Err(_) => lifetime,
        };
        let renew_at_age_ms = if lasts_to_the_end(&record) {
            // A renewal would have no effect now. After the end it brings the reason.
            lifetime
        } else {
            // At 80 to 90 per cent of the lifetime, so that not all tabs renew at once.
            lifetime / 10 * 8 + at.up_to(lifetime / 10)
        };
        Self {
            record,
            age_ms,
            since_ms: at.running_ms,
            renew_at_age_ms,
            refused: false,
        }
    }

    /// The age of the access token. The running clock may have stopped while the machine slept,
    /// so the wall clock is used as well. The larger age counts.
    fn age(&self, at: Moment) -> u64 {
        let running = self.age_ms + at.running_ms.saturating_sub(self.since_ms);
        let wall = at.wall_ms.saturating_sub(self.record.obtained_at);
        running.max(u64::try_from(wall).unwrap_or(0))
    }

    /// Whether the access token is too old to be sent. The answer is `true` a little before the
    /// token expires, so that it does not expire while the request travels.
    pub(super) fn is_over(&self, at: Moment) -> bool {
        let lifetime = lifetime_ms(&self.record);
        let margin = if lasts_to_the_end(&self.record) {
            0
        } else {
            (lifetime / 20).min(5000)
        };
        self.refused || self.age(at) + margin >= lifetime
    }

    /// Whether the session is over by its own limits, without an answer of the server.
    pub(super) fn has_expired(&self, at: Moment) -> bool {
        let record = &self.record;
        let seconds = record
            .refresh_expires_in
            .min(record.refresh_idle_expires_in);
        self.age(at) >= seconds.saturating_mul(1000)
    }

    pub(super) fn is_due(&self, at: Moment) -> bool {
        self.due_in(at) == 0
    }

    /// Milliseconds until a visible tab renews by itself.
    pub(super) fn due_in(&self, at: Moment) -> u64 {
        if self.is_over(at) {
            return 0;
        }
        self.renew_at_age_ms.saturating_sub(self.age(at))
    }
}

/// Whether the access token is valid as long as its session. Both times are whole seconds from
/// the same moment, and each may be rounded.
fn lasts_to_the_end(record: &Record) -> bool {
    record.expires_in + 1 >= record.refresh_expires_in
}

/// How long the access token is valid. In the last second of a session the server answers zero
/// seconds, and the token is valid until that second is over.
fn lifetime_ms(record: &Record) -> u64 {
    record.expires_in.max(1).saturating_mul(1000)
}
