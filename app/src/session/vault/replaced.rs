//! A session that a change of the password is about to end, as all tabs know it.
//!
//! The server ends the old session before the new one is here. A tab that makes a call in
//! between hears that its session is over, and would sign the person out and lose what was
//! typed. So the tab that changes the password notes that in local storage first, and the
//! others wait until the change is done, has failed, or its time is over.

use holdfast_protocol::renewal::Moment;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::local;

const REPLACED: &str = "holdfast.replaced";

/// A change of the password takes no longer than this: two minutes of repetitions, and the
/// sign-in that finds out. A tab that dies meanwhile lets the others wait for as long.
const LASTS_MS: i64 = 180_000;

/// The note of one tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(in crate::session) struct Replaced {
    session_id: Uuid,
    /// When it counts no more, by the wall clock that all tabs share.
    until_ms: i64,
    /// Tells the notes of two tabs apart.
    mark: u32,
}

impl Replaced {
    fn new(session_id: Uuid, at: Moment) -> Self {
        Self {
            session_id,
            until_ms: at.wall_ms.saturating_add(LASTS_MS),
            mark: at.dice,
        }
    }

    /// Whether it counts now. One from far in the future was written before the clock was
    /// set back, and would last too long.
    fn counts(&self, at: Moment) -> bool {
        let left = self.until_ms.saturating_sub(at.wall_ms);
        (1..=LASTS_MS).contains(&left)
    }
}

/// Notes that this session is about to be replaced. `None` if another tab does that
/// already, or if storage is full.
pub(super) fn note(session_id: Uuid, at: Moment) -> Option<Replaced> {
    if found(session_id, at).is_some() {
        return None;
    }
    let note = Replaced::new(session_id, at);
    local::set_json(REPLACED, &note).ok().map(|()| note)
}

/// The note about this session that counts now.
pub(super) fn found(session_id: Uuid, at: Moment) -> Option<Replaced> {
    let note: Option<Replaced> = local::get_json(REPLACED);
    note.filter(|note| note.session_id == session_id && note.counts(at))
}

/// Removes this very note.
pub(super) fn remove(note: Replaced) {
    if local::get_json::<Option<Replaced>>(REPLACED) == Some(note) {
        local::remove(REPLACED);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(wall_ms: i64) -> Moment {
        Moment {
            wall_ms,
            running_ms: 0,
            dice: 7,
        }
    }

    #[test]
    fn a_note_counts_for_three_minutes_whatever_the_clock_does() {
        let note = Replaced::new(Uuid::from_u128(1), at(1_000_000));
        for (now, counts) in [
            (1_000_000, true),
            (1_179_999, true),
            (1_180_000, false),
            (999_999, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(note.counts(at(now)), counts, "{now}");
        }
    }
}
