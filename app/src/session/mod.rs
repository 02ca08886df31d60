//! Am I signed in, and how do I stay so?
//!
//! [`use_session`] is the way in for components, [`Session::api`] the one for calls,
//! [`SessionClient`] the one for server functions, and [`RequireSession`] guards what
//! is shown. `docs/build-on-holdfast.md` shows all four at work. Below them, [`tab`] carries out what the pure machine in
//! `holdfast_protocol::renewal` decides; [`storage`] keeps the record, [`attempts`]
//! the attempt keys, [`http`] sends a request, [`lock`] and [`tabs`] know about
//! other tabs, and [`clock`] is the only one who asks for the time.

mod api;
mod attempts;
mod clock;
mod context;
mod http;
mod lock;
mod require_session;
mod server_functions;
pub(crate) mod storage;
mod tab;
mod tabs;

pub use api::Api;
pub use context::{Facts, Session, provide_session, use_session};
pub use holdfast_protocol::renewal::{Ending, Notice, View};
pub use http::ApiError;
pub use require_session::RequireSession;
pub use server_functions::{ProblemJson, SessionClient, SessionRequest, SessionResponse};
