//! A server function that everybody may call, and the pages beside it.

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use axum::http::{Method, Request, header};
use holdfast_client::{CallError, SessionClient};
use holdfast_protocol::problem::Code;
use holdfast_server::{Holdfast, page_policy, server_functions};
use leptos::prelude::*;
use leptos_axum::{LeptosRoutes as _, generate_route_list_with_exclusions};

use super::Site as App;
use crate::support::{Answer, TestApp};

#[derive(Clone)]
struct AppState {
    leptos_options: LeptosOptions,
    holdfast: Holdfast,
}

impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos_options.clone()
    }
}

fn shell(_: LeptosOptions) -> impl IntoView {
    view! { <html><body><App/></body></html> }
}

// guide
/// A server function that everybody may call: without `client = SessionClient`, and in the list below.
#[server(prefix = "/api/fn", endpoint = "next_opening")]
pub async fn next_opening() -> Result<String, CallError> {
    Ok("tomorrow at ten".to_owned())
}

/// The pages and the server functions, in place of `Holdfast::leptos_routes`.
fn pages_and_functions(state: &AppState) -> Router<AppState> {
    let routes = generate_route_list_with_exclusions(App, Some(server_functions::paths()));
    let options = state.leptos_options.clone();
    let lent = state.clone();
    let lend = Arc::new(move || provide_context(lent.clone()));
    let public = ["/api/fn/next_opening"];
    Router::new()
        .leptos_routes_with_context(state, routes, page_policy, move || shell(options.clone()))
        .merge(state.holdfast.server_functions(Some(lend), &public))
}
// end

/// Not in that list.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "last_opening")]
async fn last_opening() -> Result<String, CallError> {
    let state: AppState = expect_context();
    Ok(state.leptos_options.output_name.to_string())
}

async fn post(app: &TestApp, path: &str, bearer: Option<&str>) -> Answer {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    app.send(request.body("".into()).unwrap()).await
}

#[tokio::test]
async fn a_listed_server_function_is_for_everybody_and_all_others_are_protected() {
    let mut app = TestApp::start().await;
    app.serve_with(|holdfast| {
        let state = AppState {
            leptos_options: holdfast.leptos.clone(),
            holdfast: holdfast.clone(),
        };
        holdfast
            .routes()
            .merge(pages_and_functions(&state))
            .with_state(state)
    });
    let ada = app.sign_up("ada").await;
    let token = Some(ada.access_token.expose());
    let public = post(&app, "/api/fn/next_opening", None).await;
    assert_eq!(public.json::<String>(), "tomorrow at ten");
    let protected = "/api/fn/last_opening";
    let refused = post(&app, protected, None).await;
    refused.is(Code::AccessTokenMissing);
    assert_eq!(post(&app, protected, token).await.status, 200);
    let page = Request::builder().uri("/form").body("".into()).unwrap();
    let page = app.send(page).await;
    assert!(page.text().contains("Create an account"));
    assert!(page.headers.contains_key(header::CONTENT_SECURITY_POLICY));
}
