//! The client's decision: how one browser keeps a session alive, tab by tab.
//!
//! Two parts decide, and neither does I/O, reads a clock or draws a random number:
//!
//! - [`Machine::on`] is one tab: it takes an event and its time, and returns the next state
//!   and what to do.
//! - [`Vault::apply`] is the storage that all tabs of a browser share: it takes a [`Change`]
//!   and says whether it still applies.
//!
//! So every interleaving of tabs, lost answers and crashes can be tested natively. The driver
//! in `client/src/driver.rs` only carries out [`Action`]s and runs changes, each as one
//! transaction.
//!
//! # What it promises
//!
//! - The last sign-in or sign-out wins, also if its answer comes before that of an earlier
//!   one. A renewal, or an answer about an old session, changes nothing for the next person.
//! - At most one refresh of a tab is under way.
//! - A session's record is only ever replaced by a later generation.
//! - The client only clears the tokens on a definitive answer of Holdfast's server, or on a
//!   conflict that has become final. In all other cases it keeps them and waits.
//! - New tokens are stored before they are used.
//! - A call is repeated at most once, by its caller; nothing here loops without a wait.
//! - A session that was left is ended on the server as soon as the server answers.
//!
//! # Time
//!
//! The client never compares the browser's clock with the server's. It uses an access token for
//! `expires_in`, measured as elapsed time in the browser. If the token was obtained in this
//! page's life, the page's running clock measures the time; if not, the difference of two
//! readings of the wall clock. So a wall clock that is years off does no harm. A wall clock that
//! is set while the page runs costs one extra refresh.

mod ending;
mod held;
mod machine;
mod moment;
mod patience;
mod record;
mod replaced;
#[cfg(test)]
mod tests;
mod vault;
mod words;

pub use ending::Ending;
pub use machine::Machine;
pub use moment::Moment;
pub use patience::{CONFLICT_ATTEMPTS, CONFLICT_PATIENCE_MS, LONGEST_RETRY_AFTER_S};
pub use record::{
    Ended, Era, Link, Position, RECORD_VERSION, Reading, Record, Stored, Tombstone, begun_blind,
};
pub use replaced::{NOTE_RENEWED_EVERY_MS, ReplacedNote};
pub use vault::{Asked, Change, KnownBrowser, MOST_LEAVING, Order, Place, Vault};
pub use words::{Access, Action, Event, Failure, Notice, View};
