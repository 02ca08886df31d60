//! Which sessions have ended lately: how an ending takes effect on every instance
//! within a second, without a query per request.
//!
//! An access token is verified without the database, so an ended session's token
//! would stay good until it expires. Every instance therefore keeps the ids of
//! sessions that ended within the last two access-token lifetimes. It hears of them
//! by `NOTIFY` and reads the table `session_ends` every second: notifications are
//! lost silently on a reconnect, so the read is the truth and the notification is
//! the speed.
//!
//! The set never evicts early: a forgotten id would make a stolen token live again.
//! It grows by one entry (about 50 bytes) per ending and forgets by time alone.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use uuid::Uuid;

/// The sessions that ended lately. Clones share one set.
#[derive(Clone, Debug)]
pub struct EndedSessions {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    keep: Duration,
    ready: AtomicBool,
    ended: RwLock<HashMap<Uuid, Instant>>,
}

impl EndedSessions {
    /// An empty set that remembers each id for two access-token lifetimes.
    pub fn new(access_token_ttl: Duration) -> Self {
        Self {
            shared: Arc::new(Shared {
                keep: Self::kept_for(access_token_ttl),
                ready: AtomicBool::new(false),
                ended: RwLock::default(),
            }),
        }
    }

    /// How long an ending is remembered, here and in the table.
    pub fn kept_for(access_token_ttl: Duration) -> Duration {
        access_token_ttl * 2
    }

    /// Whether the table has been read once. Before that, nobody knows who has
    /// ended, and protected calls must wait.
    pub fn is_ready(&self) -> bool {
        self.shared.ready.load(Ordering::Acquire)
    }

    /// Says that the table has been read.
    pub fn set_ready(&self) {
        self.shared.ready.store(true, Ordering::Release);
    }

    /// Whether this session ended lately.
    pub fn contains(&self, session_id: Uuid) -> bool {
        self.read().contains_key(&session_id)
    }

    /// Remembers endings, from now on.
    pub fn extend(&self, session_ids: impl IntoIterator<Item = Uuid>) {
        self.extend_at(session_ids, Instant::now());
    }

    fn extend_at(&self, session_ids: impl IntoIterator<Item = Uuid>, now: Instant) {
        let mut session_ids = session_ids.into_iter().peekable();
        if session_ids.peek().is_none() {
            return;
        }
        let mut ended = self.shared.ended.write().unwrap_or_else(|p| p.into_inner());
        for session_id in session_ids {
            ended.entry(session_id).or_insert(now);
        }
    }

    /// Forgets what no access token can refer to any more.
    pub fn forget_old(&self) {
        self.forget_old_at(Instant::now());
    }

    fn forget_old_at(&self, now: Instant) {
        let keep = self.shared.keep;
        let old = |at: &Instant| now.saturating_duration_since(*at) > keep;
        if self.read().values().any(old) {
            let mut ended = self.shared.ended.write().unwrap_or_else(|p| p.into_inner());
            ended.retain(|_, at| !old(at));
        }
    }

    /// How many endings are remembered.
    pub fn len(&self) -> usize {
        self.read().len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.read().is_empty()
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, HashMap<Uuid, Instant>> {
        self.shared.ended.read().unwrap_or_else(|p| p.into_inner())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: Uuid = Uuid::from_u128(1);

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn an_ending_is_remembered_for_two_lifetimes_and_not_longer() {
        let ended = EndedSessions::new(Duration::from_secs(300));
        let start = Instant::now();
        ended.extend_at([ID], start);
        ended.forget_old_at(after(start, 600));
        assert!(ended.contains(ID));
        ended.forget_old_at(after(start, 601));
        assert!(!ended.contains(ID));
        assert!(ended.is_empty());
    }

    #[test]
    fn hearing_of_an_ending_again_does_not_prolong_it() {
        let ended = EndedSessions::new(Duration::from_secs(300));
        let start = Instant::now();
        ended.extend_at([ID], start);
        ended.extend_at([ID], after(start, 400));
        ended.forget_old_at(after(start, 601));
        assert!(ended.is_empty());
    }
}
