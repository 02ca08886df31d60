//! Which sessions have ended, and how every instance hears of it.
//!
//! An access token is verified without the database, so an ended session's token would
//! stay good until it expires. Every instance therefore keeps the ids of the sessions
//! that ended lately ([`EndedSessions`]). It reads the table `session_ends` every second
//! ([`reader`]) and hears of endings at once by `NOTIFY` ([`listener`]). Notifications
//! are lost silently, so the read is the truth and the notification is the speed.

mod ended_sessions;
pub mod listener;
pub mod reader;

pub use ended_sessions::{DEGRADED_AFTER, EndedSessions, Ending, KEPT};
