//! The server functions, and the check of their access tokens.
//!
//! A security duty: `require_account` protects every server function except those that are
//! listed by name. So a function that is not listed by mistake is protected, and never open.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, on};
use holdfast_client::CallError;
use holdfast_client::host::Caller;
use holdfast_protocol::problem::{Code, Problem};
use holdfast_protocol::wire::MAX_BODY;
use leptos::context::{provide_context, use_context};
use leptos::server_fn::axum::server_fn_paths;
use leptos::server_fn::error::SERVER_FN_ERROR_HEADER;
use leptos_axum::handle_server_fns_with_context;

use crate::additions::Lend;
use crate::client_address::ClientAddress;
use crate::error::ApiError;
use crate::http::json::read_body;
use crate::http::{CurrentAccount, require_account};
use crate::state::Holdfast;

/// Every server function that is compiled into the program. `lend` gives the pages' functions what
/// they need, and `more` does so for the functions of an application.
///
/// # Panics
/// If a function that is listed as public does not exist.
pub(crate) fn server_functions(
    state: &Holdfast,
    public: &[&'static str],
    lend: fn(&Holdfast),
    more: Option<Lend>,
) -> Router<Holdfast> {
    for path in public {
        assert!(
            server_fn_paths().any(|(known, _)| known == *path),
            "there is no server function at {path}"
        );
    }
    let (mut for_all, mut for_accounts) = (Router::new(), Router::new());
    for (path, method) in server_fn_paths() {
        let more = more.clone();
        let run = move |state, from, request| run_server_function(state, lend, more, from, request);
        let method = MethodFilter::try_from(method).expect("functions have common methods");
        if public.contains(&path) {
            for_all = for_all.route(path, on(method, run));
        } else {
            for_accounts = for_accounts.route(path, on(method, run));
        }
    }
    for_accounts
        .layer(middleware::from_fn_with_state(
            state.clone(),
            require_account,
        ))
        .merge(for_all)
        .layer(DefaultBodyLimit::max(MAX_BODY))
}

/// Runs a server function, and answers its errors in the same form as all other errors.
async fn run_server_function(
    State(state): State<Holdfast>,
    lend: fn(&Holdfast),
    more: Option<Lend>,
    from: ClientAddress,
    mut request: Request,
) -> Result<Response, ApiError> {
    let current = request.extensions().get::<CurrentAccount>().cloned();
    // Without this header, Leptos would send a plain form back to its page with the error
    // in the URL.
    let json = HeaderValue::from_static("application/json");
    request.headers_mut().insert(header::ACCEPT, json);
    let (parts, body) = request.into_parts();
    // The body is read with the parts, because one of them is the limit of the body.
    let body = read_body(Request::from_parts(parts.clone(), body), &state).await?;
    let request = Request::from_parts(parts, Body::from(body));

    let cause = Cause::default();
    let context = {
        let cause = cause.clone();
        move || {
            provide_context(cause.clone());
            provide_context(from);
            if let Some(current) = current.clone() {
                provide_context(Caller {
                    account_id: current.account_id,
                    session_id: current.session_id,
                });
                provide_context(current);
            }
            lend(&state);
            if let Some(more) = &more {
                more();
            }
        }
    };
    let response = handle_server_fns_with_context(context, request).await;
    let mut response = response.into_response();
    if response.headers().contains_key(SERVER_FN_ERROR_HEADER) {
        return Err(error_of(response, &cause).await);
    }
    let private = HeaderValue::from_static("no-store");
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, private);
    Ok(response)
}

/// An error of the host during a server function, for the log. The function itself and its
/// caller only learn what a client may know.
#[derive(Clone, Default)]
struct Cause(Arc<Mutex<Option<ApiError>>>);

/// The addresses of all server functions. The routes of pages must leave them out
/// (`generate_route_list_with_exclusions`), because they would answer without an access token.
pub fn paths() -> Vec<String> {
    let paths = server_fn_paths().map(|(path, _)| path.to_owned());
    paths.collect()
}

/// With this, `?` in a server function returns an error of the host. The cause is kept for the log.
impl From<ApiError> for CallError {
    fn from(error: ApiError) -> Self {
        to_function_error(error)
    }
}

/// Converts an error of the host to one that a server function may return. The cause is
/// kept for the log.
pub fn to_function_error(error: ApiError) -> CallError {
    let problem = error.problem(None);
    if let Some(Cause(cause)) = use_context() {
        *cause.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }
    CallError::Problem(problem)
}

/// The error in the answer of a server function.
async fn error_of(response: Response, Cause(cause): &Cause) -> ApiError {
    let body = to_bytes(response.into_body(), MAX_BODY).await;
    let told = |body: Bytes| serde_json::from_slice::<Problem>(&body).ok();
    let Some(problem) = body.ok().and_then(told) else {
        return ApiError::Internal(anyhow::anyhow!(
            "a server function has failed with an error of its own type"
        ));
    };
    let cause = cause.lock().unwrap_or_else(PoisonError::into_inner).take();
    match cause {
        Some(cause) if cause.code() == problem.code => cause,
        // The server has a fault here, too: it is for the log, and not for the client.
        _ if problem.code == Code::Internal => ApiError::Internal(anyhow::anyhow!(problem.detail)),
        _ => ApiError::OfServerFunction(problem),
    }
}
