//! Who got in and who did not stands in the log (OWASP ASVS 5.0 §16.3.1).

use axum::body::Body;
use axum::http::{Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};

use crate::support::log::Log;
use crate::support::{TestApp, new_key};

/// The lines with this sentence.
fn lines<'a>(log: &'a str, sentence: &str) -> Vec<&'a str> {
    log.lines().filter(|line| line.contains(sentence)).collect()
}

#[tokio::test]
async fn a_session_that_was_opened_is_logged_with_its_account() {
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
