//! No level of the log contains secrets.

use axum::http::Method;
use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::wire::paths;
use serde_json::json;

use crate::support::log::Log;
use crate::support::{PASSWORD, TestApp, refresh_request};

#[tokio::test]
async fn no_token_password_username_or_attempt_key_is_logged() {
    let app = TestApp::start().await;
    let log = Log::start();

    let username = "ada-of-the-logs";
    let wrong = "wrong horse battery staple";
    let key = AttemptKey::from_random([0xcd; 16]);
    let tokens = app.sign_up(username).await;
    let renewed = app.refresh(&tokens, &key).await.tokens(200);
    app.refresh(&tokens, &key).await.tokens(200);
    app.get_as(&renewed, paths::ACCOUNT).await;
    app.try_log_in(username, wrong).await;
    app.call(
        Method::POST,
        paths::LOGIN,
        &json!({"username": username, "pasword": wrong}),
    )
    .await;
    let estimate = json!({"username": username, "password": wrong});
    app.call(Method::POST, paths::PASSWORD_ESTIMATE, &estimate)
        .await;
    let change = json!({"current_password": wrong, "new_password": PASSWORD});
    app.call_as(&renewed, Method::PUT, paths::PASSWORD, Some(&change))
        .await;
    let forged = format!("{}x", tokens.refresh_token.expose());
    app.send(refresh_request(&forged, Some(&key))).await;
    app.let_pass(tokens.session_id, 60).await;
    app.refresh(&tokens, &AttemptKey::from_random([0xce; 16]))
        .await;
    app.log_out(&renewed).await;
    app.state.pool.close().await;
    app.try_log_in(username, PASSWORD).await;
    let text = log.finish();
    assert!(
        text.contains("A spent refresh token came back."),
        "the log was on"
    );
    assert!(text.contains("/api/v1/refresh"));
    let secrets = [
        PASSWORD,
        wrong,
        username,
        key.expose(),
        tokens.access_token.expose(),
        renewed.access_token.expose(),
        // The parts that differ from token to token.
        &tokens.refresh_token.expose()[36..],
        &renewed.refresh_token.expose()[36..],
        "$argon2id$",
    ];
    for secret in secrets {
        let line = text.lines().find(|line| line.contains(secret));
        assert_eq!(line, None, "a secret is in the log");
    }
}
