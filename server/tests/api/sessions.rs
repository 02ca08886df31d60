//! `/api/v1/sessions`.

use axum::http::{Method, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{EndedSessions, SessionList, paths};
use serde_json::json;

use crate::support::{PASSWORD, TestApp, json_request, new_key};

async fn list(app: &TestApp, tokens: &holdfast_protocol::wire::Tokens) -> SessionList {
    app.get_as(tokens, paths::SESSIONS).await.json()
}

#[tokio::test]
async fn the_list_shows_browsers_and_marks_the_current_one() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let body = json!({"username": "ada", "password": PASSWORD});
    let mut request = json_request(Method::POST, paths::LOGIN, &body);
    let firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0";
    request
        .headers_mut()
        .insert(header::USER_AGENT, firefox.parse().unwrap());
    let elsewhere = app.send(request).await.tokens(200);
    app.sign_up("eve").await;

    let sessions = list(&app, &here).await.sessions;
    assert_eq!(sessions.len(), 2);
    let (newest, oldest) = (&sessions[0], &sessions[1]);
    assert_eq!(
        (newest.session_id, newest.current),
        (elsewhere.session_id, false)
    );
    assert_eq!(newest.device, "Firefox on Linux");
    assert_eq!((oldest.session_id, oldest.current), (here.session_id, true));
    assert_eq!(oldest.device, "Unknown device");
    for session in &sessions {
        assert_eq!(session.last_used_at % 300, 0);
        let ninety_days = 90 * 24 * 60 * 60;
        assert!((session.expires_at - session.created_at - ninety_days).abs() <= 1);
    }
}

#[tokio::test]
async fn ending_another_session_takes_effect_at_once() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let path = format!("{}/{}", paths::SESSIONS, elsewhere.session_id);
    assert_eq!(
        app.call_as(&here, Method::DELETE, &path, None).await.status,
        204
    );
    assert!(!app.accepts(&elsewhere).await);
    app.refresh(&elsewhere, &new_key())
        .await
        .is(Code::SessionEnded);
    assert!(app.accepts(&here).await);
    app.call_as(&here, Method::DELETE, &path, None)
        .await
        .is(Code::NotFound);
}

#[tokio::test]
async fn another_accounts_session_is_not_found_and_lives_on() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    let foreign = format!("{}/{}", paths::SESSIONS, eve.session_id);
    app.call_as(&ada, Method::DELETE, &foreign, None)
        .await
        .is(Code::NotFound);
    for bad in [
        "x",
        "%00",
        "00000000-0000-0000-0000-000000000000",
        "..%2f..%2f",
    ] {
        let path = format!("{}/{bad}", paths::SESSIONS);
        app.call_as(&ada, Method::DELETE, &path, None)
            .await
            .is(Code::NotFound);
    }
    assert!(app.accepts(&eve).await);
}

#[tokio::test]
async fn bar_11_ending_all_others_keeps_this_session_and_ending_all_does_not() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let others = [app.log_in("ada").await, app.log_in("ada").await];
    let answer = app
        .call_as(&here, Method::DELETE, paths::SESSIONS, None)
        .await;
    assert_eq!(answer.json::<EndedSessions>().ended, 2);
    assert!(app.accepts(&here).await);
    for other in &others {
        assert!(!app.accepts(other).await);
    }
    let all = format!("{}?keep_current=false", paths::SESSIONS);
    let answer = app.call_as(&here, Method::DELETE, &all, None).await;
    assert_eq!(answer.json::<EndedSessions>().ended, 1);
    assert!(!app.accepts(&here).await);
}

#[tokio::test]
async fn a_misspelt_parameter_ends_no_session() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    for query in [
        "keep_curent=false",
        "keep_current=maybe",
        "keep_current=false&x=1",
    ] {
        let path = format!("{}?{query}", paths::SESSIONS);
        app.call_as(&here, Method::DELETE, &path, None)
            .await
            .is(Code::MalformedRequest);
    }
    assert!(app.accepts(&here).await);
}

#[tokio::test]
async fn more_than_five_hundred_sessions_end_in_transactions_of_five_hundred() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let here = app.sign_up("ada").await;
    sqlx::query(
        "insert into sessions (
             session_id, account_id, generation, token_hash, attempt_keys, expires_at,
             idle_seconds, remember
         )
         select
             gen_random_uuid(), $1, 0, sha256(n::text::bytea), '', now() + interval '1 day',
             1000, true
         from generate_series(1, 1700) as n",
    )
    .bind(here.account_id)
    .execute(app.pool())
    .await
    .unwrap();
    let others = app
        .call_as(&here, Method::DELETE, paths::SESSIONS, None)
        .await;
    assert_eq!(others.json::<EndedSessions>().ended, 1700);
    assert_eq!(app.state.ended.len(), 1700);
    assert!(app.accepts(&here).await);
    // Rows that were written in one transaction share its id.
    let largest: i64 = sqlx::query_scalar(
        "select max(n) from (
             select count(*) as n from session_ends group by xmin::text
         ) as of_one_transaction",
    )
    .fetch_one(app.pool())
    .await
    .unwrap();
    assert_eq!(largest, 500);
    let events: i64 =
        sqlx::query_scalar("select count(*) from events where kind = 'session_ended'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(events, 1700);
}

#[tokio::test]
async fn a_session_that_has_just_ended_ends_no_other() {
    let here = TestApp::start().await;
    // Another instance has not learnt of the ending yet.
    let elsewhere = here.second_instance(&[1]);
    let leaving = here.sign_up("ada").await;
    let staying = here.log_in("ada").await;
    here.log_out(&leaving).await;
    let its_path = format!("{}/{}", paths::SESSIONS, staying.session_id);
    for path in [paths::SESSIONS, its_path.as_str()] {
        elsewhere
            .call_as(&leaving, Method::DELETE, path, None)
            .await
            .is(Code::SessionEnded);
    }
    assert!(here.accepts(&staying).await);
    assert_eq!(here.refresh(&staying, &new_key()).await.status, 200);
}
