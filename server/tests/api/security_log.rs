//! The log shows successful and refused sign-ins (OWASP ASVS 5.0 §16.3.1).

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use serde_json::json;

use crate::limits::WRONG;
use crate::support::log::Log;
use crate::support::{PASSWORD, TestApp, json_request, new_key};

/// The lines with this sentence.
fn lines<'a>(log: &'a str, sentence: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(sentence)).collect()
}

#[tokio::test]
async fn an_opened_session_is_logged_with_its_account() {
    let app = TestApp::start().await;
    let log = Log::start();
    let signed_up = app.sign_up("ada").await;
    let signed_in = app.log_in("ada").await;
    let log = log.finish();
    let lines = lines(&log, "A session was opened.");
    assert_eq!(lines.len(), 2, "{log}");
    for (line, tokens, kind) in [
        (lines[0], &signed_up, "sign_up"),
        (lines[1], &signed_in, "sign_in"),
    ] {
        for field in [
            format!("event.kind=\"{kind}\""),
            format!("account.id={}", tokens.account_id),
            format!("session.id={}", tokens.session_id),
        ] {
            assert!(line.contains(&field), "{field}: {line}");
        }
    }
}

#[tokio::test]
async fn a_wrong_password_is_logged_with_its_account_and_address_but_without_the_typed_text() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada-of-the-logs").await;
    let peer = SocketAddr::from(([192, 0, 2, 7], 4711));
    let log_in = async |name: &str| {
        let body = json!({"username": name, "password": WRONG});
        let mut request = json_request(Method::POST, paths::LOGIN, &body);
        request.extensions_mut().insert(ConnectInfo(peer));
        app.send(request).await.is(Code::InvalidCredentials);
    };
    let log = Log::start();
    log_in("ada-of-the-logs").await;
    log_in("typed-into-the-wrong-field").await;
    log_in("no such name!").await;
    for path in [paths::PASSWORD, paths::ACCOUNT] {
        let (method, body) = if path == paths::PASSWORD {
            let body = json!({"current_password": WRONG, "new_password": PASSWORD});
            (Method::PUT, body)
        } else {
            (Method::DELETE, json!({"password": WRONG}))
        };
        let answer = app.call_as(&tokens, method, path, Some(&body)).await;
        answer.is(Code::InvalidCredentials);
    }
    let log = log.finish();

    let (account, session) = (
        format!("account.id={}", tokens.account_id),
        format!("session.id={}", tokens.session_id),
    );
    let address = "client.address=\"192.0.2.7\"";
    let wrong = lines(&log, "A password was wrong.");
    assert_eq!(wrong.len(), 3, "{log}");
    assert!(
        wrong[0].contains(&account) && wrong[0].contains(address),
        "{}",
        wrong[0]
    );
    for line in &wrong[1..] {
        assert!(line.contains(&account) && line.contains(&session), "{line}");
    }
    let unknown = lines(&log, "A password was tried under an unknown name.");
    assert_eq!(unknown.len(), 2, "{log}");
    for line in &unknown {
        assert!(
            line.contains(address) && !line.contains("account.id"),
            "{line}"
        );
    }
    for line in wrong.iter().chain(&unknown) {
        assert!(line.contains("event.kind=\"sign_in_failed\""), "{line}");
    }
    for typed in [WRONG, "ada-of-the-logs", "typed-into", "no such name!"] {
        let line = log.lines().find(|line| line.contains(typed));
        assert_eq!(line, None, "what was typed is in the log");
    }
}

/// Presents a spent token, so that the session ends.
async fn reuse(app: &TestApp, spent: &Tokens, oauth: bool) {
    app.let_pass(spent.session_id, 60).await;
    if !oauth {
        let answer = app.refresh(spent, &new_key()).await;
        return answer.is(Code::RefreshTokenReused);
    }
    let token = spent.refresh_token.expose();
    let form = format!("grant_type=refresh_token&refresh_token={token}");
    let request = Request::post(paths::OAUTH_TOKEN)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Body::from(form))
        .unwrap();
    assert_eq!(app.send(request).await.status, 400);
}

#[tokio::test]
async fn reuse_is_logged_the_same_on_every_endpoint() {
    for oauth in [false, true] {
        let app = TestApp::start().await;
        let spent = app.sign_up("ada").await;
        app.renew(&spent).await;
        let log = Log::start();
        reuse(&app, &spent, oauth).await;
        assert!(!app.is_alive(spent.session_id).await);
        let log = log.finish();
        let lines = lines(&log, "A spent refresh token came back.");
        assert_eq!(lines.len(), 1, "{log}");
        let session = format!("session.id={}", spent.session_id);
        assert!(
            lines[0].contains("WARN") && lines[0].contains(&session),
            "{}",
            lines[0]
        );
    }
}
