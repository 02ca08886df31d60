//! `GET /api/v1/activity`.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{AccountData, ActivityPage, EventKind, Tokens, paths};
use holdfast_server::sweep::Sweep;

use crate::limits::{From, WRONG, change_password};
use crate::support::{FIREFOX, PASSWORD, TestApp};

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

/// The id of the entry is as old as its hour.
#[tokio::test]
async fn wrong_passwords_stand_in_a_page_at_their_time() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.log_in("ada").await;
    app.try_log_in("ada", WRONG)
        .await
        .is(Code::InvalidCredentials);
    app.state.limits.failures().written().await;
    app.log_in("ada").await;
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    let kinds: Vec<_> = page.events.iter().map(|event| event.kind).collect();
    let (signed_in, failed) = (EventKind::SignIn, EventKind::SignInFailed);
    assert_eq!(kinds, [signed_in, failed, signed_in, EventKind::SignUp]);
    // Each event is on one page.
    for limit in 1..=4 {
        let mut ids = Vec::new();
        let mut path = format!("{}?limit={limit}", paths::ACTIVITY);
        loop {
            let page: ActivityPage = app.get_as(&tokens, &path).await.json();
            ids.extend(page.events.iter().map(|event| event.event_id));
            let Some(next) = page.next else { break };
            path = format!("{}?limit={limit}&before={next}", paths::ACTIVITY);
        }
        assert_eq!(ids.len(), 4, "pages of {limit}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 4, "pages of {limit}");
    }
}

/// A stranger's try must not hide behind a mistake of the person.
#[tokio::test]
async fn a_wrong_password_in_a_known_browser_and_one_elsewhere_are_two_entries() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let own = From {
        ip: Some("192.0.2.1"),
        ..From::known(&tokens)
    };
    let (own_ip, other_ip) = ("192.0.2.1", "198.51.100.7");
    for from in [own, From::ip(other_ip)] {
        let answer = from.log_in(&app, "ada", WRONG).await;
        answer.is(Code::InvalidCredentials);
        app.state.limits.failures().written().await;
    }
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    let failed = page.events.iter();
    let failed = failed.filter(|event| event.kind == EventKind::SignInFailed);
    let failed: Vec<_> = failed
        .map(|event| (event.ip.as_deref(), event.times))
        .collect();
    assert_eq!(failed, [(Some(other_ip), 1), (Some(own_ip), 1)]);
}

/// Otherwise a person who has read the entry would not see that there was another try.
#[tokio::test]
async fn an_entry_stands_at_the_time_of_its_last_wrong_password() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let own = From::known(&tokens);
    let fail = async || {
        let answer = own.log_in(&app, "ada", WRONG).await;
        answer.is(Code::InvalidCredentials);
        app.state.limits.failures().written().await;
    };
    fail().await;
    app.log_in("ada").await;
    fail().await;
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    let newest = &page.events[0];
    assert_eq!(newest.kind, EventKind::SignInFailed);
    let failed = page.events.iter();
    let failed = failed.filter(|event| event.kind == EventKind::SignInFailed);
    assert_eq!(failed.map(|event| event.times).sum::<u64>(), 2);
    // There are two entries if the hour ended meanwhile.
    if newest.times == 2 {
        let kinds: Vec<_> = page.events[1..].iter().map(|event| event.kind).collect();
        assert_eq!(kinds, [EventKind::SignIn, EventKind::SignUp]);
    }
}

/// Otherwise nobody could see whether somebody still tries after the change.
#[tokio::test]
async fn wrong_passwords_before_and_after_a_change_are_two_entries() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let fail = async || {
        app.try_log_in("ada", WRONG)
            .await
            .is(Code::InvalidCredentials);
        app.state.limits.failures().written().await;
    };
    fail().await;
    let another = "seven lanterns above the harbour";
    let answer = change_password(&app, &tokens, PASSWORD, another).await;
    let tokens = answer.tokens(200);
    fail().await;
    let page: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    let failed = page.events.iter();
    let failed = failed.filter(|event| event.kind == EventKind::SignInFailed);
    let times: Vec<_> = failed.map(|event| event.times).collect();
    assert_eq!(times, [1, 1]);
    assert_eq!(page.events[0].kind, EventKind::SignInFailed);
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

/// The device of an event is that of the browser that has ended the session.
#[tokio::test]
async fn an_ending_says_which_browser_was_signed_out() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let ended = async |by: &Tokens| {
        let page: ActivityPage = app.get_as(by, paths::ACTIVITY).await.json();
        let ended = page.events.into_iter();
        let mut ended = ended.filter(|event| event.kind == EventKind::SessionEnded);
        ended.next().unwrap()
    };
    let one = app.log_in_from_firefox("ada").await;
    app.end_session(&here, one.session_id).await;
    let event = ended(&here).await;
    assert_eq!(event.session_id, Some(one.session_id));
    assert_eq!(event.device, "Unknown device");
    assert_eq!(event.ended_device.as_deref(), Some("Firefox on Linux"));

    let two = app.log_in_from_firefox("ada").await;
    app.end_others(&here).await;
    let event = ended(&here).await;
    assert_eq!(event.session_id, Some(two.session_id));
    assert_eq!(event.ended_device.as_deref(), Some("Firefox on Linux"));

    let three = app.log_in_from_firefox("ada").await;
    sqlx::query("update sessions set expires_at = now() where session_id = $1")
        .bind(three.session_id)
        .execute(app.pool())
        .await
        .unwrap();
    Sweep::from_the_beginning().round(&app.state).await;
    let event = ended(&here).await;
    assert_eq!(event.session_id, Some(three.session_id));
    assert_eq!(event.ended_device.as_deref(), Some("Firefox on Linux"));

    let four = app.log_in_from_firefox("ada").await;
    let another = "seven lanterns above the harbour";
    let here = change_password(&app, &here, PASSWORD, another).await;
    let here = here.tokens(200);
    let page: ActivityPage = app.get_as(&here, paths::ACTIVITY).await.json();
    let mut events = page.events.iter();
    let event = events.find(|event| {
        event.kind == EventKind::SessionEnded && event.session_id == Some(four.session_id)
    });
    let ended_device = event.unwrap().ended_device.as_deref();
    assert_eq!(ended_device, Some("Firefox on Linux"));
    // Other events are about no ending.
    let of_others = page.events.iter();
    let mut of_others = of_others.filter(|event| event.kind == EventKind::SignIn);
    assert!(of_others.all(|event| event.ended_device.is_none()));

    let data: AccountData = app.get_as(&here, paths::ACCOUNT_DATA).await.json();
    let ended_agents = data.activity.iter();
    let ended_agents = ended_agents.filter_map(|data| data.ended_user_agent.as_deref());
    let ended_agents: Vec<_> = ended_agents.collect();
    assert_eq!(ended_agents, [FIREFOX; 4]);
}
