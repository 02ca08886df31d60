//! `/api/v1/account`, and the behaviour of every protected call.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Account, paths};
use holdfast_server::endings::EndedSessions;
use holdfast_server::sweep::Sweep;
use serde_json::json;

use crate::support::queries::QueryCount;
use crate::support::{PASSWORD, TestApp, new_key};

#[tokio::test]
async fn a_call_without_an_access_token_is_401() {
    let app = TestApp::start().await;
    for (method, path) in [
        (Method::GET, paths::ACCOUNT),
        (Method::GET, paths::SESSIONS),
        (Method::DELETE, paths::SESSIONS),
        (Method::GET, paths::SESSION_ROW),
        (
            Method::PUT,
            "/api/v1/sessions/01890a5d-ac96-774b-bcce-b302099a8057/name",
        ),
        (Method::GET, paths::ACTIVITY),
        (Method::GET, paths::ACCOUNT_DATA),
        (Method::PUT, paths::USERNAME),
        (Method::GET, paths::NOTICES),
    ] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(Body::empty())
            .unwrap();
        let answer = app.send(request).await;
        answer.is(Code::AccessTokenMissing);
        assert_eq!(
            answer.header("www-authenticate"),
            r#"Bearer realm="holdfast""#
        );
    }
}

#[tokio::test]
async fn the_account_says_who_it_is() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let answer = app.get_as(&tokens, paths::ACCOUNT).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let account: Account = answer.json();
    assert_eq!(account.username, "ada");
    assert_eq!(account.account_id.get_version_num(), 7);
    let now = i64::try_from(app.state.clock.now()).unwrap();
    assert!((now - 60..=now + 60).contains(&account.created_at));
}

#[tokio::test]
async fn an_access_token_expires_by_the_clock_and_a_refresh_brings_a_good_one() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.state
        .clock
        .advance(Duration::from_secs(tokens.expires_in + 4));
    assert!(app.accepts(&tokens).await);
    app.state.clock.advance(Duration::from_secs(1));
    let answer = app.get_as(&tokens, paths::ACCOUNT).await;
    answer.is(Code::AccessTokenExpired);
    assert!(
        answer
            .header("www-authenticate")
            .contains(r#"error="invalid_token""#)
    );
    assert!(app.accepts(&app.renew(&tokens).await).await);
}

#[tokio::test]
async fn a_changed_or_malformed_bearer_token_is_refused() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let token = tokens.access_token.expose();
    let cases = [
        (vec![format!("Bearer {token}x")], Code::AccessTokenInvalid),
        (
            vec![format!("Bearer {}", &token[..token.len() - 4])],
            Code::AccessTokenInvalid,
        ),
        (vec!["Bearer".to_owned()], Code::AccessTokenInvalid),
        (vec!["Bearer ".to_owned()], Code::AccessTokenInvalid),
        (vec![format!("Basic {token}")], Code::AccessTokenMissing),
        (vec![format!("Bearer {token}"); 2], Code::AccessTokenInvalid),
    ];
    for (values, code) in cases {
        let mut request = Request::builder().uri(paths::ACCOUNT);
        for value in &values {
            request = request.header(header::AUTHORIZATION, value);
        }
        app.send(request.body(Body::empty()).unwrap())
            .await
            .is(code);
    }
    let lower_case = Request::builder()
        .uri(paths::ACCOUNT)
        .header(header::AUTHORIZATION, format!("bearer {token}"))
        .body(Body::empty())
        .unwrap();
    assert_eq!(app.send(lower_case).await.status, 200);
}

#[tokio::test]
async fn step_5_the_access_token_is_verified_without_the_database() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let queries = QueryCount::start();
    let mut forged = tokens.clone();
    forged.access_token = format!("{}x", tokens.access_token.expose()).into();
    app.get_as(&forged, paths::ACCOUNT)
        .await
        .is(Code::AccessTokenInvalid);
    // The token is valid, but the call does not exist: it passes the check and makes no query.
    app.get_as(&tokens, "/api/v1/activity?limit=0")
        .await
        .is(Code::MalformedRequest);
    assert_eq!(queries.so_far(), 0);
}

#[tokio::test]
async fn before_the_ended_sessions_are_known_protected_calls_wait() {
    let mut app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.replace_ended(EndedSessions::new(app.state.config.access_token_ttl));
    app.get_as(&tokens, paths::ACCOUNT)
        .await
        .is(Code::TemporarilyUnavailable);
}

#[tokio::test]
async fn deleting_the_account_needs_the_password_and_ends_everything() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let delete = async |password: &str| {
        let body = json!({"password": password});
        app.call_as(&here, Method::DELETE, paths::ACCOUNT, Some(&body))
            .await
    };
    delete("wrong horse battery staple")
        .await
        .is(Code::InvalidCredentials);
    assert!(app.accepts(&here).await);
    assert_eq!(delete(PASSWORD).await.status, 204);
    for tokens in [&here, &elsewhere] {
        assert!(!app.accepts(tokens).await);
        assert!(!app.is_alive(tokens.session_id).await);
    }
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    let again = app.sign_up("ada").await;
    assert!(app.accepts(&again).await);
}

#[tokio::test]
async fn the_second_read_of_a_profile_needs_no_query() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let first: Account = app.get_as(&tokens, paths::ACCOUNT).await.json();
    app.state.pool.close().await;
    let again: Account = app.get_as(&tokens, paths::ACCOUNT).await.json();
    assert_eq!(again.username, first.username);
    assert_eq!(again.created_at, first.created_at);
}

#[tokio::test]
async fn tokens_of_a_deleted_account_are_refused_and_its_profile_is_forgotten() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let other_browser = app.log_in("ada").await;
    assert!(app.accepts(&tokens).await);
    let password = json!({"password": PASSWORD});
    let deleted = app
        .call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password))
        .await;
    assert_eq!(deleted.status, 204);

    for tokens in [&tokens, &other_browser] {
        app.get_as(tokens, paths::ACCOUNT)
            .await
            .is(Code::SessionEnded);
        app.refresh(tokens, &new_key()).await.is(Code::SessionEnded);
        assert_eq!(app.log_out(tokens).await.status, 204);
    }
    // An instance that has not learnt of the ending finds no account.
    let other = app.second_instance(&[1]);
    other
        .get_as(&tokens, paths::ACCOUNT)
        .await
        .is(Code::SessionEnded);
    other
        .refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
}

#[tokio::test]
async fn deleting_an_account_leaves_its_events_to_the_sweep_which_deletes_them_in_batches() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    sqlx::query(
        "insert into events (event_id, account_id, kind)
         select gen_random_uuid(), $1, 'sign_in_failed'
         from generate_series(1, 2000)",
    )
    .bind(tokens.account_id)
    .execute(app.pool())
    .await
    .unwrap();
    let count = async || -> i64 {
        sqlx::query_scalar("select count(*) from events where account_id = $1")
            .bind(tokens.account_id)
            .fetch_one(app.pool())
            .await
            .unwrap()
    };
    let password = json!({"password": PASSWORD});
    let deleted = app
        .call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&password))
        .await;
    assert_eq!(deleted.status, 204);
    // The request did not wait for the events, although there are many.
    assert!(count().await >= 2000);
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty());
    assert_eq!(count().await, 0);
    // The account's id is kept for an hour, because an event may come late.
    let ids = async || -> i64 {
        sqlx::query_scalar("select count(*) from deleted_accounts")
            .fetch_one(app.pool())
            .await
            .unwrap()
    };
    assert_eq!(ids().await, 1);
    sqlx::query("update deleted_accounts set deleted_at = now() - interval '61 minutes'")
        .execute(app.pool())
        .await
        .unwrap();
    Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(ids().await, 0);
}
