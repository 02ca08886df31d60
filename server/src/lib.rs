//! The server of Holdfast: network, database, clock and randomness.
//!
//! # For an application
//!
//! - [`builder`] starts Holdfast inside an application with routes of its own, and has an example.
//! - [`http::CurrentAccount`] in the signature of a handler protects its route.
//! - [`hooks`] lets the application write in the transactions of a sign-up and of a deletion.
//! - [`server_functions`] has the error of a server function.
//! - [`serving`] serves the application with limits for slow clients, as `holdfast serve` does.
//! - [`router`] is the whole service with its pages as a value, and [`router_with`] adds routes to it.
//!
//! # Errors
//!
//! A start fails with one sentence about what is wrong. A handler returns an [`error::ApiError`]: it has
//! one variant for each answer that a client can act on, and one place answers and logs it.
//!
//! # What an application may rely on
//!
//! - A route is protected if and only if `CurrentAccount` is in its signature.
//! - A server function that [`Holdfast::leptos_routes`] or [`Holdfast::server_functions`] serves needs an
//!   access token, unless it is listed as public. The function `leptos_routes` of `leptos_axum` checks
//!   nothing.
//! - An ended session is refused within a second, on every instance that can read the database.
//! - The database only gets hashes of refresh tokens. No log line contains a token, a password, a
//!   username or a body.
//! - The tables are in a schema of their own. Two neighbouring versions may serve at the same time.
//!
//! # For a reader of the code
//!
//! `main.rs` gives [`router`] a socket; tests call it without one. Start reading at `routes`, then read
//! `sessions`: its `refresh` is the centre of the server.

pub mod additions;
pub mod builder;
pub mod cli;
pub mod config;
pub mod error;
pub mod hooks;
pub mod http;
pub mod overview;
pub mod server_functions;
pub mod serving;
pub mod state;

// The tests, the soak and the benches of this repository use these modules, too. No version makes a
// promise about them, so they are not in the documentation.
#[doc(hidden)]
pub mod accounts;
#[doc(hidden)]
pub mod background;
#[doc(hidden)]
pub mod client_address;
#[doc(hidden)]
pub mod clock;
#[doc(hidden)]
pub mod connections;
#[doc(hidden)]
pub mod database_facts;
#[doc(hidden)]
pub mod endings;
#[doc(hidden)]
pub mod events;
#[doc(hidden)]
pub mod keys;
#[doc(hidden)]
pub mod lanes;
#[doc(hidden)]
pub mod limits;
#[doc(hidden)]
pub mod metrics;
#[doc(hidden)]
pub mod password_hash;
#[doc(hidden)]
pub mod private_postgres;
#[doc(hidden)]
pub mod profiles;
#[doc(hidden)]
pub mod random;
#[doc(hidden)]
pub mod secrets_in_use;
#[doc(hidden)]
pub mod sessions;
#[doc(hidden)]
pub mod site_files;
#[doc(hidden)]
pub mod stopping;
#[doc(hidden)]
pub mod store;
#[doc(hidden)]
pub mod sweep;

mod connections_wanted;
mod database_address;
mod device;
mod leptos_routes;
mod lifetimes;
mod page_policy;
#[cfg(feature = "pages")]
mod pages;
mod password_strength;
mod routes;
mod secrets;
mod security_log;
mod setting;
#[cfg(feature = "pages")]
mod shared_files;
mod start;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use holdfast_protocol::wire::MAX_BODY;
use tower::ServiceBuilder;

pub use crate::config::MasterSecret;
pub use crate::error::ApiError;
pub use crate::hooks::{Hooks, OpenedAccount};
pub use crate::http::CurrentAccount;
pub use crate::leptos_routes::file_and_error_handler;
pub use crate::page_policy::page_policy;
pub use crate::state::Holdfast;

use crate::additions::Additions;
use crate::http::every_request::EveryRequest;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

/// The whole service.
pub fn router(state: Holdfast) -> Router {
    router_with(state, Additions::default())
}

/// The whole service, with the additions of a service that is built on it.
///
/// # Panics
/// If two routes have the same address, or a public server function does not exist.
pub fn router_with(state: Holdfast, additions: Additions) -> Router {
    let (pages, lend) = pages_of(&state);
    let public = &additions.public_server_functions;
    let functions = server_functions::server_functions(&state, public, lend, additions.lend);
    let service = routes::api()
        .merge(pages)
        .merge(functions)
        .merge(additions.routes);
    with_layers(&state, service).with_state(state)
}

/// The API without pages, for the router of an application.
fn api(state: &Holdfast) -> Router<Holdfast> {
    with_layers(state, routes::api_beside_an_application())
}

/// The layers that every request passes: they give it an id, refuse it if another site has sent it,
/// answer its errors, set the security headers, and limit its body.
fn with_layers<S: Clone + Send + Sync + 'static>(
    state: &Holdfast,
    service: Router<S>,
) -> Router<S> {
    let state = state.clone();
    // The outermost layer comes first. A route that sets another limit for its body has it in a layer
    // further in, and the innermost limit is the one that counts.
    let layers = ServiceBuilder::new()
        .layer_fn(move |service| EveryRequest::around(service, &state))
        .layer(DefaultBodyLimit::max(MAX_BODY));
    service
        .method_not_allowed_fallback(|| async { ApiError::MethodNotAllowed })
        .layer(layers)
}

/// The pages, and what lends their server functions what they need.
#[cfg(feature = "pages")]
fn pages_of(state: &Holdfast) -> (Router<Holdfast>, fn(&Holdfast)) {
    (pages::pages(state), pages::lend)
}

/// An application with pages of its own uses the server without those of Holdfast. It may bring a
/// fallback of its own, so unknown addresses for programs have routes here.
#[cfg(not(feature = "pages"))]
fn pages_of(_: &Holdfast) -> (Router<Holdfast>, fn(&Holdfast)) {
    let not_found = || async { ApiError::NotFound };
    let routes = http::FOR_PROGRAMS
        .iter()
        .fold(Router::new(), |routes, first| {
            let path = format!("/{first}/{{*rest}}");
            routes.route(&path, axum::routing::any(not_found))
        });
    (routes, |_| {})
}
