//! Events that the server writes after it has answered: a queue with a limited length, and one task
//! that writes.
//!
//! A client can make the server write such events as often as it wants. So no memory here
//! grows with the number of requests. A full queue drops an event and counts it. An event that
//! must be written only once has an id that is derived from its content.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use holdfast_protocol::rotation::{Micros, RACE_SECONDS};
use holdfast_protocol::wire::EventKind;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};
use tokio::sync::{mpsc, oneshot};
use uuid::Uuid;

use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo, Pool};

/// How many events may wait in the queue.
const ROOM: usize = 1024;

/// How many events one statement writes.
const BATCH: usize = 64;

/// How long a statement may take, waiting for its connection included.
const WRITTEN_WITHIN: Duration = Duration::from_secs(12);

/// How many events that are written only once are remembered, so that not every late repeat
/// costs a statement.
const REMEMBERED: usize = 10_000;

/// An event that waits to be written.
#[derive(Debug, Clone)]
pub struct QueuedEvent {
    /// Its id.
    pub event_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// The session.
    pub session_id: Option<Uuid>,
    /// What happened.
    pub kind: EventKind,
    /// The client.
    pub client: ClientInfo,
}

/// The queue. Clones share it.
#[derive(Debug, Clone)]
pub struct EventQueue {
    sender: mpsc::Sender<Item>,
    dropped: Arc<AtomicU64>,
    once: Once,
}

/// The ids of the events that are written only once, and that are written or wait.
type Once = Arc<Cache<Uuid, ()>>;

#[derive(Debug)]
enum Item {
    Event(Box<QueuedEvent>),
    /// Notified when the task has tried to write everything before it.
    Marker(oneshot::Sender<()>),
}

impl EventQueue {
    /// Starts the task that writes.
    pub fn start(pool: Pool) -> Self {
        let (sender, receiver) = mpsc::channel(ROOM);
        let once = Arc::new(Cache::new(REMEMBERED));
        tokio::spawn(write(pool, receiver, Arc::clone(&once)));
        Self {
            sender,
            dropped: Arc::default(),
            once,
        }
    }

    /// Adds an event, unless too many are waiting. Returns whether it was added.
    pub fn add(&self, event: QueuedEvent) -> bool {
        let kind = event.kind.as_str();
        let is_added = self.sender.try_send(Item::Event(Box::new(event))).is_ok();
        if !is_added {
            let dropped = self.dropped.fetch_add(1, Ordering::Relaxed) + 1;
            // Only the 1st, 2nd, 4th, 8th, … are logged, so that a flood of events does not
            // become a flood of log lines.
            if dropped.is_power_of_two() {
                tracing::warn!(
                    event.kind = kind,
                    dropped,
                    "Events were not written, because too many wait."
                );
            }
        }
        is_added
    }

    /// Adds an event whose id is derived from its content, unless this instance has written it
    /// or will write it. An event that could not be written is added the next time. Returns
    /// whether it was added.
    pub fn add_once(&self, event: QueuedEvent) -> bool {
        let event_id = event.event_id;
        if self.once.get(&event_id).is_some() {
            return false;
        }
        // The id is remembered before the event is added, because the task that writes may
        // remove it at once.
        self.once.insert(event_id, ());
        let is_added = self.add(event);
        if !is_added {
            self.once.remove(&event_id);
        }
        is_added
    }

    /// How many events were dropped.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Waits until every event that was added before is written, or could not be written.
    pub async fn written(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.sender.send(Item::Marker(sender)).await.is_ok() {
            let _ = receiver.await;
        }
    }
}

/// The id of the event about a late repeat. There is one for each generation of a session, and
/// it is the same on every instance. Its time is the moment from which a repeat counts as late.
pub fn repeat_id(session_id: Uuid, generation: u32, rotated_at: Micros) -> Uuid {
    let late_from = rotated_at / 1000 + RACE_SECONDS * 1000;
    let mut hash = Sha256::new();
    hash.update(b"refresh_repeated");
    hash.update(session_id.as_bytes());
    hash.update(generation.to_be_bytes());
    let hash = hash.finalize();
    let mut random = [0; 10];
    random.copy_from_slice(&hash[..10]);
    let late_from = u64::try_from(late_from).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(late_from, &random).into_uuid()
}

async fn write(pool: Pool, mut receiver: mpsc::Receiver<Item>, once: Once) {
    let mut items = Vec::with_capacity(BATCH);
    while receiver.recv_many(&mut items, BATCH).await > 0 {
        let mut events = Vec::with_capacity(items.len());
        let mut markers = Vec::new();
        for item in items.drain(..) {
            match item {
                Item::Event(event) => events.push(*event),
                Item::Marker(marker) => markers.push(marker),
            }
        }
        let written = tokio::time::timeout(WRITTEN_WITHIN, insert(&pool, &events)).await;
        let error = match written {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("no answer within {WRITTEN_WITHIN:?}")),
        };
        if let Some(error) = error {
            for event in &events {
                once.remove(&event.event_id);
            }
            tracing::warn!(events = events.len(), error, "Events were not written.");
        }
        for marker in markers {
            let _ = marker.send(());
        }
    }
}

async fn insert(pool: &Pool, events: &[QueuedEvent]) -> sqlx::Result<()> {
    if events.is_empty() {
        return Ok(());
    }
    let events: Vec<_> = events
        .iter()
        .map(|event| NewEvent {
            event_id: event.event_id,
            account_id: event.account_id,
            session_id: event.session_id,
            kind: event.kind,
            client: &event.client,
            detail: None,
            ended_user_agent: None,
        })
        .collect();
    let mut connection = pool.acquire().await?;
    store::events::insert_all(&mut connection, &events).await?;
    connection.release();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_of_a_late_repeat_is_one_for_each_generation_and_dated() {
        let session = Uuid::from_u128(7);
        let rotated_at = 1_700_000_000_000_000;
        let id = repeat_id(session, 4, rotated_at);
        assert_eq!(id, repeat_id(session, 4, rotated_at));
        assert_ne!(id, repeat_id(session, 5, rotated_at));
        assert_ne!(id, repeat_id(Uuid::from_u128(8), 4, rotated_at));
        let dated = id.get_timestamp().unwrap().to_unix().0;
        assert_eq!(dated, 1_700_000_030);
    }
}
