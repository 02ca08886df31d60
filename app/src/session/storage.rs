//! What the browser keeps: the record, and sign-outs that the server has yet to
//! hear of.
//!
//! DESIGN keeps tokens in local storage by decision; the threat model says what
//! that costs. Nothing else in the client writes a token anywhere.
//!
//! Local storage may be denied or full. Then the record lives in this tab's memory,
//! and the person is told.

use std::cell::RefCell;

use gloo_storage::errors::StorageError;
use gloo_storage::{LocalStorage, Storage as _};
use holdfast_protocol::renewal::{Ending, RECORD_VERSION, Record};
use holdfast_protocol::secret::Secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The record's key. `shell.rs` looks for it before the page is drawn.
pub(crate) const RECORD: &str = "holdfast.session";

/// Why the last session ended, so that the other tabs can say it.
const ENDING: &str = "holdfast.ending";

/// Refresh tokens that are good for nothing but a logout.
const LEAVING: &str = "holdfast.leaving";

/// More sign-outs than this are not kept; the oldest then lives until it expires.
const MOST_LEAVING: usize = 8;

/// Storage would not take it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Refused;

/// The record and where it is kept.
pub(super) struct Storage {
    /// `Some` once local storage has turned out to be unusable.
    memory: RefCell<Option<Memory>>,
}

#[derive(Default)]
struct Memory {
    record: Option<Record>,
    leaving: Vec<Secret>,
}

#[derive(Serialize, Deserialize)]
struct StoredEnding {
    session_id: Uuid,
    why: Ending,
}

#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Storage {
    /// Local storage if it can be used, else memory.
    pub(super) fn open() -> Self {
        let memory = (!is_usable()).then(Memory::default);
        Self {
            memory: RefCell::new(memory),
        }
    }

    /// Whether the record is this tab's alone.
    pub(super) fn is_memory(&self) -> bool {
        self.memory.borrow().is_some()
    }

    /// From now on the record is this tab's alone. What local storage holds of it
    /// is removed first: it would be a spent token by the next renewal.
    pub(super) fn go_memory(&self, record: Option<Record>) {
        let leaving = self.leaving();
        if !self.is_memory() {
            LocalStorage::delete(RECORD);
        }
        *self.memory.borrow_mut() = Some(Memory { record, leaving });
    }

    /// The record. One of a later version is somebody else's business, and text
    /// that is no record at all is removed: nobody could sign in or out with it.
    pub(super) fn record(&self) -> Option<Record> {
        if let Some(memory) = &*self.memory.borrow() {
            return memory.record.clone();
        }
        match LocalStorage::get::<Record>(RECORD) {
            Ok(record) => (record.version == RECORD_VERSION).then_some(record),
            Err(StorageError::SerdeError(_)) => {
                let later = LocalStorage::get::<Versioned>(RECORD)
                    .is_ok_and(|record| record.version > RECORD_VERSION);
                if !later {
                    LocalStorage::delete(RECORD);
                }
                None
            }
            Err(_) => None,
        }
    }

    /// Keeps the record, and looks whether it was kept.
    pub(super) fn write(&self, record: &Record) -> Result<(), Refused> {
        if let Some(memory) = &mut *self.memory.borrow_mut() {
            memory.record = Some(record.clone());
            return Ok(());
        }
        LocalStorage::set(RECORD, record).map_err(|_| Refused)?;
        match LocalStorage::get::<Record>(RECORD) {
            Ok(stored) if stored == *record => Ok(()),
            _ => Err(Refused),
        }
    }

    /// Removes the record and notes why, in the order in which other tabs need it.
    pub(super) fn clear(&self, session_id: Uuid, why: Ending) {
        if let Some(memory) = &mut *self.memory.borrow_mut() {
            memory.record = None;
            return;
        }
        // Only words for the person depend on it, so a full storage may refuse it.
        let _ = LocalStorage::set(ENDING, StoredEnding { session_id, why });
        LocalStorage::delete(RECORD);
    }

    /// Why this session ended, if a tab of this browser noted it.
    pub(super) fn ending(&self, session_id: Uuid) -> Option<Ending> {
        if self.is_memory() {
            return None;
        }
        let stored: StoredEnding = LocalStorage::get(ENDING).ok()?;
        (stored.session_id == session_id).then_some(stored.why)
    }

    /// The tokens whose sessions are still to be ended.
    pub(super) fn leaving(&self) -> Vec<Secret> {
        match &*self.memory.borrow() {
            Some(memory) => memory.leaving.clone(),
            None => LocalStorage::get(LEAVING).unwrap_or_default(),
        }
    }

    /// Keeps a token until its session has been ended.
    pub(super) fn add_leaving(&self, token: &Secret) {
        let mut all = self.leaving();
        all.retain(|other| other != token);
        all.push(token.clone());
        let surplus = all.len().saturating_sub(MOST_LEAVING);
        self.write_leaving(all.split_off(surplus));
    }

    /// The session of this token has been ended.
    pub(super) fn remove_leaving(&self, token: &Secret) {
        let mut all = self.leaving();
        all.retain(|other| other != token);
        self.write_leaving(all);
    }

    fn write_leaving(&self, all: Vec<Secret>) {
        if let Some(memory) = &mut *self.memory.borrow_mut() {
            memory.leaving = all;
        } else if all.is_empty() {
            LocalStorage::delete(LEAVING);
        } else {
            // A full storage keeps no note; the logout is sent now all the same.
            let _ = LocalStorage::set(LEAVING, all);
        }
    }
}

/// Whether local storage exists and takes a value. gloo-storage panics where it is
/// denied, so this is asked before its first use.
fn is_usable() -> bool {
    const PROBE: &str = "holdfast.probe";
    let Ok(Some(storage)) = leptos::prelude::window().local_storage() else {
        return false;
    };
    let taken = storage.set_item(PROBE, "1").is_ok();
    let _ = storage.remove_item(PROBE);
    // A full storage that already holds a record can still be read and cleared.
    taken || matches!(storage.get_item(RECORD), Ok(Some(_)))
}
