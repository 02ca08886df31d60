//! The pages and the server functions of an application with a Leptos app of its own.

use std::pin::Pin;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, Request, State};
use axum::http::Uri;
use axum::response::Response;
use leptos::config::LeptosOptions;
use leptos::context::provide_context;
use leptos::prelude::IntoView;
use leptos_axum::{
    LeptosRoutes as _, file_and_error_handler_with_context, generate_route_list_with_exclusions,
};

use crate::page_policy::page_policy;
use crate::server_functions;
use crate::state::Holdfast;

/// The files of the site, and the page for an address that does not exist. It does the same as the
/// function of this name in `leptos_axum`, and gives the page its policy.
pub fn file_and_error_handler<S, Document>(
    shell: impl Fn(LeptosOptions) -> Document + Clone + Send + 'static,
) -> impl Fn(Uri, State<S>, Request) -> Answering + Clone + Send + 'static
where
    S: Clone + Send + Sync + 'static,
    LeptosOptions: FromRef<S>,
    Document: IntoView + 'static,
{
    file_and_error_handler_with_context(page_policy, shell)
}

/// An answer that is not there yet.
type Answering = Pin<Box<dyn Future<Output = Response<Body>> + Send + 'static>>;

impl Holdfast {
    /// The pages of `app` in the document `shell`, and all server functions behind the check of the
    /// access token. This takes the place of `leptos_routes` of `leptos_axum`, which would answer the
    /// server functions without an access token.
    ///
    /// Each page gets a `Content-Security-Policy` that allows the scripts of Leptos and the files of
    /// the page's own origin. The server functions get the state by `expect_context`, as with
    /// `leptos_routes`.
    ///
    /// An application that needs more than this uses the parts: [`Holdfast::server_functions`],
    /// [`server_functions::paths`] and [`page_policy`].
    pub fn leptos_routes<S, Page, Document>(
        &self,
        state: &S,
        app: impl Fn() -> Page + Clone + Send + 'static,
        shell: impl Fn(LeptosOptions) -> Document + Clone + Send + Sync + 'static,
    ) -> Router<S>
    where
        S: Clone + Send + Sync + 'static,
        LeptosOptions: FromRef<S>,
        Page: IntoView + 'static,
        Document: IntoView + 'static,
    {
        let routes = generate_route_list_with_exclusions(app, Some(server_functions::paths()));
        let options = LeptosOptions::from_ref(state);
        let document = move || shell(options.clone());
        let lend = {
            let state = state.clone();
            Arc::new(move || provide_context(state.clone()))
        };
        Router::new()
            .leptos_routes_with_context(state, routes, page_policy, document)
            .merge(self.server_functions(Some(lend), &[]))
    }
}
