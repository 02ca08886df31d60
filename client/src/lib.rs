//! The session of one browser, for any Leptos app: whether a person is signed in, and how they stay
//! signed in.
//!
//! The app provides it by [`provide_session`]. Components use [`use_session`], calls use
//! [`Session::api`], server functions use [`SessionClient`], and [`RequireSession`] guards what is
//! shown. `docs/build-on-holdfast.md` has examples of all four.
//!
//! # What a page may rely on
//!
//! - **One page, one person.** A page that has shown one account reloads before it shows another
//!   ([`Session::account_id`]), so the next person finds no typed text, no loaded data and no
//!   running timer of the previous person.
//! - **A call belongs to the person whom the page showed** when [`Session::api`] was called. It
//!   never runs as the next person: it fails with [`CallError::SessionChanged`]. The same is true
//!   for a change of the password and for a server function. A sign-out has no result, and it never
//!   signs out another person.
//! - **An account's new session** (after a change of the password) keeps the open pages and the
//!   text that was typed in them; [`Session::session_id`] changes, `account_id` does not.
//! - **The last sign-in or sign-out wins**, in every tab, also after the browser was
//!   killed.
//!
//! # The layers
//!
//! Each layer only imports the layers after it, and a test of the architecture checks this:
//! `require_session` and `recovery` (the recovery code); `session` (what components see); `changes`,
//! `server_functions` and `host` (requests); `calls` (a call with its token); `driver`, which carries
//! out what the pure machine in `holdfast_protocol::renewal` decides; `vault` (what is stored, and
//! where), `logout` (which answer ends a session) and `new_code` (a new recovery code); `told` (what
//! became of a form that is gone), `transport` (one request), `lock`, `surroundings` (other tabs,
//! visibility, network) and `clock`, which is the only one that reads the time.
//!
//! Only this crate uses storage, time and the network in the browser, and only in effects and event
//! handlers. It knows no page: the app says where a person signs in ([`SessionConfig`]).

mod calls;
mod changes;
mod clock;
mod driver;
pub mod host;
mod lock;
mod logout;
mod new_code;
mod recovery;
mod require_session;
mod server_functions;
mod session;
mod surroundings;
mod told;
mod transport;
mod vault;

pub use calls::Api;
pub use driver::Reload;
pub use holdfast_protocol::renewal::{Ending, Notice, View};
pub use require_session::RequireSession;
pub use server_functions::{ProblemJson, SessionClient, SessionRequest, SessionResponse};
pub use session::{Facts, Session, SessionConfig, provide_session, use_session};
pub use told::{Became, Told};
pub use transport::CallError;
pub use vault::RECORD;
