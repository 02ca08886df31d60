//! What a service that is built on Holdfast adds to it.

use std::fmt;
use std::sync::Arc;

use axum::Router;

use crate::state::AppState;

/// Routes and server functions beside Holdfast's own, for
/// [`router_with`](crate::router_with).
///
/// `docs/build-on-holdfast.md` shows each of them at work. Server functions need no
/// entry: whichever are compiled into the program are served.
#[derive(Clone, Default)]
pub struct Additions {
    /// Routes. One is protected if `CurrentAccount` stands in its signature. An
    /// `ApiError` of theirs is answered and logged as Holdfast's own, and a body may
    /// be as large as there unless a route sets its own `DefaultBodyLimit`.
    pub routes: Router<AppState>,
    /// Runs before each server function, to lend it what it uses: call
    /// `provide_context` in it.
    pub lend: Option<Arc<dyn Fn() + Send + Sync>>,
    /// The server functions that anybody may call, by their whole path. All others
    /// need an access token. Holdfast itself has none of these.
    pub public_server_functions: Vec<&'static str>,
}

impl fmt::Debug for Additions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Additions")
            .field("public_server_functions", &self.public_server_functions)
            .finish_non_exhaustive()
    }
}
