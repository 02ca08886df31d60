//! `/oauth/token`, `/oauth/revoke` and the metadata, as an off-the-shelf client uses them.

use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use serde_json::Value;

use crate::support::{Answer, ISSUER, TestApp, new_key};

async fn post(app: &TestApp, path: &str, form: &str) -> Answer {
    let request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form.to_owned()))
        .unwrap();
    app.send(request).await
}

async fn refresh(app: &TestApp, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    post(app, paths::OAUTH_TOKEN, &form).await
}

#[track_caller]
fn is_error(answer: &Answer, status: u16, error: &str) {
    assert_eq!(answer.status, status, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let body: Value = answer.json();
    assert_eq!(body["error"], error, "{body}");
    let description = body["error_description"].as_str().unwrap();
    assert!(
        description.ends_with('.') && description.is_ascii(),
        "{description}"
    );
}

fn refresh_token(answer: &Answer) -> String {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json::<Value>()["refresh_token"]
        .as_str()
        .unwrap()
        .to_owned()
}

#[tokio::test]
async fn a_plain_client_rotates_the_same_session() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let answer = refresh(&app, tokens.refresh_token.expose()).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("pragma"), "no-cache");
    let body: Value = answer.json();
    assert_eq!(body["token_type"], "Bearer");
    let members: Vec<_> = body.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members.len(), 4, "{members:?}");
    let access_token = body["access_token"].as_str().unwrap().into();
    assert!(
        app.accepts(&Tokens {
            access_token,
            ..tokens
        })
        .await
    );
    refresh_token(&refresh(&app, &refresh_token(&answer)).await);
}

#[tokio::test]
async fn a_plain_client_may_repeat_for_ten_seconds_only() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let token = tokens.refresh_token.expose();
    let first = refresh_token(&refresh(&app, token).await);
    assert_eq!(refresh_token(&refresh(&app, token).await), first);
    app.let_pass(tokens.session_id, 9).await;
    assert_eq!(refresh_token(&refresh(&app, token).await), first);
    app.let_pass(tokens.session_id, 2).await;
    let raced = refresh(&app, token).await;
    is_error(&raced, 503, "temporarily_unavailable");
    assert_eq!(raced.header("retry-after"), "1");
    app.let_pass(tokens.session_id, 20).await;
    is_error(&refresh(&app, token).await, 400, "invalid_grant");
    is_error(&refresh(&app, &first).await, 400, "invalid_grant");
}

#[tokio::test]
async fn a_wrong_grant_is_refused_with_the_error_of_the_rfc() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let token = tokens.refresh_token.expose();
    for (form, status, error) in [
        (String::new(), 400, "invalid_request"),
        (
            "grant_type=refresh_token".to_owned(),
            400,
            "invalid_request",
        ),
        (
            "grant_type=refresh_token&refresh_token=".to_owned(),
            400,
            "invalid_request",
        ),
        (format!("refresh_token={token}"), 400, "invalid_request"),
        (
            format!("grant_type=&refresh_token={token}"),
            400,
            "invalid_request",
        ),
        (
            format!("grant_type=refresh_token&grant_type=refresh_token&refresh_token={token}"),
            400,
            "invalid_request",
        ),
        (
            "grant_type=password&username=ada&password=x".to_owned(),
            400,
            "unsupported_grant_type",
        ),
        (
            format!("grant_type=refresh_token&refresh_token={token}&client_id=other"),
            401,
            "invalid_client",
        ),
        (
            format!("grant_type=refresh_token&refresh_token={token}&scope=admin"),
            400,
            "invalid_scope",
        ),
        (
            "grant_type=refresh_token&refresh_token=hfr_x".to_owned(),
            400,
            "invalid_grant",
        ),
        (
            format!(
                "grant_type=refresh_token&refresh_token={}",
                tokens.access_token.expose()
            ),
            400,
            "invalid_grant",
        ),
    ] {
        is_error(&post(&app, paths::OAUTH_TOKEN, &form).await, status, error);
    }
    // Unknown parameters are ignored, and the session still lives.
    let unknown = format!(
        "grant_type=refresh_token&refresh_token={token}&client_id=holdfast-web&scope=&audience=x"
    );
    refresh_token(&post(&app, paths::OAUTH_TOKEN, &unknown).await);
}

#[tokio::test]
async fn another_media_type_is_an_invalid_request() {
    let app = TestApp::start().await;
    for path in [paths::OAUTH_TOKEN, paths::OAUTH_REVOKE] {
        let request = Request::builder()
            .method(Method::POST)
            .uri(path)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from("{}"))
            .unwrap();
        is_error(&app.send(request).await, 400, "invalid_request");
    }
}

#[tokio::test]
async fn a_revocation_ends_the_session_and_always_answers_200() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let revoke = async |token: &str| {
        let form = format!("token={token}&token_type_hint=refresh_token");
        post(&app, paths::OAUTH_REVOKE, &form).await.status
    };
    assert_eq!(revoke("hfr_unknown").await, 200);
    // A thief with only an access token cannot sign people out.
    assert_eq!(revoke(tokens.access_token.expose()).await, 200);
    assert!(app.is_alive(tokens.session_id).await);
    assert_eq!(revoke(tokens.refresh_token.expose()).await, 200);
    assert!(!app.accepts(&tokens).await);
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
    assert_eq!(revoke(tokens.refresh_token.expose()).await, 200);
    is_error(
        &post(&app, paths::OAUTH_REVOKE, "").await,
        400,
        "invalid_request",
    );
}

#[tokio::test]
async fn the_metadata_names_every_endpoint() {
    let app = TestApp::start().await;
    let request = Request::builder()
        .uri(paths::OAUTH_METADATA)
        .body(Body::empty())
        .unwrap();
    let document: Value = app.send(request).await.json();
    assert_eq!(document["issuer"], ISSUER);
    assert_eq!(document["token_endpoint"], format!("{ISSUER}/oauth/token"));
    assert_eq!(
        document["revocation_endpoint"],
        format!("{ISSUER}/oauth/revoke")
    );
    assert_eq!(
        document["jwks_uri"],
        format!("{ISSUER}/.well-known/jwks.json")
    );
    assert_eq!(
        document["grant_types_supported"],
        serde_json::json!(["refresh_token"])
    );
}
