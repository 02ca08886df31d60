//! `POST /api/v1/password-estimate`.

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::Method;
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{PasswordEstimate, paths};
use serde_json::json;

use crate::limits::{From, WRONG};
use crate::support::queries::QueryCount;
use crate::support::{Answer, PASSWORD, TestApp, json_request};

async fn estimate(app: &TestApp, username: Option<&str>, password: &str) -> PasswordEstimate {
    let body = match username {
        Some(username) => json!({"username": username, "password": password}),
        None => json!({"password": password}),
    };
    let answer = app
        .call(Method::POST, paths::PASSWORD_ESTIMATE, &body)
        .await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// A sentence about a password, and its cause.
type Told = (String, Option<Cause>);

/// Why a sign-up with this password is refused. `None` if it is not refused.
async fn refusal(app: &TestApp, username: &str, password: &str) -> Option<Told> {
    let body = json!({"username": username, "password": password});
    let answer = app.call(Method::POST, paths::SIGNUP, &body).await;
    if answer.status == 201 {
        return None;
    }
    answer.is(Code::PasswordNotAccepted);
    let problem = answer.problem();
    Some((problem.detail, problem.cause))
}

#[tokio::test]
async fn the_estimate_has_the_words_of_the_refusal() {
    let app = TestApp::start().await;
    for password in [
        "",
        "short",
        "aaaaaaaaaaaaaaaaaa",
        "password1234567",
        "qwertyuiop12345",
        "correct horse battery staple",
        "ada.lovelace1234",
        &"too long ".repeat(40),
        PASSWORD,
    ] {
        let estimate = estimate(&app, Some("ada.lovelace"), password).await;
        let said = estimate.warning.map(|warning| {
            let suggestions = estimate.suggestions.iter();
            let words = suggestions.fold(warning, |said, more| format!("{said} {more}"));
            (words, estimate.cause)
        });
        assert_eq!(
            said,
            refusal(&app, "ada.lovelace", password).await,
            "{password}"
        );
        assert_eq!(estimate.score >= 3, said.is_none(), "{password}");
    }
}

#[tokio::test]
async fn without_a_name_the_password_alone_counts() {
    let app = TestApp::start().await;
    for username in [None, Some(""), Some("no such name!")] {
        let estimate = estimate(&app, username, PASSWORD).await;
        assert_eq!((estimate.warning, estimate.suggestions), (None, vec![]));
        assert!((3..=4).contains(&estimate.score));
    }
}

#[tokio::test]
async fn an_estimate_needs_no_query() {
    let app = TestApp::start().await;
    let queries = QueryCount::start();
    estimate(&app, Some("ada"), PASSWORD).await;
    estimate(&app, Some("ada"), "password1234567").await;
    assert_eq!(queries.so_far(), 0);
}

async fn estimate_from(app: &TestApp, ip: [u8; 4]) -> Answer {
    let body = json!({"password": "short"});
    let mut request = json_request(Method::POST, paths::PASSWORD_ESTIMATE, &body);
    let peer = SocketAddr::from((ip, 50_000));
    request.extensions_mut().insert(ConnectInfo(peer));
    app.send(request).await
}

#[tokio::test]
async fn estimates_of_one_address_have_a_bucket_of_their_own() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 2;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let here = [192, 0, 2, 1];
    for _ in 0..6 {
        assert_eq!(estimate_from(&app, here).await.status, 200);
    }
    let refused = estimate_from(&app, here).await;
    refused.is(Code::TooManyAttempts);
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1100..=1200).contains(&wait), "{wait}");
    // Sign-ins and other addresses are not affected.
    From::ip("192.0.2.1")
        .log_in(&app, "eve", WRONG)
        .await
        .is(Code::InvalidCredentials);
    assert_eq!(estimate_from(&app, [192, 0, 2, 2]).await.status, 200);
}
