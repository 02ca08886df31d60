//! `/api/fn/…`: the functions that the client calls and the server runs.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, StatusCode, header};
use holdfast_client::host::{caller, lent};
use holdfast_client::{CallError, SessionClient};
use holdfast_protocol::problem::{Code, OtherCode, Problem};
use holdfast_protocol::wire::{MAX_BODY, NewestSignIn, Overview};
use holdfast_server::additions::Additions;
use holdfast_server::http::ApiError;
use holdfast_server::{router_with, server_functions};
use leptos::prelude::*;
use leptos::server_fn::axum::server_fn_paths;
use leptos::server_fn::codec::{GetUrl, Json};

use crate::support::queries::QueryCount;
use crate::support::{Answer, TestApp};

const OVERVIEW: &str = "/api/fn/overview";
const ECHO: &str = "/api/fn/test/echo";
const ECHO_JSON: &str = "/api/fn/test/json";
const FAIL: &str = "/api/fn/test/fail";
const WHO: &str = "/api/fn/test/who";

/// A function without any attribute, so it has another address.
#[server(client = SessionClient)]
async fn careless() -> Result<u32, CallError> {
    Ok(1)
}

#[server(client = SessionClient, prefix = "/api/fn", endpoint = "test/echo")]
async fn echo(number: u32) -> Result<u32, CallError> {
    Ok(number)
}

/// A function whose arguments are JSON.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "test/json", input = Json)]
async fn echo_json(number: u32) -> Result<u32, CallError> {
    Ok(number)
}

/// Fails with a problem of its own, or with an error of the host.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "test/fail", input = GetUrl)]
async fn fail(how: String) -> Result<(), CallError> {
    match how.as_str() {
        "told" => {
            let problem = Problem::new(Code::NotFound, "There is no such thing.");
            Err(CallError::Problem(problem))
        }
        "own" => {
            let code = Code::Other(OtherCode::new("note_locked").unwrap());
            let mut problem = Problem::new(code, "The note is locked.");
            problem.status = 423;
            Err(CallError::Problem(problem))
        }
        "own_without_a_status" => {
            let code = Code::Other(OtherCode::new("note_locked").unwrap());
            let mut problem = Problem::new(code, "The note is locked.");
            problem.status = 200;
            Err(CallError::Problem(problem))
        }
        "of_application" => {
            let (status, sentence) = (StatusCode::CONFLICT, "The note was changed.");
            let error = ApiError::of_application(status, "note_changed", sentence);
            Err(server_functions::to_function_error(error))
        }
        "host" => Err(server_functions::to_function_error(ApiError::Internal(
            anyhow::anyhow!("the secret cause"),
        ))),
        "away" => Err(server_functions::to_function_error(ApiError::Unavailable(
            anyhow::anyhow!("no database"),
        ))),
        _ => lent::<Arc<str>>().map(drop),
    }
}

#[server(client = SessionClient, prefix = "/api/fn", endpoint = "test/who", input = GetUrl)]
async fn who() -> Result<String, CallError> {
    Ok(caller()?.session_id.to_string())
}

fn post(path: &str, bearer: Option<&str>, body: impl Into<Body>) -> Request<Body> {
    let mut request = Request::builder()
        .method(Method::POST)
        .uri(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    if let Some(token) = bearer {
        request = request.header(header::AUTHORIZATION, format!("Bearer {token}"));
    }
    request.body(body.into()).unwrap()
}

async fn get(app: &TestApp, path: &str) -> Answer {
    app.send(Request::builder().uri(path).body(Body::empty()).unwrap())
        .await
}

#[tokio::test]
async fn every_server_function_needs_an_access_token_wherever_it_is() {
    let app = TestApp::start().await;
    let paths: Vec<_> = server_fn_paths().collect();
    for known in [OVERVIEW, ECHO, ECHO_JSON, FAIL, WHO] {
        assert!(paths.iter().any(|(path, _)| *path == known), "{paths:?}");
    }
    assert!(
        paths
            .iter()
            .any(|(path, _)| path.starts_with("/api/careless"))
    );
    for (path, method) in paths {
        let mut request = post(path, None, "number=1");
        *request.method_mut() = method;
        let answer = app.send(request).await;
        answer.is(Code::AccessTokenMissing);
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer realm="holdfast""#
        );
    }
}

#[tokio::test]
async fn the_overview_names_the_account_and_the_newest_sign_in() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    app.sign_up("eve").await;
    let answer = app.get_as(&here, OVERVIEW).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("cache-control"), "no-store");
    let overview: Overview = answer.json();
    let now = i64::try_from(app.state.clock.now()).unwrap();
    assert!((now - 60..=now + 60).contains(&overview.newest.at));
    let newest = NewestSignIn {
        at: overview.newest.at,
        device: "Unknown device".to_owned(),
        current: true,
    };
    let expected = Overview {
        username: "ada".to_owned(),
        sessions: 1,
        newest,
    };
    assert_eq!(overview, expected);

    app.log_in_from_firefox("ada").await;
    let overview: Overview = app.get_as(&here, OVERVIEW).await.json();
    assert_eq!(overview.sessions, 2);
    assert_eq!(overview.newest.device, "Firefox on Linux");
    assert!(!overview.newest.current);
}

#[tokio::test]
async fn a_refresh_token_a_forged_token_and_the_token_of_an_ended_session_are_401() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let call = async |bearer: &str| app.send(post(ECHO, Some(bearer), "number=7")).await;
    let token = tokens.access_token.expose();
    assert_eq!(call(token).await.json::<u32>(), 7);

    let refresh_token = tokens.refresh_token.expose();
    call(refresh_token).await.is(Code::AccessTokenInvalid);
    call(&format!("{token}x"))
        .await
        .is(Code::AccessTokenInvalid);
    let answer = call("").await;
    answer.is(Code::AccessTokenInvalid);
    assert!(answer.header("www-authenticate").contains("invalid_token"));

    app.log_out(&tokens).await;
    call(token).await.is(Code::SessionEnded);
}

#[tokio::test]
async fn an_expired_access_token_is_401_with_the_code_that_means_renew() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let past = Duration::from_secs(tokens.expires_in + 5);
    app.state.clock.advance(past);
    let answer = app.get_as(&tokens, OVERVIEW).await;
    answer.is(Code::AccessTokenExpired);
    let renewed = app.renew(&tokens).await;
    assert_eq!(app.get_as(&renewed, OVERVIEW).await.status, 200);
}

#[tokio::test]
async fn the_token_is_checked_before_anything_else_and_without_the_database() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let queries = QueryCount::start();
    get(&app, OVERVIEW).await.is(Code::AccessTokenMissing);
    let large = "number=".to_owned() + &"1".repeat(MAX_BODY);
    app.send(post(ECHO, None, large))
        .await
        .is(Code::AccessTokenMissing);
    let who = app.get_as(&tokens, WHO).await;
    assert_eq!(who.json::<String>(), tokens.session_id.to_string());
    assert_eq!(queries.so_far(), 0);
}

#[tokio::test]
async fn a_wrong_input_is_a_problem_and_its_text_is_not_repeated() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let bearer = Some(tokens.access_token.expose());
    for body in ["", "number=hunter2", "nummer=1", "\u{0}", "number=-1"] {
        let answer = app.send(post(ECHO, bearer, body)).await;
        answer.is(Code::MalformedRequest);
        assert!(!answer.text().contains("hunter2"));
    }
    let large = "number=".to_owned() + &"1".repeat(MAX_BODY);
    app.send(post(ECHO, bearer, large))
        .await
        .is(Code::PayloadTooLarge);
    app.get_as(&tokens, ECHO).await.is(Code::MethodNotAllowed);
    app.get_as(&tokens, "/api/fn/nothing")
        .await
        .is(Code::NotFound);
}

#[tokio::test]
async fn a_json_array_is_refused_whatever_the_content_type_says() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let call = async |body: &str, content_type: Option<&str>| {
        let mut request = post(
            ECHO_JSON,
            Some(tokens.access_token.expose()),
            body.to_owned(),
        );
        let headers = request.headers_mut();
        headers.remove(header::CONTENT_TYPE);
        if let Some(content_type) = content_type {
            headers.insert(header::CONTENT_TYPE, content_type.parse().unwrap());
        }
        app.send(request).await
    };
    for content_type in [
        Some("application/json"),
        Some("application/json; charset=utf-8"),
        Some("application/x-www-form-urlencoded"),
        Some("text/plain"),
        Some("application/octet-stream"),
        None,
    ] {
        for body in ["[7]", " \n[7]"] {
            let answer = call(body, content_type).await;
            answer.is(Code::MalformedRequest);
            let detail = answer.problem().detail;
            assert!(detail.contains("array"), "{content_type:?}: {detail}");
        }
        let answer = call(r#"{"number": 7}"#, content_type).await;
        assert_eq!(answer.json::<u32>(), 7, "{content_type:?}");
    }
}

#[tokio::test]
async fn the_error_of_a_function_is_answered_like_every_other() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let fail = async |how: &str| app.get_as(&tokens, &format!("{FAIL}?how={how}")).await;
    let told = fail("told").await;
    told.is(Code::NotFound);
    assert_eq!(told.problem().detail, "There is no such thing.");
    for (how, code) in [
        ("host", Code::Internal),
        ("away", Code::TemporarilyUnavailable),
        ("unlent", Code::Internal),
    ] {
        let answer = fail(how).await;
        answer.is(code);
        assert!(!answer.text().contains("cause"), "{}", answer.text());
        assert!(!answer.text().contains("database"), "{}", answer.text());
        assert!(!answer.text().contains("lends"), "{}", answer.text());
    }
    assert_eq!(fail("away").await.header("retry-after"), "2");
}

#[tokio::test]
async fn an_error_with_a_code_of_the_application_keeps_its_status() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    for (how, status, code) in [
        ("own", 423, "note_locked"),
        ("own_without_a_status", 400, "note_locked"),
        ("of_application", 409, "note_changed"),
    ] {
        let answer = app.get_as(&tokens, &format!("{FAIL}?how={how}")).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        // The status in the body is the same.
        assert_eq!(answer.problem().code.as_str(), code);
    }
}

#[tokio::test]
async fn the_error_of_a_plain_form_is_not_redirected() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut request = post(ECHO, Some(tokens.access_token.expose()), "number=x");
    let headers = request.headers_mut();
    headers.insert(header::ACCEPT, "text/html".parse().unwrap());
    headers.insert(header::REFERER, "https://evil.example/".parse().unwrap());
    let answer = app.send(request).await;
    answer.is(Code::MalformedRequest);
    assert_eq!(answer.header("location"), "");
}

#[tokio::test]
async fn only_a_function_that_is_listed_by_name_is_public() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let additions = Additions {
            public_server_functions: vec![ECHO, WHO],
            ..Additions::default()
        };
        router_with(state, additions)
    });
    let answer = app.send(post(ECHO, None, "number=7")).await;
    assert_eq!(answer.json::<u32>(), 7);
    // It has no caller, even if the request has a token.
    let tokens = app.sign_up("ada").await;
    app.get_as(&tokens, WHO).await.is(Code::AccessTokenMissing);
    get(&app, OVERVIEW).await.is(Code::AccessTokenMissing);
}

#[tokio::test]
#[should_panic(expected = "there is no server function at /api/fn/test/ecko")]
async fn a_misspelt_public_function_stops_the_start() {
    let mut app = TestApp::start().await;
    app.serve_with(|state| {
        let additions = Additions {
            public_server_functions: vec!["/api/fn/test/ecko"],
            ..Additions::default()
        };
        router_with(state, additions)
    });
}
