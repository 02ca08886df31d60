//! The client's decision: how one browser keeps a session alive, tab by tab.
//!
//! Two parts decide, and neither does I/O, asks a clock or draws a random number:
//!
//! - [`Machine::on`] is one tab: it takes what happened and when, and answers the next
//!   state and what is to be done.
//! - [`Vault::apply`] is what all tabs of a browser keep together: it takes a [`Change`]
//!   and says whether it still applies.
//!
//! So every interleaving of tabs, lost answers and crashes can be tried natively. The
//! driver in `app/src/session` only carries out [`Action`]s and runs changes, each as
//! one transaction.
//!
//! # What it promises
//!
//! - The last sign-in or sign-out wins, also if its answer comes before that of an earlier
//!   one. A renewal, or an answer about an old session, changes nothing for the next person.
//! - At most one refresh of a tab is on its way.
//! - A session's record is only ever replaced by a later generation.
//! - The tokens are cleared only on a definitive answer of Holdfast's own, or on a
//!   conflict that has become final. Anything else keeps them and waits.
//! - New tokens are stored before anybody uses them.
//! - A call is repeated at most once, by its caller; nothing here loops without
//!   waiting.
//! - A session that was left is ended on the server as soon as the server answers.
//!
//! # Time
//!
//! Nothing compares the browser's clock with the server's. An access token is
//! used for `expires_in` as measured by the browser's own elapsed time: the
//! page's running clock where the token was obtained in this page's life, the
//! difference of two readings of the wall clock otherwise. A wall clock that is
//! years off cancels out; one that is set while we run costs one extra refresh.

mod attempts;
mod ending;
mod held;
mod machine;
mod moment;
mod patience;
mod record;
#[cfg(test)]
mod tests;
mod vault;
mod words;

pub use attempts::{Attempt, attempt};
pub use ending::Ending;
pub use machine::Machine;
pub use moment::Moment;
pub use patience::{CONFLICT_ATTEMPTS, CONFLICT_PATIENCE_MS, LONGEST_RETRY_AFTER_S};
pub use record::{Ended, Era, Link, Position, RECORD_VERSION, Reading, Record, Stored, Tombstone};
pub use vault::{Asked, Change, KnownBrowser, MOST_LEAVING, Order, Vault};
pub use words::{Access, Action, Event, Failure, Notice, View};
