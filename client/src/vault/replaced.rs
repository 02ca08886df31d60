//! The notes of all tabs about the accounts whose sessions a change of the password will end. See
//! [`ReplacedNote`]. They are in local storage, one entry for each tab.

use holdfast_protocol::renewal::{Moment, ReplacedNote};
use uuid::Uuid;

use super::local;
use crate::names;

/// Notes that the tab with this mark will replace the session of this account. A full storage stores
/// no note. Then the other tabs do not know of the change.
pub(super) fn write(account_id: Uuid, mark: u32, at: Moment) {
    let _ = local::set_json(&key(mark), &ReplacedNote::new(account_id, mark, at));
}

/// Removes the note of the tab with this mark.
pub(super) fn remove(mark: u32) {
    local::remove(&key(mark));
}

/// Whether another tab than the one with this mark will replace the session of this account.
pub(super) fn is_noted(account_id: Uuid, own_mark: Option<u32>, at: Moment) -> bool {
    ReplacedNote::is_among(&all(at), account_id, own_mark, at)
}

/// The notes that count. The others are removed: a note from the future would count later.
fn all(at: Moment) -> Vec<ReplacedNote> {
    let keys = local::keys_with(&names::REPLACED.full()).into_iter();
    let notes = keys.filter_map(|key| local::get_json::<Option<ReplacedNote>>(&key));
    let (counting, others): (Vec<_>, Vec<_>) = notes.partition(|note| note.counts(at));
    for note in others {
        remove(note.mark());
    }
    counting
}

fn key(mark: u32) -> String {
    format!("{}{mark}", names::REPLACED.full())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tab_has_a_note_of_its_own() {
        assert_ne!(key(1), key(2));
        assert!(key(1).starts_with(&names::REPLACED.full()));
    }
}
