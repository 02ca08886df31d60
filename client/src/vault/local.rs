//! Local storage, where each entry is a text.
//!
//! Every access gets the storage again and accepts an error: a browser may deny storage at any
//! moment, and an exception inside the driver would leave its work half done.

use holdfast_protocol::renewal::{KnownBrowser, Order, Reading, Stored};
use holdfast_protocol::secret::Secret;
use leptos::prelude::window;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::names;
use crate::told::Told;

/// Storage did not accept a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct NotWritten;

/// Whether local storage exists and takes a value.
pub(super) fn is_usable() -> bool {
    let probe = names::PROBE.full();
    let is_usable = set(&probe, "1").is_ok();
    remove(&probe);
    // A full storage that already holds a record can still be read and cleared.
    is_usable || get(&names::RECORD.full()).is_some()
}

/// The state in the copy. Text that Holdfast did not write is removed.
pub(super) fn copy() -> Option<Reading> {
    let reading = Stored::read(&get(&names::RECORD.full())?);
    if reading == Reading::Unreadable {
        remove(&names::RECORD.full());
        return None;
    }
    Some(reading)
}

/// Removes the copy.
pub(super) fn remove_copy() {
    remove(&names::RECORD.full());
}

/// Writes the copy, unless a later one of the same life is there. A copy that cannot be
/// written is removed: it would be an old token that looks like the current one.
pub(super) fn write_copy(stored: &Stored) -> Result<(), NotWritten> {
    let text = stored.to_json();
    let record = names::RECORD.full();
    let before = get(&record);
    if before.as_ref() == Some(&text) {
        return Ok(());
    }
    match before.map(|before| Stored::read(&before)) {
        Some(Reading::Later) => return Err(NotWritten),
        Some(Reading::Stored(copy))
            if copy.position() > stored.position()
                && !copy.era().is_of_another_life(stored.era()) =>
        {
            return Ok(());
        }
        None if *stored == Stored::default() => return Ok(()),
        _ => {}
    }
    // A full storage accepts the short note of a sign-out after the record was removed.
    set(&record, &text).or_else(|_| {
        remove(&record);
        match stored {
            Stored::SignedOut(_) => set(&record, &text),
            Stored::SignedIn(_) => Err(NotWritten),
        }
    })
}

/// The tokens whose sessions are still to be ended.
pub(super) fn leaving() -> Vec<Secret> {
    get_json(&names::LEAVING.full())
}

/// Stores them. See [`Noted`](super::noted::Noted) for what happens if storage is full.
pub(super) fn write_leaving(tokens: &[Secret]) -> Result<(), NotWritten> {
    write_list(&names::LEAVING.full(), tokens)
}

/// See [`KnownBrowser`].
pub(super) fn known_browsers() -> Vec<KnownBrowser> {
    get_json(&names::KNOWN_BROWSERS.full())
}

/// Stores these tokens. Without them, a sign-in only has to wait as long as a stranger's.
pub(super) fn write_known_browsers(known: &[KnownBrowser]) {
    let _ = write_list(&names::KNOWN_BROWSERS.full(), known);
}

/// See [`Order`].
pub(super) fn order() -> Order {
    get_json(&names::ORDER.full())
}

/// Stores the order. Without it, the first answer wins if two sign-ins run at once.
pub(super) fn write_order(order: Order) {
    let _ = set_json(&names::ORDER.full(), &order);
}

/// Stores a message for the page that comes after a reload, or removes it. Without this storage,
/// that page shows no message.
pub(super) fn keep_told(told: Option<Told>) {
    let Some(storage) = storage_of_tab() else {
        return;
    };
    let _ = match told.and_then(|told| serde_json::to_string(&told).ok()) {
        Some(text) => storage.set_item(&names::TOLD.full(), &text),
        None => storage.remove_item(&names::TOLD.full()),
    };
}

/// Takes the message that the page before has stored. No later page finds it.
pub(super) fn take_told() -> Option<Told> {
    let storage = storage_of_tab()?;
    let text = storage.get_item(&names::TOLD.full()).ok()??;
    let _ = storage.remove_item(&names::TOLD.full());
    serde_json::from_str(&text).ok()
}

fn write_list<T: Serialize>(key: &str, list: &[T]) -> Result<(), NotWritten> {
    if list.is_empty() {
        remove(key);
        return Ok(());
    }
    set_json(key, &list)
}

/// Reads an entry. If it cannot be read, this returns the default.
pub(super) fn get_json<T: DeserializeOwned + Default>(key: &str) -> T {
    get(key)
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Writes an entry.
pub(super) fn set_json(key: &str, value: &impl Serialize) -> Result<(), NotWritten> {
    set(key, &serde_json::to_string(value).map_err(|_| NotWritten)?)
}

/// The text of an entry.
pub(super) fn get(key: &str) -> Option<String> {
    storage()?.get_item(key).ok()?
}

fn set(key: &str, text: &str) -> Result<(), NotWritten> {
    let storage = storage().ok_or(NotWritten)?;
    storage.set_item(key, text).map_err(|_| NotWritten)
}

/// The keys that begin with this text.
pub(super) fn keys_with(beginning: &str) -> Vec<String> {
    let Some(storage) = storage() else {
        return Vec::new();
    };
    let count = storage.length().unwrap_or(0);
    (0..count)
        .filter_map(|at| storage.key(at).ok()?)
        .filter(|key| key.starts_with(beginning))
        .collect()
}

/// Removes an entry.
pub(super) fn remove(key: &str) {
    if let Some(storage) = storage() {
        let _ = storage.remove_item(key);
    }
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok()?
}

fn storage_of_tab() -> Option<web_sys::Storage> {
    window().session_storage().ok()?
}
