//! The sweep.

use std::time::Duration;

use holdfast_server::sweep::{Sweep, sweep};

use crate::support::TestApp;

async fn count(app: &TestApp, table: &'static str) -> i64 {
    let query = match table {
        "sessions" => "select count(*) from sessions",
        "session_ends" => "select count(*) from session_ends",
        _ => "select count(*) from events",
    };
    sqlx::query_scalar(query)
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn what_is_over_goes_and_what_is_not_stays() {
    let app = TestApp::with(|config| config.refresh_idle = Duration::from_secs(1000)).await;
    let live = app.sign_up("ada").await;
    let expired = app.log_in("ada").await;
    let idle = app.log_in("ada").await;
    let ended = app.log_in("ada").await;
    app.log_out(&ended).await;
    app.let_pass(expired.session_id, 91 * 24 * 60 * 60).await;
    app.let_pass(idle.session_id, 1001).await;

    assert_eq!(sweep(&app.state, Sweep::Indexed).await.unwrap(), 1);
    assert_eq!(sweep(&app.state, Sweep::Everything).await.unwrap(), 1);
    assert!(app.is_alive(live.session_id).await);
    assert_eq!(count(&app, "sessions").await, 1);
    assert_eq!(count(&app, "session_ends").await, 1);
    let events = app.events("ada", 7).await;
    let expiries = events
        .iter()
        .filter(|event| event.1.as_deref() == Some("expired"));
    assert_eq!(expiries.count(), 2);
}

#[tokio::test]
async fn old_endings_and_old_events_are_forgotten() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.log_out(&tokens).await;
    for age in [
        "update session_ends set ended_at = now() - interval '7201 seconds'",
        "update events set at = now() - interval '181 days'",
    ] {
        sqlx::query(age).execute(app.pool()).await.unwrap();
    }
    app.log_in("ada").await;
    assert_eq!(sweep(&app.state, Sweep::Everything).await.unwrap(), 3);
    assert_eq!(count(&app, "session_ends").await, 0);
    assert_eq!(count(&app, "events").await, 1);
}

#[tokio::test]
async fn two_instances_sweep_beside_each_other() {
    let one = TestApp::start().await;
    let two = one.second_instance(&[1]);
    one.sign_up("ada").await;
    for _ in 0..20 {
        one.log_in("ada").await;
    }
    sqlx::query("update sessions set expires_at = now()")
        .execute(one.pool())
        .await
        .unwrap();
    let (first, second) = futures::join!(
        sweep(&one.state, Sweep::Everything),
        sweep(&two.state, Sweep::Everything)
    );
    assert_eq!(first.unwrap() + second.unwrap(), 21);
    assert_eq!(count(&one, "sessions").await, 0);
    assert_eq!(count(&one, "events").await, 42);
}
