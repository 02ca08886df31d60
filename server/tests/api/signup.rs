//! `POST /api/v1/signup`.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Account, TokenType, paths};
use serde_json::json;

use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_sign_up_makes_an_account_and_signs_in() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("Ada.Lovelace").await;
    assert_eq!(tokens.token_type, TokenType::Bearer);
    assert!((285..=300).contains(&tokens.expires_in));
    assert!(tokens.refresh_token.expose().starts_with("hfr_"));
    let account: Account = app.get_as(&tokens, paths::ACCOUNT).await.json();
    assert_eq!(account.username, "Ada.Lovelace");
    assert_eq!(account.account_id, tokens.account_id);
    assert_eq!(app.renew(&tokens).await.account_id, tokens.account_id);
    assert_eq!(app.events("ada.lovelace", 1).await[0].0, "sign_up");
}

#[tokio::test]
async fn a_name_is_taken_in_any_letter_case() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let again = json!({"username": "ADA", "password": PASSWORD});
    app.call(Method::POST, paths::SIGNUP, &again)
        .await
        .is(Code::UsernameTaken);
}

#[tokio::test]
async fn two_sign_ups_with_one_name_at_the_same_instant_make_one_account() {
    let app = TestApp::start().await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let calls = (0..8).map(|_| app.call(Method::POST, paths::SIGNUP, &body));
    let answers = futures::future::join_all(calls).await;
    let made = answers.iter().filter(|answer| answer.status == 201).count();
    assert_eq!(made, 1);
    for answer in answers.iter().filter(|answer| answer.status != 201) {
        answer.is(Code::UsernameTaken);
    }
}

#[tokio::test]
async fn a_refused_name_or_password_is_answered_with_the_rule() {
    let app = TestApp::start().await;
    for (username, password, code, sentence) in [
        ("", PASSWORD, Code::UsernameNotAccepted, "Enter a username."),
        (
            "ab",
            PASSWORD,
            Code::UsernameNotAccepted,
            "at least 3 characters",
        ),
        (
            &"a".repeat(65),
            PASSWORD,
            Code::UsernameNotAccepted,
            "at most 64 characters",
        ),
        (
            "ada\0",
            PASSWORD,
            Code::UsernameNotAccepted,
            "letters a to z",
        ),
        ("ada", "", Code::PasswordNotAccepted, "Enter a password."),
        (
            "ada",
            "too short",
            Code::PasswordNotAccepted,
            "at least 15 characters",
        ),
        (
            "ada",
            &"long ".repeat(60),
            Code::PasswordNotAccepted,
            "at most 256 characters",
        ),
        (
            "ada",
            "correct\0horse battery",
            Code::PasswordNotAccepted,
            "invisible characters",
        ),
        (
            "ada",
            "aaaaaaaaaaaaaaaaaaaa",
            Code::PasswordNotAccepted,
            "too easy to guess",
        ),
    ] {
        let body = json!({"username": username, "password": password});
        let problem = app.call(Method::POST, paths::SIGNUP, &body).await.problem();
        assert_eq!(problem.code, code, "{username:?}");
        assert!(problem.detail.contains(sentence), "{}", problem.detail);
    }
    let accounts: i64 = sqlx::query_scalar("select count(*) from accounts")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(accounts, 0);
}

#[tokio::test]
async fn a_session_that_is_not_remembered_lives_for_twelve_hours() {
    let app = TestApp::start().await;
    let body = json!({"username": "ada", "password": PASSWORD, "remember": false});
    let tokens = app
        .call(Method::POST, paths::SIGNUP, &body)
        .await
        .tokens(201);
    assert_eq!(tokens.refresh_expires_in, 12 * 60 * 60);
    assert_eq!(tokens.refresh_idle_expires_in, 12 * 60 * 60);
}
