//! Requests that take turns: the server works on some requests of each client, and the other requests
//! of this client wait.
//!
//! A security duty: a request that waits keeps its connection and some memory, and a request that is
//! worked on may keep a connection to the database. So both numbers have a limit for each client, and
//! the server refuses all other requests at once.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The turns of all keys. A key is a client: an address, an account or a session.
#[derive(Debug)]
pub struct Turns<K>(Mutex<HashMap<K, Weak<Places>>>);

/// How many requests of one key there may be.
#[derive(Debug, Clone, Copy)]
pub struct Most {
    /// How many the server works on at once.
    pub at_once: usize,
    /// How many there are in all, those that wait included.
    pub in_all: usize,
}

/// The places of one key.
#[derive(Debug)]
struct Places {
    working: Arc<Semaphore>,
    count: AtomicUsize,
}

/// A request whose turn it is. The turn ends when this value is dropped.
#[derive(Debug)]
pub struct TurnOfKey {
    // This order is necessary: the next request begins before this one is not counted any more.
    _working: OwnedSemaphorePermit,
    _counted: Counted,
}

#[derive(Debug)]
struct Counted(Arc<Places>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.count.fetch_sub(1, Ordering::Relaxed);
    }
}

impl<K> Default for Turns<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Hash + Eq> Turns<K> {
    /// Waits for the turn of a request. `None` if there are too many requests of this key.
    pub async fn take(&self, key: K, most: Most) -> Option<TurnOfKey> {
        let places = self.places_of(key, most.at_once);
        let before = places.count.fetch_add(1, Ordering::Relaxed);
        let counted = Counted(places);
        if before >= most.in_all {
            return None;
        }
        // The semaphore is never closed.
        let working = Arc::clone(&counted.0.working).acquire_owned().await.ok()?;
        Some(TurnOfKey {
            _working: working,
            _counted: counted,
        })
    }

    /// The number of keys that have requests, or had them a moment ago.
    pub fn len(&self) -> usize {
        self.lock().len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn places_of(&self, key: K, at_once: usize) -> Arc<Places> {
        let mut places_of = self.lock();
        if let Some(places) = places_of.get(&key).and_then(Weak::upgrade) {
            return places;
        }
        places_of.retain(|_, places| places.strong_count() > 0);
        let places = Arc::new(Places {
            working: Arc::new(Semaphore::new(at_once)),
            count: AtomicUsize::new(0),
        });
        places_of.insert(key, Arc::downgrade(&places));
        places
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Weak<Places>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    const MOST: Most = Most {
        at_once: 2,
        in_all: 3,
    };

    #[tokio::test]
    async fn some_requests_of_a_key_are_worked_on_some_wait_and_the_others_are_refused() {
        let turns = Turns::default();
        let one = turns.take('a', MOST).await.unwrap();
        let two = turns.take('a', MOST).await.unwrap();
        let mut waiting = Box::pin(turns.take('a', MOST));
        assert!((&mut waiting).now_or_never().is_none());
        for _ in 0..2 {
            let refused = turns.take('a', MOST).now_or_never();
            assert!(refused.is_some_and(|turn| turn.is_none()));
        }
        // Another client is not affected.
        assert!(turns.take('b', MOST).await.is_some());
        drop(one);
        let three = (&mut waiting).now_or_never().flatten();
        assert!(three.is_some());
        // A request that is given up does not count any more.
        let mut given_up = Box::pin(turns.take('a', MOST));
        assert!((&mut given_up).now_or_never().is_none());
        drop(given_up);
        drop((two, three));
        assert!(turns.take('a', MOST).await.is_some());
        // Nothing is left of the other clients.
        assert_eq!(turns.len(), 1);
        drop(turns.take('c', MOST).await);
        assert_eq!(turns.len(), 1);
    }
}
