//! The sweep.

use std::time::Duration;

use holdfast_server::sweep::Sweep;

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
async fn sessions_that_are_over_are_deleted_and_others_stay() {
    let app = TestApp::with(|config| config.refresh_idle = Duration::from_secs(1000)).await;
    let live = app.sign_up("ada").await;
    let expired = app.log_in("ada").await;
    let idle = app.log_in("ada").await;
    let ended = app.log_in("ada").await;
    app.log_out(&ended).await;
    app.let_pass(expired.session_id, 91 * 24 * 60 * 60).await;
    app.let_pass(idle.session_id, 1001).await;

    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty(), "{:?}", round.failed);
    assert_eq!(round.deleted, 2);
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
async fn old_endings_and_old_events_are_deleted() {
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
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(round.deleted, 3);
    assert_eq!(count(&app, "session_ends").await, 0);
    assert_eq!(count(&app, "events").await, 1);
}

#[tokio::test]
async fn two_instances_sweep_at_the_same_time() {
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
    let (mut first, mut second) = (Sweep::from_the_beginning(), Sweep::from_the_beginning());
    let (first, second) = futures::join!(first.round(&one.state), second.round(&two.state));
    assert_eq!(first.deleted + second.deleted, 21);
    assert_eq!(count(&one, "sessions").await, 0);
    assert_eq!(count(&one, "events").await, 42);
}

/// Opens sessions of one account with one statement. The last of them is idle for too long.
async fn open_many(app: &TestApp, count: i64) {
    app.sign_up("ada").await;
    sqlx::query(
        "insert into sessions (
             session_id, account_id, generation, token_hash, attempt_keys,
             rotated_at, expires_at, idle_seconds, remember
         )
         select
             lpad(to_hex(n), 32, '0')::uuid,
             (select account_id from accounts),
             0,
             decode(repeat('00', 32), 'hex'),
             '',
             now() - case when n = $1 then interval '2 hours' else interval '0' end,
             now() + interval '1 day',
             3600,
             true
         from generate_series(1, $1) as n",
    )
    .bind(count)
    .execute(app.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn a_round_reads_a_bounded_number_of_sessions_and_the_next_goes_on() {
    let app = TestApp::start().await;
    open_many(&app, 45_000).await;
    let mut sweep = Sweep::from_the_beginning();
    let first = sweep.round(&app.state).await;
    assert_eq!((first.looked_at, first.deleted), (40_000, 0));
    // These are the rest, and the session of the sign-up.
    let second = sweep.round(&app.state).await;
    assert_eq!((second.looked_at, second.deleted), (5_001, 1));
    // The walk starts at the beginning again.
    let third = sweep.round(&app.state).await;
    assert_eq!(third.looked_at, 40_000);
}

#[tokio::test]
async fn a_purge_that_fails_does_not_keep_the_others_from_running() {
    let app = TestApp::with(|config| config.refresh_idle = Duration::from_secs(1000)).await;
    let idle = app.sign_up("ada").await;
    let expired = app.log_in("ada").await;
    app.let_pass(idle.session_id, 1001).await;
    app.let_pass(expired.session_id, 91 * 24 * 60 * 60).await;
    sqlx::query("alter table session_ends rename to elsewhere")
        .execute(app.pool())
        .await
        .unwrap();
    let round = Sweep::from_the_beginning().round(&app.state).await;
    let failed: Vec<_> = round.failed.iter().map(|(purge, _)| *purge).collect();
    assert_eq!(failed, ["endings"]);
    assert_eq!(round.deleted, 2);
}
