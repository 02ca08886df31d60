//! A test of an application.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderValue, Request, StatusCode};
use holdfast_server::MasterSecret;
use serde_json::{Value, json};
use tower::ServiceExt;

use super::own::{self, Shop};
use crate::support::TestApp;

// guide
/// Sends a request to the router, without a port. Holdfast refuses a request without a host.
async fn ask(app: &Router, mut request: Request<Body>) -> (StatusCode, String) {
    let host = HeaderValue::from_static("shop.example");
    request.headers_mut().insert("host", host);
    let answer = app.clone().oneshot(request).await.unwrap();
    let status = answer.status();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.into()).unwrap())
}

/// Makes an account, and returns the access token of its person.
async fn sign_up(app: &Router, username: &str) -> String {
    let body = json!({ "username": username, "password": "a walk along the river" });
    let request = Request::post("/api/v1/signup").header("content-type", "application/json");
    let (status, tokens) = ask(app, request.body(body.to_string().into()).unwrap()).await;
    assert_eq!(status, StatusCode::CREATED);
    let tokens: Value = serde_json::from_str(&tokens).unwrap();
    tokens["access_token"].as_str().unwrap().to_owned()
}
// end

/// The route `/greet` is for signed-in people only.
async fn a_stranger_is_not_greeted(app: Router) {
    let (status, _) = ask(&app, Request::get("/greet").body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {}", sign_up(&app, "ada").await);
    let request = Request::get("/greet").header("authorization", bearer);
    let (status, _) = ask(&app, request.body(Body::empty()).unwrap()).await;
    assert_eq!(status, StatusCode::OK);
}

#[tokio::test]
async fn a_test_with_these_functions_passes_with_a_protected_route_and_fails_without() {
    let app = TestApp::start().await;
    let holdfast = own::start(app.pool(), MasterSecret::generate());
    let holdfast = holdfast.await.unwrap();
    let shop = Shop {
        holdfast: holdfast.clone(),
        greeting: "Hello".to_owned(),
    };
    a_stranger_is_not_greeted(own::application(shop)).await;
    let open = holdfast
        .routes()
        .route("/greet", axum::routing::get(|| async {}));
    let outcome = tokio::spawn(a_stranger_is_not_greeted(open)).await;
    assert!(outcome.unwrap_err().is_panic());
    holdfast.stop().await;
}
