//! The metrics for operators.

use axum::body::Body;
use axum::http::Request;
use holdfast_server::metrics;
use http_body_util::BodyExt as _;
use tower::ServiceExt as _;

use crate::support::{TestApp, new_key};

pub async fn counted(app: &TestApp) -> String {
    let state = &app.state;
    let (ended, events) = (state.ended.clone(), state.events.clone());
    let (pool, limits) = (state.pool.clone(), state.limits.clone());
    let router = metrics::router(&state.metrics, ended, events, pool, limits);
    let request = Request::builder()
        .uri("/metrics")
        .body(Body::empty())
        .unwrap();
    let response = router.oneshot(request).await.unwrap();
    assert_eq!(response.status(), 200);
    let kind = response.headers()["content-type"].to_str().unwrap();
    assert!(kind.starts_with("application/openmetrics-text"), "{kind}");
    let body = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(body.to_vec()).unwrap()
}

/// Asserts that there is this whole line. A part of a line would also fit another name.
#[track_caller]
fn assert_line(counted: &str, line: &str) {
    assert!(counted.lines().any(|l| l == line), "{line}\n{counted}");
}

#[tokio::test]
async fn bar_3_every_answer_to_a_refresh_is_counted_also_reuse() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    let key = new_key();
    let second = app.refresh(&first, &key).await.tokens(200);
    app.refresh(&first, &key).await.tokens(200);
    app.refresh(&first, &new_key()).await;
    app.let_pass(first.session_id, 60).await;
    app.refresh(&first, &new_key()).await;
    app.refresh(&second, &new_key()).await;

    let counted = counted(&app).await;
    for (answer, times) in [
        ("rotated", 1),
        ("repeated", 1),
        ("refresh_conflict", 1),
        ("refresh_token_reused", 1),
        ("session_ended", 1),
    ] {
        let line = format!(r#"holdfast_refreshes_total{{answer="{answer}"}} {times}"#);
        assert_line(&counted, &line);
    }
    assert_line(&counted, "holdfast_ended_sessions_remembered 1");
    let connections = app.state.pool.len();
    assert_line(
        &counted,
        &format!("holdfast_database_connections {connections}"),
    );
}

#[tokio::test]
async fn sign_ins_are_counted_without_names() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    app.log_in("ada").await;
    app.try_log_in("ada", "not the password at all").await;
    app.try_log_in("mallory", "not the password at all").await;
    let counted = counted(&app).await;
    for line in [
        r#"holdfast_sign_ins_total{answer="signed_in"} 1"#,
        r#"holdfast_sign_ins_total{answer="invalid_credentials"} 2"#,
    ] {
        assert_line(&counted, line);
    }
    assert!(!counted.contains("ada") && !counted.contains("mallory"));
}
