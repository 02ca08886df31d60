//! Wrong input: the answer is a problem with a code and a sentence, never a 500.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{HeaderName, Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{MAX_BODY, paths};
use holdfast_server::client_address::Proxies;
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

const POSTS: [&str; 5] = [
    paths::SIGNUP,
    paths::LOGIN,
    paths::REFRESH,
    paths::LOGOUT,
    paths::PASSWORD_ESTIMATE,
];

fn post(path: &str, content_type: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder().method(Method::POST).uri(path);
    if let Some(content_type) = content_type {
        request = request.header(header::CONTENT_TYPE, content_type);
    }
    request.body(body.into()).unwrap()
}

#[tokio::test]
async fn bodies_that_are_not_the_calls_json_are_400() {
    let app = TestApp::start().await;
    let bodies: [&[u8]; 12] = [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\"text\"",
        b"{}",
        b"{\"username\": 5, \"password\": [], \"refresh_token\": {}}",
        b"{\"username\": \"a\", \"password\": \"b\", \"refresh_token\": \"c\", \"extra\": 1}",
        b"{\"username\": \"a\", \"username\": \"b\", \"refresh_token\": \"a\", \"refresh_token\": \"b\"}",
        b"{\"username\": \"\xff\xfe\", \"password\": \"\xff\", \"refresh_token\": \"\xff\"}",
        b"{\"username\": \"\\ud800\", \"password\": \"x\", \"refresh_token\": \"\\ud800\"}",
        &[0; 100],
    ];
    for path in POSTS {
        for body in bodies {
            let answer = app
                .send(post(path, Some("application/json"), body.to_vec()))
                .await;
            answer.is(Code::MalformedRequest);
            assert_eq!(answer.status, 400);
        }
    }
}

#[tokio::test]
async fn an_array_of_the_right_values_is_not_taken_for_an_object() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let token = tokens.refresh_token.expose();
    for (path, values) in [
        (paths::SIGNUP, json!(["grace", PASSWORD, true])),
        (paths::LOGIN, json!(["ada", PASSWORD, true])),
        (paths::REFRESH, json!([token])),
        (paths::LOGOUT, json!([token])),
        (paths::PASSWORD_ESTIMATE, json!(["ada", PASSWORD])),
    ] {
        let answer = app.call(Method::POST, path, &values).await;
        answer.is(Code::MalformedRequest);
        assert!(answer.problem().detail.contains("object"), "{path}");
    }
    let values = json!([PASSWORD]);
    for path in [paths::ACCOUNT, paths::SESSIONS] {
        app.call_as(&tokens, Method::DELETE, path, Some(&values))
            .await
            .is(Code::MalformedRequest);
    }
    let values = json!(["lovelace", PASSWORD]);
    app.call_as(&tokens, Method::PUT, paths::USERNAME, Some(&values))
        .await
        .is(Code::MalformedRequest);
    let name = format!("{}/{}/name", paths::SESSIONS, tokens.session_id);
    app.call_as(&tokens, Method::PUT, &name, Some(&json!(["Work laptop"])))
        .await
        .is(Code::MalformedRequest);
    let values = json!([PASSWORD, "ribbon quarry lantern oasis"]);
    app.call_as(&tokens, Method::PUT, paths::PASSWORD, Some(&values))
        .await
        .is(Code::MalformedRequest);
    // White space before it makes no difference.
    let spaced = format!(" \t\r\n{}", json!(["ada", PASSWORD]));
    app.send(post(paths::LOGIN, Some("application/json"), spaced))
        .await
        .is(Code::MalformedRequest);
    assert!(app.accepts(&tokens).await && app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn another_content_type_is_415() {
    let app = TestApp::start().await;
    let types = [
        None,
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        Some("application/jsonx"),
    ];
    for path in POSTS {
        for content_type in types {
            let answer = app.send(post(path, content_type, "{}")).await;
            answer.is(Code::MalformedRequest);
            assert_eq!(answer.status, 415);
            assert!(answer.problem().detail.contains("application/json"));
        }
    }
    let with_charset = app.send(post(
        paths::LOGIN,
        Some("Application/JSON; charset=utf-8"),
        "{}",
    ));
    assert_eq!(with_charset.await.status, 400);
}

#[tokio::test]
async fn a_body_over_the_limit_is_413_and_the_answer_names_the_limit() {
    let app = TestApp::start().await;
    for size in [MAX_BODY + 1, 1024 * 1024] {
        let password = "x".repeat(size);
        let body = format!(r#"{{"username": "ada", "password": "{password}"}}"#);
        for path in POSTS {
            let answer = app
                .send(post(path, Some("application/json"), body.clone()))
                .await;
            answer.is(Code::PayloadTooLarge);
            assert!(answer.problem().detail.contains("16384 bytes"));
        }
    }
}

#[tokio::test]
async fn an_unknown_address_is_404_and_another_method_405() {
    let app = TestApp::start().await;
    for path in [
        "/api",
        "/api/",
        "/api/v1/nothing",
        "/oauth/nothing",
        "/.well-known/nothing",
    ] {
        let answer = app
            .send(Request::builder().uri(path).body(Body::empty()).unwrap())
            .await;
        answer.is(Code::NotFound);
    }
    for (method, path, allowed) in [
        (Method::GET, paths::LOGIN, "POST"),
        (Method::PUT, paths::REFRESH, "POST"),
        (Method::POST, paths::ACCOUNT, "DELETE"),
        (Method::PATCH, paths::SESSIONS, "DELETE"),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        answer.is(Code::MethodNotAllowed);
        assert!(
            answer.header("allow").contains(allowed),
            "{path}: {}",
            answer.header("allow")
        );
    }
}

#[tokio::test]
async fn a_connect_is_405_and_not_a_fault_of_the_server() {
    let app = TestApp::start().await;
    let request = Request::builder()
        .method(Method::CONNECT)
        .uri("evil.example:443")
        .header(header::HOST, "evil.example:443")
        .body(Body::empty())
        .unwrap();
    let answer = app.send(request).await;
    answer.is(Code::MethodNotAllowed);
    assert_eq!(answer.header("allow"), "GET, HEAD");
}

#[tokio::test]
async fn a_request_id_of_a_trusted_proxy_is_kept_and_every_other_is_replaced() {
    let proxy = SocketAddr::from(([10, 0, 0, 1], 4711));
    let client = SocketAddr::from(([198, 51, 100, 1], 4711));
    let app = TestApp::with(|config| {
        let networks = vec!["10.0.0.0/8".parse().unwrap()];
        config.proxies = Proxies::new(networks, HeaderName::from_static("x-forwarded-for"));
    })
    .await;
    let ask = async |peer: SocketAddr, id: &str| {
        let request = Request::builder()
            .uri("/api/v1/nothing")
            .extension(ConnectInfo(peer))
            .header("x-request-id", id);
        app.send(request.body(Body::empty()).unwrap())
            .await
            .problem()
            .request_id
            .unwrap()
            .into_string()
    };
    assert_eq!(ask(proxy, "proxy-1234567").await, "proxy-1234567");
    assert_ne!(ask(client, "proxy-1234567").await, "proxy-1234567");
    assert_ne!(ask(proxy, "short").await, "short");
    assert_ne!(ask(proxy, "injected line").await, "injected line");
    assert_eq!(ask(proxy, &"x".repeat(500)).await.len(), 36);
}

#[tokio::test]
async fn a_form_sent_before_the_client_has_started_leads_back_without_the_typed_text() {
    let app = TestApp::start().await;
    for page in ["/sign-in", "/sign-up", "/recover", "/recovery-code"] {
        let form = "username=ada&password=velvet+anchor+drifting+northward";
        let answer = app
            .send(post(page, Some("application/x-www-form-urlencoded"), form))
            .await;
        assert_eq!(answer.status, 303);
        assert_eq!(answer.header("location"), page);
    }
}
