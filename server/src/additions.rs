//! What a service that is built on Holdfast adds to it.

use std::fmt;
use std::sync::Arc;

use axum::Router;

use crate::state::Holdfast;

/// Runs before a server function.
pub type Lend = Arc<dyn Fn() + Send + Sync>;

/// Routes and server functions beside Holdfast's own, for
/// [`router_with`](crate::router_with).
///
/// Server functions need no entry: the server serves all that are compiled into the program.
#[derive(Clone, Default)]
pub struct Additions {
    /// Routes. A route is protected if its signature has `CurrentAccount`. An `ApiError`
    /// of such a route is answered and logged like Holdfast's own. The limit of bodies is
    /// Holdfast's own, unless a route sets another `DefaultBodyLimit`.
    pub routes: Router<Holdfast>,
    /// Runs before each server function, to lend the function what it uses: it calls
    /// `provide_context`.
    pub lend: Option<Lend>,
    /// The paths of the server functions that need no access token. All other functions
    /// need one. Holdfast itself has no public function.
    pub public_server_functions: Vec<&'static str>,
}

impl fmt::Debug for Additions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Additions")
            .field("public_server_functions", &self.public_server_functions)
            .finish_non_exhaustive()
    }
}
