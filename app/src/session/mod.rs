//! Am I signed in, and how do I stay so?
//!
//! [`use_session`] is the way in for components, [`Session::api`] the one for calls,
//! [`SessionClient`] the one for server functions, and [`RequireSession`] guards what
//! is shown. `docs/build-on-holdfast.md` shows all four at work.
//!
//! # What a page may rely on
//!
//! - **One page, one person.** A page that has shown one account is loaded anew before it
//!   shows another ([`Session::account_id`]), so nothing that was typed, fetched or timed
//!   for one person is left for the next.
//! - **A call is that of whom the page showed** when [`Session::api`] was called, and so
//!   are a sign-out, a change of the password and a server function. It never runs as the
//!   next person: it fails with [`ApiError::SessionChanged`].
//! - **An account's new session** (a change of the password) goes on with the open pages
//!   and with what was typed in them; [`Session::session_id`] changes, `account_id` does
//!   not.
//! - **The last sign-in or sign-out wins**, in every tab, also after the browser was
//!   killed.
//!
//! # Below
//!
//! Each imports only what stands below it: `context` (what components see) and
//! `require_session`; `changes`, `api` and `server_functions` (requests); `driver`, which
//! carries out what the pure machine in `holdfast_protocol::renewal` decides; `vault`
//! (what is kept, and where); `http`, `lock`, `surroundings` (other tabs, visibility,
//! network) and `clock`, the only one that asks for the time.

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
