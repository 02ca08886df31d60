//! Whether a person is signed in, and how they stay signed in.
//!
//! Components use [`use_session`], calls use [`Session::api`], server functions use
//! [`SessionClient`], and [`RequireSession`] guards what is shown. `docs/build-on-holdfast.md` has
//! examples of all four.
//!
//! # What a page may rely on
//!
//! - **One page, one person.** A page that has shown one account reloads before it shows another
//!   ([`Session::account_id`]), so the next person finds nothing that was typed, fetched or timed
//!   for the person before.
//! - **A call belongs to the person whom the page showed** when [`Session::api`] was called. The
//!   same is true for a sign-out, a change of the password and a server function. It never runs as
//!   the next person: it fails with [`ApiError::SessionChanged`].
//! - **An account's new session** (after a change of the password) keeps the open pages and the
//!   text that was typed in them; [`Session::session_id`] changes, `account_id` does not.
//! - **The last sign-in or sign-out wins**, in every tab, also after the browser was
//!   killed.
//!
//! # The layers
//!
//! Each layer only imports the layers after it: `context` (what components see) and
//! `require_session`; `changes`, `api` and `server_functions` (requests); `driver`, which carries
//! out what the pure machine in `holdfast_protocol::renewal` decides; `vault` (what is stored, and
//! where); `http`, `lock`, `surroundings` (other tabs, visibility, network) and `clock`, which is
//! the only one that reads the time.

mod api;
mod changes;
mod clock;
mod context;
mod driver;
mod http;
mod lock;
mod require_session;
mod server_functions;
mod surroundings;
pub(crate) mod vault;

pub use api::Api;
pub use context::{Facts, Session, provide_session, use_session};
pub use holdfast_protocol::renewal::{Ending, Notice, View};
pub use http::ApiError;
pub use require_session::RequireSession;
pub use server_functions::{ProblemJson, SessionClient, SessionRequest, SessionResponse};
