//! Attempt keys outside of the database: in local storage and in memory.
//!
//! The database may stop working, or start working again, between two visits of one browser and
//! while a page is open. No link (one token of a session) must get a second key. So each key is
//! copied to local storage before it is used, and a key that is found there is moved into the
//! database.

use holdfast_protocol::attempt_key::{Attempt, AttemptKey, attempt};
use holdfast_protocol::renewal::Link;
use holdfast_protocol::secret::Secret;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::local;
use crate::names;

/// How many keys of a session are kept. The server remembers as many, so an older key explains
/// nothing to it any more.
pub(super) const KEPT: u32 = 16;

/// The result of the request for a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Kept {
    /// The key is stored, so the refresh may be sent.
    Key(AttemptKey),
    /// See [`Attempt::Behind`].
    Behind,
    /// No place in this browser stores it.
    NotStorable,
}

/// The keys of one session.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Keys {
    pub(super) session_id: Uuid,
    keys: Vec<(u32, Secret)>,
}

impl Keys {
    /// The copies in local storage.
    pub(super) fn copies() -> Self {
        local::get_json(&names::ATTEMPTS.full())
    }

    /// Writes the copies.
    pub(super) fn write(&self) -> Result<(), local::NotWritten> {
        local::set_json(&names::ATTEMPTS.full(), self)
    }

    /// Removes the copies, unless they are of this session.
    pub(super) fn forget_all_but(session_id: Option<Uuid>) {
        let copies = Self::copies();
        if !copies.keys.is_empty() && Some(copies.session_id) != session_id {
            local::remove(&names::ATTEMPTS.full());
        }
    }

    /// The one key of this link.
    pub(super) fn get_or_add(&mut self, link: Link, fresh: &AttemptKey) -> Kept {
        self.begin(link.session_id);
        let known = self.keys.iter().find(|(of, _)| *of == link.generation);
        let highest = self.keys.iter().map(|(of, _)| *of).max();
        match attempt(link.generation, known.is_some(), highest) {
            Attempt::Behind => Kept::Behind,
            Attempt::Use => known.map_or(Kept::NotStorable, |(_, key)| read(key.expose())),
            Attempt::Make => {
                self.put(link, fresh);
                Kept::Key(fresh.clone())
            }
        }
    }

    /// The key of a link, if it was used before.
    pub(super) fn get(&self, link: Link) -> Option<AttemptKey> {
        let is_its = |(of, _): &&(u32, Secret)| *of == link.generation;
        let (_, key) = self.keys.iter().find(is_its)?;
        let key = AttemptKey::parse(key.expose().as_bytes()).ok()?;
        (self.session_id == link.session_id).then_some(key)
    }

    /// Adds a key.
    pub(super) fn put(&mut self, link: Link, key: &AttemptKey) {
        self.begin(link.session_id);
        self.keys
            .retain(|(of, _)| *of != link.generation && *of + KEPT > link.generation);
        let key = Secret::from(key.expose());
        self.keys.push((link.generation, key));
    }

    /// Keeps one session at a time, because the keys of another one are not needed any more.
    fn begin(&mut self, session_id: Uuid) {
        if self.session_id != session_id {
            self.session_id = session_id;
            self.keys.clear();
        }
    }
}

/// A stored key. If it is malformed, another program put it there.
pub(super) fn read(stored: &str) -> Kept {
    AttemptKey::parse(stored.as_bytes()).map_or(Kept::NotStorable, Kept::Key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn link(session_id: Uuid, generation: u32) -> Link {
        Link {
            session_id,
            generation,
        }
    }

    fn key(number: u8) -> AttemptKey {
        AttemptKey::from_random([number; 16])
    }

    #[test]
    fn a_link_whose_key_was_copied_gets_no_second_one() {
        let mut keys = Keys::default();
        keys.put(link(SESSION, 3), &key(3));
        assert!(keys.get_or_add(link(SESSION, 3), &key(9)) == Kept::Key(key(3)));
        assert_eq!(keys.get(link(SESSION, 3)), Some(key(3)));
    }

    #[test]
    fn a_key_belongs_to_its_own_link_only() {
        let mut keys = Keys::default();
        keys.put(link(SESSION, 3), &key(3));
        assert_eq!(keys.get(link(SESSION, 4)), None);
        assert_eq!(keys.get(link(OTHER, 3)), None);
        assert!(keys.get_or_add(link(OTHER, 3), &key(9)) == Kept::Key(key(9)));
        assert_eq!(keys.get(link(SESSION, 3)), None);
    }

    #[test]
    fn copies_are_as_many_as_the_server_remembers() {
        let mut keys = Keys::default();
        for generation in 0..40 {
            keys.put(link(SESSION, generation), &key(1));
            keys.put(link(SESSION, generation), &key(2));
        }
        assert_eq!(keys.keys.len(), 16);
        assert_eq!(keys.get(link(SESSION, 39)), Some(key(2)));
        assert_eq!(keys.get(link(SESSION, 24)), Some(key(2)));
        assert_eq!(keys.get(link(SESSION, 23)), None);
    }
}
