//! What a page knows of the places that it has used, to notice that their data were deleted.
//!
//! A browser does not delete the database and local storage in one instant. A page that is awake
//! meanwhile finds one of them empty, and would fill it from the other one. The person who has deleted
//! everything would still be signed in. So the database has a random id from its birth. If a page has
//! used a database with another id, the data were deleted, and a copy from before does not count.

use std::cell::{Cell, RefCell};

use holdfast_protocol::renewal::{Reading, Stored};

use super::local;

/// The places that this page has used.
#[derive(Default)]
pub(super) struct Used {
    /// The id of the database.
    birth: RefCell<Option<String>>,
    /// Whether this page has stored something in local storage without the database.
    has_local: Cell<bool>,
}

impl Used {
    /// Notes that the page has used the database with this id.
    pub(super) fn note_database(&self, birth: String) {
        *self.birth.borrow_mut() = Some(birth);
    }

    /// Notes that local storage has this state, and is the only place.
    pub(super) fn note_local_storage(&self, stored: &Stored) {
        self.has_local.set(*stored != Stored::default());
    }

    /// Whether the page has used the database. Other pages probably use it.
    pub(super) fn has_database(&self) -> bool {
        self.birth.borrow().is_some()
    }

    /// Returns `true` if this copy in local storage belongs to data that were deleted: it was left
    /// over, or another tab has written it again. `birth` is the id of the database, which has no
    /// state.
    pub(super) fn is_remnant(
        &self,
        copy: Option<&Reading>,
        birth: Option<&str>,
        held: &Stored,
    ) -> bool {
        let known = self.birth.borrow();
        let was_deleted = known.is_some() && known.as_deref() != birth;
        let life = held.era().life;
        let is_of_this_life = |reading: &Reading| match reading {
            Reading::Stored(copy) => copy.era().life == life && !life.is_nil(),
            Reading::Later | Reading::Unreadable => false,
        };
        was_deleted && copy.is_some_and(is_of_this_life)
    }

    /// Whether local storage, which has this state, was deleted. This only counts in a browser
    /// without the database: pages with a database remove their copy if storage is full.
    pub(super) fn is_deleted(&self, stored: &Stored) -> bool {
        let is_empty = *stored == Stored::default();
        is_empty && self.has_local.get() && !self.has_database() && local::is_usable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn in_life(life: u128) -> Stored {
        let text = format!(
            r#"{{"version":2,"epoch":3,"life":"{}"}}"#,
            uuid::Uuid::from_u128(life)
        );
        match Stored::read(&text) {
            Reading::Stored(stored) => stored,
            reading => panic!("{reading:?}"),
        }
    }

    #[test]
    fn a_copy_of_the_deleted_life_is_a_remnant_and_no_other_copy_is() {
        let page = Used::default();
        let is_remnant = |page: &Used, copy: u128, birth: Option<&str>| {
            let copy = Reading::Stored(in_life(copy));
            page.is_remnant(Some(&copy), birth, &in_life(1))
        };
        // The page has just started, and perhaps there is only the copy.
        assert!(!is_remnant(&page, 1, None));
        page.note_database("first".to_owned());
        assert!(!is_remnant(&page, 1, Some("first")));
        assert!(is_remnant(&page, 1, None));
        assert!(is_remnant(&page, 1, Some("second")));
        // A person has signed in since, in a page without the database.
        assert!(!is_remnant(&page, 2, Some("second")));
        assert!(!page.is_remnant(None, None, &in_life(1)));
        // The page has seen it.
        page.note_database("second".to_owned());
        assert!(!is_remnant(&page, 1, Some("second")));
    }
}
