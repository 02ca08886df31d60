//! The note that the route and the server function share.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The note as it travels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub text: String,
}

/// The notes of all accounts, until the server stops.
#[derive(Clone, Default)]
pub struct Notes(Arc<Mutex<HashMap<Uuid, Note>>>);

impl Notes {
    pub fn of(&self, account_id: Uuid) -> Note {
        let notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.get(&account_id).cloned().unwrap_or_default()
    }

    pub fn write(&self, account_id: Uuid, note: Note) {
        let mut notes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        notes.insert(account_id, note);
    }
}
