//! Which sessions have ended, and how every instance learns of it. An *ending* is the end of a
//! session, for any reason.
//!
//! An access token is verified without the database, so an ended session's token would
//! stay valid until it expires. Every instance therefore keeps the ids of the sessions
//! that ended lately ([`EndedSessions`]). It reads the table `session_ends` every second
//! ([`reader`]), and it learns of endings at once by `NOTIFY` ([`listener`]). A notification
//! can get lost without a sign, so the read makes the set complete, and the notification
//! only makes it fast.

mod ended_sessions;
pub mod listener;
pub mod reader;

use uuid::Uuid;

use crate::database_facts::DatabaseFacts;
use crate::store::session_ends::Retention;

/// How long the table keeps endings.
pub fn retention(database: &DatabaseFacts) -> Retention {
    Retention {
        seconds: KEPT.as_secs_f64(),
        longest_seconds: database.longest_session().max(KEPT).as_secs_f64(),
        young_until: smallest_id_at(database.young_until()),
    }
}

/// The smallest id of a session that was opened at this Unix time: ids are UUIDv7.
pub fn smallest_id_at(seconds: u64) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(seconds.saturating_mul(1000), &[0; 10]).into_uuid()
}

pub use ended_sessions::{DEGRADED_AFTER, EndedSessions, Ending, KEPT};
