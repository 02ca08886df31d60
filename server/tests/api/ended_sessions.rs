//! An ending takes effect on every instance within a second.

use std::time::{Duration, Instant};

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::EndReason;
use holdfast_server::endings::{self, EndedSessions};
use holdfast_server::random;
use holdfast_server::store::session_ends::{self, PageStart};

use crate::support::{TestApp, new_key};

fn listen(app: &TestApp) {
    let (pool, ended) = (&app.state.pool, &app.state.ended);
    tokio::spawn(endings::reader::run(app.reader()));
    tokio::spawn(endings::listener::run(pool.clone(), ended.clone()));
}

/// Waits until `done`, and returns how long that took.
async fn until(done: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    while !done().await {
        assert!(start.elapsed() < Duration::from_secs(30), "it never came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    start.elapsed()
}

#[tokio::test]
async fn another_instance_refuses_the_access_token_within_a_second() {
    let here = TestApp::start().await;
    let mut elsewhere = here.second_instance(&[1]);
    elsewhere.replace_ended(EndedSessions::new(here.state.config.access_token_ttl));
    listen(&here);
    listen(&elsewhere);
    until(async || elsewhere.state.ended.is_trusted()).await;
    for round in 0..5 {
        let tokens = here.sign_up(&format!("ada{round}")).await;
        assert!(elsewhere.accepts(&tokens).await);
        here.log_out(&tokens).await;
        let busy = Instant::now();
        elsewhere.accepts(&tokens).await;
        let one_look = busy.elapsed();
        let took = until(async || !elsewhere.accepts(&tokens).await).await;
        // A check is a call in this process without the database. If it takes long, the machine
        // is too busy to measure seconds.
        let is_busy = one_look > Duration::from_millis(50);
        assert!(took < Duration::from_secs(1) || is_busy, "{took:?}");
    }
}

#[tokio::test]
async fn an_ending_whose_notification_was_lost_is_read_from_the_table() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    listen(&app);
    sqlx::query("insert into session_ends (session_id, reason) values ($1, 'logout')")
        .bind(tokens.session_id)
        .execute(app.pool())
        .await
        .unwrap();
    until(async || !app.accepts(&tokens).await).await;
}

#[tokio::test]
async fn a_cut_connection_is_replaced_and_no_ending_is_missed() {
    let here = TestApp::start().await;
    let elsewhere = here.second_instance(&[1]);
    listen(&elsewhere);
    let one = here.sign_up("ada").await;
    here.log_out(&one).await;
    until(async || !elsewhere.accepts(&one).await).await;

    let two = here.sign_up("eve").await;
    sqlx::query(
        "select pg_terminate_backend(pid) from pg_stat_activity
         where datname = current_database() and pid <> pg_backend_pid()",
    )
    .execute(here.pool())
    .await
    .unwrap();
    until(async || here.log_out(&two).await.status == 204).await;
    until(async || !elsewhere.accepts(&two).await).await;
}

#[tokio::test]
async fn endings_are_read_page_by_page_and_none_is_missed_or_read_twice() {
    let app = TestApp::start().await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let mut ids: Vec<_> = (0..7).map(|_| random::id(&app.state.clock)).collect();
    ids.sort();
    session_ends::insert(&mut connection, &ids, EndReason::Reuse)
        .await
        .unwrap();
    // All have the same time, so a page may end in the middle of them.
    sqlx::query("update session_ends set ended_at = date_trunc('minute', now())")
        .execute(app.pool())
        .await
        .unwrap();
    let mut read = Vec::new();
    let mut place = PageStart::Kept(7200.0);
    loop {
        let page = session_ends::read(&mut connection, place, 3).await.unwrap();
        assert!(page.endings.len() <= 3);
        read.extend(page.endings.iter().map(|ended| ended.session_id));
        match page.next {
            Some(next) => place = next,
            None => break,
        }
    }
    read.sort();
    assert_eq!(read, ids);
}

#[tokio::test]
async fn an_ending_that_is_committed_late_is_read() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // Without an overlap, every transaction that is open during a read commits too late for it.
    let mut reader = app.reader().overlapping(Duration::ZERO);
    reader.read().await.unwrap();
    let mut late = app.pool().begin().await.unwrap();
    sqlx::query("insert into session_ends (session_id, reason) values ($1, 'logout')")
        .bind(tokens.session_id)
        .execute(&mut *late)
        .await
        .unwrap();
    reader.read().await.unwrap();
    reader.read().await.unwrap();
    assert!(app.accepts(&tokens).await);
    late.commit().await.unwrap();
    reader.read().await.unwrap();
    assert!(!app.accepts(&tokens).await);
}

#[tokio::test]
async fn an_ending_that_was_never_announced_is_announced_when_its_token_comes_again() {
    let app = TestApp::start().await;
    for (round, by_refresh) in [("ada", true), ("eve", false)] {
        let tokens = app.sign_up(round).await;
        // The ending was committed, but the answer and the notification were lost.
        for statement in [
            "delete from sessions where session_id = $1",
            "insert into session_ends (session_id, reason, ended_at)
             values ($1, 'logout', now() - interval '70 seconds')",
        ] {
            sqlx::query(statement)
                .bind(tokens.session_id)
                .execute(app.pool())
                .await
                .unwrap();
        }
        assert!(app.accepts(&tokens).await);
        if by_refresh {
            let answer = app.refresh(&tokens, &new_key()).await;
            answer.is(Code::SessionEnded);
        } else {
            assert_eq!(app.log_out(&tokens).await.status, 204);
        }
        assert!(!app.accepts(&tokens).await);
        let told = app.state.ended.news(10).await;
        assert_eq!(told, [(tokens.session_id, EndReason::Logout)]);
    }
}

#[tokio::test]
async fn the_readers_connection_is_renewed_and_no_ending_is_read_twice() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut reader = app.reader().renewing_every(Duration::ZERO);
    let before = backends(&app).await;
    reader.read().await.unwrap();
    let first: Vec<_> = since(&before, &backends(&app).await);
    assert_eq!(first.len(), 1);
    // The ending is older than the overlap of reads, so only a reader that reads everything
    // again would find it.
    sqlx::query(
        "insert into session_ends (session_id, reason, ended_at)
         values ($1, 'logout', now() - interval '5 minutes')",
    )
    .bind(tokens.session_id)
    .execute(app.pool())
    .await
    .unwrap();
    reader.read().await.unwrap();
    let known: Vec<_> = before.iter().chain(&first).copied().collect();
    assert_eq!(since(&known, &backends(&app).await).len(), 1);
    assert!(app.accepts(&tokens).await);
}

/// The processes of Postgres that serve the instances of this test.
async fn backends(app: &TestApp) -> Vec<i32> {
    sqlx::query_scalar(
        "select pid from pg_stat_activity
         where datname = current_database() and application_name = 'holdfast'",
    )
    .fetch_all(app.pool())
    .await
    .unwrap()
}

fn since(before: &[i32], now: &[i32]) -> Vec<i32> {
    now.iter()
        .filter(|pid| !before.contains(pid))
        .copied()
        .collect()
}
