//! `POST /api/v1/login`.

use axum::http::{Method, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::paths;
use holdfast_server::client_address::ClientAddress;
use holdfast_server::password_hash::{Cost, PasswordHashes};
use holdfast_server::store;
use serde_json::json;

use crate::support::{PASSWORD, TestApp, json_request};

#[tokio::test]
async fn signing_in_opens_another_session() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    let second = app.log_in("ADA").await;
    assert_ne!(first.session_id, second.session_id);
    assert!(app.accepts(&first).await && app.accepts(&second).await);
    let kinds: Vec<_> = app
        .events("ada", 2)
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    assert_eq!(kinds, ["sign_up", "sign_in"]);
}

#[tokio::test]
async fn bar_23_an_unknown_name_a_wrong_password_and_a_disabled_account_get_one_answer() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    app.sign_up("eve").await;
    let eve = Username::parse("eve").unwrap();
    let mut connection = app.pool().acquire().await.unwrap();
    store::accounts::set_disabled(&mut connection, &eve, true)
        .await
        .unwrap();
    let mut answers = Vec::new();
    for (username, password) in [
        ("nobody", PASSWORD),
        ("ada", "wrong horse battery staple"),
        ("eve", PASSWORD),
        ("eve", "wrong horse battery staple"),
        ("no such name\0", PASSWORD),
        ("", ""),
        (&"x".repeat(5000), PASSWORD),
    ] {
        let mut problem = app.try_log_in(username, password).await.problem();
        assert_eq!(problem.code, Code::InvalidCredentials, "{username:?}");
        // A cause would say which of them it was.
        assert_eq!(problem.cause, None, "{username:?}");
        problem.request_id = None;
        answers.push(problem);
    }
    answers.dedup();
    assert_eq!(answers.len(), 1);
}

#[tokio::test]
async fn the_activity_shows_a_failed_sign_in() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let body = json!({"username": "ada", "password": "wrong horse battery staple"});
    let mut request = json_request(Method::POST, paths::LOGIN, &body);
    request
        .headers_mut()
        .insert(header::USER_AGENT, "curl/8".parse().unwrap());
    app.send(request).await.is(Code::InvalidCredentials);
    let events = app.events("ada", 2).await;
    assert!(events.iter().any(|event| event.0 == "sign_in_failed"));
    let agent: Option<String> =
        sqlx::query_scalar("select user_agent from events where kind = 'sign_in_failed'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(agent.as_deref(), Some("curl/8"));
}

#[tokio::test]
async fn an_older_hash_is_made_again_in_todays_parameters() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let costlier = Cost {
        memory: 128,
        passes: 1,
    };
    let turn = app
        .state
        .limits
        .sign_up(ClientAddress::Unknown)
        .unwrap()
        .turn()
        .await;
    let other = PasswordHashes::new(costlier, 1)
        .hash_new(&turn.unwrap(), &PASSWORD.into(), "ada")
        .await;
    let other = other.unwrap().unwrap();
    sqlx::query("update accounts set password_hash = $1")
        .bind(&other)
        .execute(app.pool())
        .await
        .unwrap();
    app.log_in("ada").await;
    let stored: String = sqlx::query_scalar("select password_hash from accounts")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert!(stored.contains("m=64"), "{stored}");
    app.log_in("ada").await;
}

#[tokio::test]
async fn a_read_only_database_does_not_tell_a_right_password_from_a_wrong_one() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    sqlx::query(
        "do $$ begin
             execute format(
                 'alter database %I set default_transaction_read_only = on',
                 current_database()
             );
         end $$",
    )
    .execute(app.pool())
    .await
    .unwrap();
    // The setting counts for new connections, as those to a standby after a failover.
    let standby = app.second_instance(&[1]);
    for password in [PASSWORD, "not the right password at all"] {
        for name in ["ada", "nobody"] {
            let answer = standby.try_log_in(name, password).await;
            answer.is(Code::TemporarilyUnavailable);
            assert_eq!(answer.header("retry-after"), "2");
        }
        let body = json!({"password": password});
        standby
            .call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&body))
            .await
            .is(Code::TemporarilyUnavailable);
        let body = json!({
            "current_password": password,
            "new_password": "ribbon quarry lantern oasis",
        });
        standby
            .call_as(&tokens, Method::PUT, paths::PASSWORD, Some(&body))
            .await
            .is(Code::TemporarilyUnavailable);
    }
    // None of them counts as a failure.
    assert!(standby.state.limits.failures().are_written());
    assert!(app.accepts(&tokens).await);
}

#[tokio::test]
async fn bar_24_too_many_sign_ins_at_once_are_answered_503_with_a_time_to_wait() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 8 * 1024,
            passes: 3,
        };
        config.limits.password_threads = 1;
        config.limits.places = 4;
    })
    .await;
    let tokens = app.sign_up("ada").await;
    let names: Vec<_> = (0..30).map(|n| format!("nobody-{n}")).collect();
    let calls = names.iter().map(|name| app.try_log_in(name, PASSWORD));
    let answers = futures::future::join_all(calls).await;
    let refused: Vec<_> = answers
        .iter()
        .filter(|answer| answer.status == 503)
        .collect();
    assert!(!refused.is_empty());
    for answer in refused {
        answer.is(Code::TemporarilyUnavailable);
        assert_eq!(answer.header("retry-after"), "2");
    }
    // People who are signed in do not wait in that queue.
    app.renew(&tokens).await;
}

#[tokio::test]
async fn a_new_session_beyond_the_limit_ends_the_least_recently_used_one() {
    let app = TestApp::with(|config| config.sessions_per_account = 3).await;
    let first = app.sign_up("ada").await;
    let second = app.log_in("ada").await;
    let third = app.log_in("ada").await;
    let first = app.renew(&first).await;
    let fourth = app.log_in("ada").await;
    assert!(!app.accepts(&second).await);
    for live in [&first, &third, &fourth] {
        assert!(app.accepts(live).await);
    }
    let events = app.events("ada", 5).await;
    let ended = (
        "session_ended".to_owned(),
        Some("ended_elsewhere".to_owned()),
    );
    assert_eq!(events.iter().filter(|event| **event == ended).count(), 1);
}

#[tokio::test]
async fn a_browser_that_has_signed_in_is_known_from_then_on() {
    let app = TestApp::start().await;
    let signed_up = app.sign_up("ada").await;
    let signed_in = app.log_in("ada").await;
    let tokens = [&signed_up, &signed_in].map(|tokens| tokens.known_browser.clone().unwrap());
    assert_ne!(tokens[0], tokens[1]);
    assert!(
        tokens
            .iter()
            .all(|token| token.expose().starts_with("hfb_"))
    );
    // The token outlives the session, so a refresh makes no new one.
    assert_eq!(app.renew(&signed_in).await.known_browser, None);
}
