//! Confirming a password within a session: how often a session may try, and how many places
//! one account has.

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::password_hash::Cost;
use serde_json::json;

use crate::limits::{WRONG, change_password};
use crate::support::queries::QueryCount;
use crate::support::{PASSWORD, TestApp};

/// Confirms the password and requests a new one that is refused, so that it can be repeated.
async fn confirm(app: &TestApp, tokens: &Tokens) -> Code {
    let answer = change_password(app, tokens, PASSWORD, "too short").await;
    answer.problem().code
}

#[tokio::test]
async fn many_sessions_of_one_account_do_not_take_every_place() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 4 * 1024,
            passes: 3,
        };
    })
    .await;
    let mut sessions = vec![app.sign_up("ada").await];
    for _ in 0..16 {
        sessions.push(app.log_in("ada").await);
    }
    let other = app.sign_up("eve").await;
    // The other account comes last, when all places could be taken.
    let calls = sessions.iter().chain([&other]);
    let answers = futures::future::join_all(calls.map(|tokens| confirm(&app, tokens))).await;
    let (others, ours) = answers.split_last().unwrap();
    let confirmed = |code: &&Code| **code == Code::PasswordNotAccepted;
    let refused = |code: &&Code| **code == Code::TooManyAttempts;
    let counts = (
        ours.iter().filter(confirmed).count(),
        ours.iter().filter(refused).count(),
    );
    assert_eq!(counts, (2, 15));
    assert!(confirmed(&others));
}

#[tokio::test]
async fn a_session_that_confirms_too_often_has_to_wait_before_a_query() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 2;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let busy = app.sign_up("ada").await;
    let other = app.log_in("ada").await;
    for _ in 0..2 {
        assert_eq!(confirm(&app, &busy).await, Code::PasswordNotAccepted);
    }
    let queries = QueryCount::start();
    assert_eq!(confirm(&app, &busy).await, Code::TooManyAttempts);
    assert_eq!(queries.so_far(), 0);
    // A thief who has one session does not prevent the person's other sessions from confirming.
    assert_eq!(confirm(&app, &other).await, Code::PasswordNotAccepted);
}

#[tokio::test]
async fn all_sessions_of_one_account_share_a_bucket() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 1;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let mut sessions = vec![app.sign_up("ada").await];
    for _ in 0..5 {
        sessions.push(app.log_in("ada").await);
    }
    let mut confirmed = 0;
    for tokens in &sessions {
        let code = confirm(&app, tokens).await;
        confirmed += usize::from(code == Code::PasswordNotAccepted);
    }
    assert_eq!(confirmed, 3, "three times as many as one session has");
}

#[tokio::test]
async fn deleting_the_account_counts_with_changing_the_password() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 1;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let tokens = app.sign_up("ada").await;
    assert_eq!(confirm(&app, &tokens).await, Code::PasswordNotAccepted);
    let body = json!({"password": WRONG});
    let refused = app
        .call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&body))
        .await;
    refused.is(Code::TooManyAttempts);
}

#[tokio::test]
async fn a_confirmed_password_with_an_outdated_hash_gets_a_new_hash() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let costlier = app.second_instance_with(|config| {
        config.password_cost = Cost {
            memory: 128,
            passes: 1,
        };
    });
    let hash = async || -> String {
        sqlx::query_scalar("select password_hash from accounts")
            .fetch_one(app.pool())
            .await
            .unwrap()
    };
    assert!(hash().await.contains("$m=64,"));
    // The right password does not wait until the new hash can be stored.
    let mut holding = app.pool().begin().await.unwrap();
    sqlx::query("select from accounts for update")
        .execute(&mut *holding)
        .await
        .unwrap();
    assert_eq!(confirm(&costlier, &tokens).await, Code::PasswordNotAccepted);
    holding.rollback().await.unwrap();
    assert!(hash().await.contains("$m=64,"));

    assert_eq!(confirm(&costlier, &tokens).await, Code::PasswordNotAccepted);
    assert!(hash().await.contains("$m=128,"));
    // The person can still use the password.
    costlier.log_in("ada").await;
}
