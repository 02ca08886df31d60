//! `POST /api/v1/logout`.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;
use serde_json::json;

use crate::support::{TestApp, new_key};

#[tokio::test]
async fn a_logout_ends_only_its_own_session() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    assert_eq!(app.log_out(&here).await.status, 204);
    app.refresh(&here, &new_key()).await.is(Code::SessionEnded);
    app.get_as(&here, paths::ACCOUNT)
        .await
        .is(Code::SessionEnded);
    // Bar 11: other browsers stay signed in.
    assert!(app.accepts(&elsewhere).await);
    app.renew(&elsewhere).await;
}

#[tokio::test]
async fn bar_10_a_spent_token_logs_out_and_a_second_logout_does_no_harm() {
    let app = TestApp::start().await;
    let spent = app.sign_up("ada").await;
    let current = app.renew(&app.renew(&spent).await).await;
    assert_eq!(app.log_out(&spent).await.status, 204);
    assert!(!app.is_alive(current.session_id).await);
    app.refresh(&current, &new_key())
        .await
        .is(Code::SessionEnded);
    assert!(!app.accepts(&current).await);
    assert_eq!(app.log_out(&spent).await.status, 204);
    assert_eq!(app.log_out(&current).await.status, 204);
    let signed_out = app
        .events("ada", 2)
        .await
        .iter()
        .filter(|event| event.0 == "sign_out")
        .count();
    assert_eq!(signed_out, 1);
}

#[tokio::test]
async fn a_foreign_token_ends_no_session_and_gets_the_same_answer() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut forged = tokens.refresh_token.expose().to_owned();
    forged.replace_range(40..41, if &forged[40..41] == "A" { "B" } else { "A" });
    for token in [forged.as_str(), "", "hfr_", tokens.access_token.expose()] {
        let body = json!({"refresh_token": token});
        let answer = app.call(Method::POST, paths::LOGOUT, &body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.text()),
            (204, String::new())
        );
    }
    assert!(app.is_alive(tokens.session_id).await);
}
