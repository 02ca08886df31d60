//! Notes about the accounts whose sessions a change of the password will end.
//!
//! The server ends the old session before the new one has arrived. A tab that makes a call meanwhile
//! gets the answer that its session is over. It would sign the person out and lose the typed text. So
//! the tab that changes the password first writes a note for all tabs, and the other tabs wait until
//! the change is done, has failed, or its note does not count any more. The note names the account,
//! because the server ends all sessions of the account, also a session that another tab is just
//! opening.
//!
//! Each tab writes a note of its own, so that the note of a dead tab does not block another tab. A tab
//! renews its note while it lives, and removes it when its page is closed or loaded again. So a change
//! may take any time, and a tab that was killed makes the others wait for at most a minute and a half.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::moment::Moment;

/// How often a tab renews its note.
pub const NOTE_RENEWED_EVERY_MS: u32 = 15_000;

/// How long a note counts. Browsers run the timers of a hidden page only once a minute, so this must
/// be longer.
const LASTS_MS: i64 = 90_000;

/// The note of one tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplacedNote {
    account_id: Uuid,
    /// Until when the note counts, by the wall clock that all tabs share.
    until_ms: i64,
    /// Distinguishes the notes of two tabs.
    mark: u32,
}

impl ReplacedNote {
    /// The tab with this mark will replace the session of this account, or is still replacing it.
    pub fn new(account_id: Uuid, mark: u32, at: Moment) -> Self {
        Self {
            account_id,
            until_ms: at.wall_ms.saturating_add(LASTS_MS),
            mark,
        }
    }

    /// The tab that has written it.
    pub fn mark(&self) -> u32 {
        self.mark
    }

    /// Whether it counts now. A note from far in the future was written before the clock was set
    /// back, and would last too long.
    pub fn counts(&self, at: Moment) -> bool {
        let left = self.until_ms.saturating_sub(at.wall_ms);
        (1..=LASTS_MS).contains(&left)
    }

    /// Whether another tab than the one with this mark will replace the session of this account.
    pub fn is_among(notes: &[Self], account_id: Uuid, own_mark: Option<u32>, at: Moment) -> bool {
        notes.iter().any(|note| {
            note.account_id == account_id && Some(note.mark) != own_mark && note.counts(at)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn at(wall_ms: i64) -> Moment {
        Moment {
            wall_ms,
            running_ms: 0,
            jitter: 7,
        }
    }

    #[test]
    fn a_note_counts_for_a_minute_and_a_half_whatever_the_clock_does() {
        let note = ReplacedNote::new(ACCOUNT, 1, at(1_000_000));
        for (now, counts) in [
            (1_000_000, true),
            (1_089_999, true),
            (1_090_000, false),
            (999_999, false),
            (i64::MIN, false),
            (i64::MAX, false),
        ] {
            assert_eq!(note.counts(at(now)), counts, "{now}");
        }
    }

    #[test]
    fn a_note_that_is_renewed_outlasts_the_longest_change_also_out_of_sight() {
        // Two minutes of repetitions, a last one, and the sign-in that finds out.
        const LONGEST_CHANGE_MS: i64 = 300_000;
        const RARELY_MS: i64 = 60_000;
        for rhythm in [i64::from(NOTE_RENEWED_EVERY_MS), RARELY_MS] {
            let mut note = ReplacedNote::new(ACCOUNT, 1, at(0));
            for now in 0..=LONGEST_CHANGE_MS / 1000 {
                let now = at(now * 1000);
                assert!(note.counts(now), "{rhythm} {now:?}");
                if now.wall_ms % rhythm == 0 {
                    note = ReplacedNote::new(ACCOUNT, 1, now);
                }
            }
        }
    }

    #[test]
    fn a_tab_waits_for_the_notes_of_others_about_its_own_account() {
        let now = at(1_000_000);
        let own = ReplacedNote::new(ACCOUNT, 1, now);
        let others = ReplacedNote::new(ACCOUNT, 2, now);
        let of_another_account = ReplacedNote::new(OTHER, 3, now);
        let of_a_dead_tab = ReplacedNote::new(ACCOUNT, 4, at(1_000_000 - LASTS_MS));
        for (notes, is_noted) in [
            (vec![], false),
            (vec![own], false),
            (vec![of_another_account], false),
            (vec![of_a_dead_tab], false),
            (vec![others], true),
            // The note of a dead tab hides no other note.
            (vec![of_a_dead_tab, own, others], true),
        ] {
            assert_eq!(
                ReplacedNote::is_among(&notes, ACCOUNT, Some(1), now),
                is_noted,
                "{notes:?}"
            );
        }
        assert!(ReplacedNote::is_among(&[own], ACCOUNT, None, now));
    }
}
