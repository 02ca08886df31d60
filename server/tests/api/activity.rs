//! `GET /api/v1/activity`.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{ActivityPage, EventKind, paths};

use crate::support::TestApp;

#[tokio::test]
async fn the_activity_comes_newest_first_in_pages() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    for _ in 0..4 {
        let other = app.log_in("ada").await;
        app.log_out(&other).await;
    }
    app.sign_up("eve").await;
    let mut kinds = Vec::new();
    let mut path = format!("{}?limit=4", paths::ACTIVITY);
    let mut pages = 0;
    loop {
        let page: ActivityPage = app.get_as(&tokens, &path).await.json();
        pages += 1;
        assert!(page.events.len() <= 4);
        kinds.extend(page.events.iter().map(|event| event.kind));
        let Some(next) = page.next else { break };
        path = format!("{}?limit=4&before={next}", paths::ACTIVITY);
    }
    assert_eq!(pages, 3);
    let mut expected = [[EventKind::SignOut, EventKind::SignIn]; 4].concat();
    expected.push(EventKind::SignUp);
    assert_eq!(kinds, expected);
}

#[tokio::test]
async fn events_of_one_instant_have_one_order_in_pages_of_every_size() {
    let app = TestApp::with(|config| config.sessions_per_account = 1).await;
    app.sign_up("ada").await;
    let mut tokens = app.log_in("ada").await;
    for _ in 0..4 {
        tokens = app.log_in("ada").await;
    }
    // All events get the same time on the database's clock.
    sqlx::query("update events set at = now()")
        .execute(app.pool())
        .await
        .unwrap();
    let read = async |limit: usize| {
        let mut events = Vec::new();
        let mut path = format!("{}?limit={limit}", paths::ACTIVITY);
        loop {
            let page: ActivityPage = app.get_as(&tokens, &path).await.json();
            events.extend(page.events.iter().map(|event| (event.event_id, event.kind)));
            let Some(next) = page.next else {
                return events;
            };
            path = format!("{}?limit={limit}&before={next}", paths::ACTIVITY);
        }
    };
    let whole = read(100).await;
    let kinds: Vec<_> = whole.iter().map(|event| event.1).collect();
    // The sign-in ends the session before it, and is written after that ending.
    let mut expected = [[EventKind::SignIn, EventKind::SessionEnded]; 5].concat();
    expected.push(EventKind::SignUp);
    assert_eq!(kinds, expected);
    for limit in 1..=11 {
        assert_eq!(read(limit).await, whole, "pages of {limit}");
    }
}

#[tokio::test]
async fn a_page_says_how_long_events_are_kept() {
    let kept = Duration::from_secs(3 * 24 * 60 * 60);
    let app = TestApp::with(|config| config.activity_kept = kept).await;
    let tokens = app.sign_up("ada").await;
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    assert_eq!(page.kept_seconds, Some(kept.as_secs()));
}

#[tokio::test]
async fn a_page_has_its_limits() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    for query in [
        "limit=0",
        "limit=101",
        "limit=-1",
        "limit=x",
        "before=x",
        "after=1",
    ] {
        let problem = app
            .get_as(&tokens, &format!("{}?{query}", paths::ACTIVITY))
            .await
            .problem();
        assert_eq!(problem.code, Code::MalformedRequest, "{query}");
        assert!(problem.detail.contains("1 to 100"), "{}", problem.detail);
    }
}

#[tokio::test]
async fn a_kind_of_a_newer_server_is_shown_as_unknown() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // Its migration has replaced the check.
    sqlx::query("alter table events drop constraint events_kind")
        .execute(app.pool())
        .await
        .unwrap();
    sqlx::query("update events set kind = 'made_up_next_year'")
        .execute(app.pool())
        .await
        .unwrap();
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    assert_eq!(page.events[0].kind, EventKind::Unknown);
    assert_eq!(page.next, None);
}
