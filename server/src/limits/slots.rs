//! How many attempts under one key are under way at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex};

/// Counts the attempts that are under way, by key. Clones share it. It is never larger than
/// the number of these attempts.
#[derive(Debug)]
pub struct Slots<K>(Arc<Mutex<HashMap<K, usize>>>);

/// An attempt that is under way. The slot is free again when this value is dropped.
#[derive(Debug)]
pub struct Slot<K: Hash + Eq> {
    slots: Slots<K>,
    key: K,
}

impl<K> Default for Slots<K> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K> Clone for Slots<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Hash + Eq + Copy> Slots<K> {
    /// Counts one more attempt under this key, unless `most` are under way.
    pub fn take(&self, key: K, most: usize) -> Option<Slot<K>> {
        let mut taken = self.0.lock().unwrap_or_else(|p| p.into_inner());
        let count = taken.entry(key).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        Some(Slot {
            slots: self.clone(),
            key,
        })
    }
}

impl<K: Hash + Eq> Drop for Slot<K> {
    fn drop(&mut self) {
        let mut taken = self.slots.0.lock().unwrap_or_else(|p| p.into_inner());
        let Some(count) = taken.get_mut(&self.key) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            taken.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_has_a_number_of_slots_and_nothing_is_left_behind() {
        let slots = Slots::default();
        let one = slots.take('a', 2).unwrap();
        let two = slots.take('a', 2).unwrap();
        assert!(slots.take('a', 2).is_none());
        assert!(slots.take('b', 2).is_some());
        drop(one);
        assert!(slots.take('a', 2).is_some());
        drop(two);
        assert!(slots.0.lock().unwrap().is_empty());
    }
}
