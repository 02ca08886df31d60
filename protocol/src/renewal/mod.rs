//! The client's decision: how one browser keeps a session alive, tab by tab.
//!
//! Two parts decide. They do no I/O, read no clock and draw no random number:
//!
//! - [`Machine::on`] is one tab: it takes an event and its time, and returns the next state
//!   and what to do.
//! - [`Vault::apply`] is the storage that all tabs of a browser share: it takes a [`Change`]
//!   and says whether it still applies.
//!
//! So every interleaving of tabs, lost answers and crashes can be tested natively. The code that
//! carries out the [`Action`]s is also here ([`driver`]). It uses a trait for storage, requests,
//! the lock and the timer. `client/src/driver.rs` implements that trait in a browser.
//!
//! # The terms
//!
//! - A **life** of the browser's storage lasts from the first write until the person deletes the
//!   site's data. Each life has a random id ([`Era::life`]).
//! - An **epoch** counts the sign-ins, sign-outs, endings and changes of the password in one life.
//!   A renewal does not change the epoch. A life and an epoch together are an **era** ([`Era`]).
//! - A **position** says which of two copies of the state is later ([`Position`]).
//! - A **place** is where the state is stored: the database that all tabs share, local storage, or
//!   the memory of one tab ([`Place`]).
//! - The **order** gives a number to each request for a new session, just before the client *sends*
//!   the request, and to each sign-out ([`Order`]). The epoch rises later, when the answer to the
//!   request arrives.
//! - A page is **blind** if its browser has the database, but the page could never read it.
//! - The browser **leaves** a session if it stops using it although the session may still be open
//!   on the server. The client then keeps the refresh token until the server has ended the session.
//!
//! For example, tab A sends a sign-in and gets number 5, then tab B sends one and gets number 6.
//! The answer to B comes first and begins epoch 3. Then the answer to A comes. Its number is lower
//! than 6, so the browser leaves this session, and the state stays in epoch 3.
//!
//! # What it promises
//!
//! - The last sign-in or sign-out wins. This is also true if the answer to an earlier sign-in
//!   arrives later. A renewal, or an answer about an old session, changes nothing for the next
//!   person.
//! - At most one refresh of a tab is under way.
//! - A session's record is never replaced by an earlier generation.
//! - If the person does not end the session in this browser, the client only clears the tokens
//!   after a definitive answer of Holdfast's server, or after a conflict that has become final. In
//!   all other cases it keeps the tokens and waits.
//! - New tokens are stored before they are used.
//! - A call is repeated at most once, by the code that sends it. Nothing here loops without a wait.
//! - If the browser leaves a session, the client ends it on the server as soon as the server
//!   answers.
//!
//! # Time
//!
//! The client never compares the browser's clock with the server's. It uses an access token for
//! `expires_in` seconds at most. It measures the age of the token in the browser, by the page's
//! running clock and by two readings of the wall clock. The larger age counts. So a wall clock that
//! is wrong by years does no harm. A wall clock that is set while the page runs costs at most one
//! extra refresh.

pub mod driver;
mod ending;
mod held;
mod logouts;
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
pub use logouts::{LogoutAnswer, RefusedLogouts};
pub use machine::Machine;
pub use moment::Moment;
pub use patience::{CONFLICT_ATTEMPTS, CONFLICT_PATIENCE_MS, LONGEST_RETRY_AFTER_S};
pub use record::{
    Ended, Era, Link, Position, RECORD_VERSION, Reading, Record, Stored, Tombstone, begun_blind,
};
pub use replaced::{NOTE_RENEWED_EVERY_MS, ReplacedNote};
pub use vault::{Asked, Change, KnownBrowser, MOST_LEAVING, Order, Place, Vault};
pub use words::{Access, Action, Event, Failure, Notice, View};
