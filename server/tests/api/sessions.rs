//! `/api/v1/sessions`.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Method, Request, header};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{EndReason, EndedCount, SessionList, Tokens, paths};
use holdfast_testkit::until;
use serde_json::{Value, json};
use sqlx::{Postgres, Transaction};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::limits::WRONG;
use crate::support::{Answer, PASSWORD, TestApp, new_key};

fn confirmation() -> Value {
    json!({"password": PASSWORD})
}

async fn list(app: &TestApp, tokens: &Tokens) -> SessionList {
    app.get_as(tokens, paths::SESSIONS).await.json()
}

#[tokio::test]
async fn the_list_shows_browsers_and_marks_the_current_one() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in_from_firefox("ada").await;
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

/// A proxy may remove the body of a `DELETE`. The page shows this answer to the person.
#[tokio::test]
async fn a_call_whose_body_was_removed_gets_a_plain_sentence() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let one = format!("{}/{}", paths::SESSIONS, elsewhere.session_id);
    for path in [&one, paths::SESSIONS] {
        for content_type in [None, Some("application/json")] {
            let bearer = format!("Bearer {}", here.access_token.expose());
            let mut request = Request::delete(path).header(header::AUTHORIZATION, bearer);
            if let Some(content_type) = content_type {
                request = request.header(header::CONTENT_TYPE, content_type);
            }
            let answer = app.send(request.body(Body::empty()).unwrap()).await;
            answer.is(Code::MalformedRequest);
            let said = &answer.problem().detail;
            assert!(
                said.starts_with("Your password did not reach the server."),
                "{said}"
            );
        }
    }
    assert!(app.accepts(&elsewhere).await);
}

#[tokio::test]
async fn ending_another_session_takes_effect_at_once() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let ended = app.end_session(&here, elsewhere.session_id).await;
    assert_eq!(ended.status, 204);
    assert!(!app.accepts(&elsewhere).await);
    app.refresh(&elsewhere, &new_key())
        .await
        .is(Code::SessionEnded);
    assert!(app.accepts(&here).await);
    app.end_session(&here, elsewhere.session_id)
        .await
        .is(Code::NotFound);
}

#[tokio::test]
async fn ending_another_session_needs_the_password() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let its_own = format!("{}/{}", paths::SESSIONS, elsewhere.session_id);
    let all = format!("{}?keep_current=false", paths::SESSIONS);
    for path in [paths::SESSIONS, all.as_str(), its_own.as_str()] {
        let end = async |body: Option<&Value>| {
            let answer = app.call_as(&here, Method::DELETE, path, body).await;
            (answer.status.as_u16(), answer.problem().code)
        };
        assert_eq!(end(None).await, (400, Code::MalformedRequest), "{path}");
        let empty = json!({});
        assert_eq!(end(Some(&empty)).await, (400, Code::MalformedRequest));
        let wrong = json!({"password": WRONG});
        assert_eq!(end(Some(&wrong)).await, (401, Code::InvalidCredentials));
    }
    for tokens in [&here, &elsewhere] {
        assert!(app.accepts(tokens).await && app.is_alive(tokens.session_id).await);
    }
}

/// A wrong password counts for the session that sent it, as with every other confirmation.
#[tokio::test]
async fn wrong_passwords_of_endings_make_this_session_wait_and_no_other() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let wrong = json!({"password": WRONG});
    for _ in 0..10 {
        app.call_as(&here, Method::DELETE, paths::SESSIONS, Some(&wrong))
            .await
            .is(Code::InvalidCredentials);
    }
    app.end_others(&here).await.is(Code::TooManyAttempts);
    assert_eq!(app.end_others(&elsewhere).await.status, 200);
}

#[tokio::test]
async fn a_session_ends_itself_without_the_password() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let own = format!("{}/{}", paths::SESSIONS, here.session_id);
    let ended = app.call_as(&here, Method::DELETE, &own, None).await;
    assert_eq!(ended.status, 204);
    assert!(!app.accepts(&here).await && !app.is_alive(here.session_id).await);
    assert!(app.accepts(&elsewhere).await && app.is_alive(elsewhere.session_id).await);
}

/// The password is checked again under the lock of the account's row.
#[tokio::test]
async fn a_password_that_is_changed_meanwhile_ends_no_session() {
    let app = Arc::new(TestApp::start().await);
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let mut held = holding_account(&app, here.account_id).await;
    let ending = {
        let (app, here) = (Arc::clone(&app), here.clone());
        tokio::spawn(async move { app.end_others(&here).await })
    };
    app.until_waiting(1).await;
    sqlx::query("update accounts set password_changed_at = now() where account_id = $1")
        .bind(here.account_id)
        .execute(&mut *held)
        .await
        .unwrap();
    held.commit().await.unwrap();
    ending.await.unwrap().is(Code::InvalidCredentials);
    assert!(app.is_alive(elsewhere.session_id).await);
}

#[tokio::test]
async fn another_accounts_session_is_not_found_and_lives_on() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    app.end_session(&ada, eve.session_id)
        .await
        .is(Code::NotFound);
    for bad in [
        "x",
        "%00",
        "00000000-0000-0000-0000-000000000000",
        "..%2f..%2f",
    ] {
        let path = format!("{}/{bad}", paths::SESSIONS);
        app.call_as(&ada, Method::DELETE, &path, Some(&confirmation()))
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
    let answer = app.end_others(&here).await;
    assert_eq!(answer.json::<EndedCount>().ended, 2);
    assert!(app.accepts(&here).await);
    for other in &others {
        assert!(!app.accepts(other).await);
    }
    let all = format!("{}?keep_current=false", paths::SESSIONS);
    let answer = app
        .call_as(&here, Method::DELETE, &all, Some(&confirmation()))
        .await;
    assert_eq!(answer.json::<EndedCount>().ended, 1);
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
        app.call_as(&here, Method::DELETE, &path, Some(&confirmation()))
            .await
            .is(Code::MalformedRequest);
    }
    assert!(app.accepts(&here).await);
}

#[tokio::test]
async fn more_than_five_hundred_sessions_end_in_transactions_of_five_hundred() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let here = app.sign_up("ada").await;
    app.open_unused(here.account_id, 1700).await;
    let others = app.end_others(&here).await;
    assert_eq!(others.json::<EndedCount>().ended, 1700);
    assert_eq!(app.state.ended.len(), 1700);
    assert!(app.accepts(&here).await);
    assert_eq!(app.most_endings_of_one_transaction().await, 500);
    let events: i64 =
        sqlx::query_scalar("select count(*) from events where kind = 'session_ended'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(events, 1700);
}

#[tokio::test]
async fn after_the_limit_was_lowered_a_sign_in_ends_the_surplus_in_transactions_of_five_hundred() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let first = app.sign_up("ada").await;
    app.open_unused(first.account_id, 1700).await;
    let first = app.renew(&first).await;
    let lowered = app.second_instance_with(|config| config.sessions_per_account = 50);
    let here = lowered.log_in("ada").await;
    // The answer did not wait for it.
    until("the limit holds", Duration::from_secs(10), async || {
        list(&lowered, &here).await.sessions.len() == 50
    })
    .await;
    // The most recently used ones are left.
    lowered.renew(&first).await;
    lowered.renew(&here).await;
    assert_eq!(app.most_endings_of_one_transaction().await, 500);
    let ended: Vec<(String, i64)> = sqlx::query_as(
        "select detail, count(*) from events where kind = 'session_ended' group by detail",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    assert_eq!(ended, [("ended_elsewhere".to_owned(), 1652)]);
    assert_eq!(lowered.state.ended.len(), 1652);
}

/// Holds these sessions' rows until it is committed.
async fn holding(app: &TestApp, session_ids: &[Uuid]) -> Transaction<'static, Postgres> {
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = any($1) for update")
        .bind(session_ids)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// Exactly one of two calls that would end each other's sessions has done so. The other one is
/// told that its session is over.
async fn one_of_two_has_won(app: &TestApp, calls: [(&Tokens, Answer); 2]) {
    let [(one, first), (other, second)] = calls;
    let (winner, loser, told) = if first.status == 401 {
        (other, one, first)
    } else {
        (one, other, second)
    };
    told.is(Code::SessionEnded);
    assert_eq!(told.problem().reason, Some(EndReason::EndedElsewhere));
    assert!(app.is_alive(winner.session_id).await && app.accepts(winner).await);
    assert!(!app.is_alive(loser.session_id).await && !app.accepts(loser).await);
    app.renew(winner).await;
}

#[tokio::test]
async fn of_two_sessions_that_end_all_others_at_once_one_is_left() {
    let app = TestApp::start().await;
    let oldest = app.sign_up("ada").await;
    let (one, other) = (app.log_in("ada").await, app.log_in("ada").await);
    // Both end the oldest one first, and wait for it.
    let held = holding(&app, &[oldest.session_id]).await;
    let (first, second, ()) = tokio::join!(app.end_others(&one), app.end_others(&other), async {
        app.until_waiting(2).await;
        held.commit().await.unwrap();
    });
    let ended: Vec<_> = [&first, &second]
        .into_iter()
        .filter(|answer| answer.status == 200)
        .map(|answer| answer.json::<EndedCount>().ended)
        .collect();
    assert_eq!(ended, [2]);
    one_of_two_has_won(&app, [(&one, first), (&other, second)]).await;
}

#[tokio::test]
async fn of_two_sessions_that_end_each_other_at_once_one_is_left() {
    let app = TestApp::start().await;
    let (one, other) = (app.sign_up("ada").await, app.log_in("ada").await);
    let held = holding(&app, &[one.session_id, other.session_id]).await;
    let (first, second, ()) = tokio::join!(
        app.end_session(&one, other.session_id),
        app.end_session(&other, one.session_id),
        async {
            app.until_waiting(2).await;
            held.commit().await.unwrap();
        }
    );
    let done = [&first, &second].map(|answer| answer.status == 204);
    assert_eq!(done.iter().filter(|done| **done).count(), 1);
    one_of_two_has_won(&app, [(&one, first), (&other, second)]).await;
}

#[tokio::test]
async fn a_session_that_has_just_ended_ends_no_other() {
    let here = TestApp::start().await;
    // Another instance has not learnt of the ending yet.
    let elsewhere = here.second_instance(&[1]);
    let leaving = here.sign_up("ada").await;
    let staying = here.log_in("ada").await;
    here.log_out(&leaving).await;
    elsewhere.end_others(&leaving).await.is(Code::SessionEnded);
    elsewhere
        .end_session(&leaving, staying.session_id)
        .await
        .is(Code::SessionEnded);
    assert!(here.accepts(&staying).await);
    assert_eq!(here.refresh(&staying, &new_key()).await.status, 200);
}

/// Locks the account's row until the transaction ends.
async fn holding_account(app: &TestApp, account_id: Uuid) -> Transaction<'static, Postgres> {
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query("select from accounts where account_id = $1 for update")
        .bind(account_id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

/// The endings of one account run one after the other. Each of them keeps a connection while it
/// waits, so a third one of a session does not wait.
#[tokio::test]
async fn endings_of_one_account_do_not_take_the_connections_of_other_people() {
    let app = Arc::new(TestApp::start().await);
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    app.log_in("ada").await;
    let held = holding_account(&app, ada.account_id).await;
    let mut endings = JoinSet::new();
    for waiting in 1..=2 {
        let (app_of_call, ada) = (Arc::clone(&app), ada.clone());
        endings.spawn(async move { app_of_call.end_others(&ada).await });
        app.until_waiting(waiting).await;
    }
    for n in 0..3u128 {
        for refused in [
            app.end_others(&ada).await,
            app.end_session(&ada, Uuid::from_u128(n)).await,
        ] {
            assert_eq!(refused.header("retry-after"), "2");
            refused.is(Code::TooManyAttempts);
        }
    }
    assert_eq!(app.get_as(&eve, paths::SESSIONS).await.status, 200);
    held.commit().await.unwrap();
    while let Some(done) = endings.join_next().await {
        assert_eq!(done.unwrap().status, 200);
    }
    assert_eq!(app.end_others(&ada).await.status, 200);
}

#[tokio::test]
async fn a_session_that_is_flooded_with_endings_leaves_one_to_the_others_of_its_account() {
    let app = Arc::new(TestApp::start().await);
    let (stolen, own) = (app.sign_up("ada").await, app.log_in("ada").await);
    let held = holding_account(&app, own.account_id).await;
    let mut endings = JoinSet::new();
    for (waiting, tokens) in [(1, &stolen), (2, &stolen), (3, &own)] {
        let (app_of_call, tokens) = (Arc::clone(&app), tokens.clone());
        endings.spawn(async move { app_of_call.end_session(&tokens, Uuid::nil()).await });
        app.until_waiting(waiting).await;
    }
    for tokens in [&stolen, &own] {
        app.end_others(tokens).await.is(Code::TooManyAttempts);
    }
    held.commit().await.unwrap();
    while let Some(done) = endings.join_next().await {
        done.unwrap().is(Code::NotFound);
    }
}

/// Otherwise a client that closes its connection at once could make any number of endings wait.
#[tokio::test]
async fn an_ending_whose_client_has_hung_up_still_counts_as_one() {
    let app = Arc::new(TestApp::start().await);
    let ada = app.sign_up("ada").await;
    app.log_in("ada").await;
    let held = holding_account(&app, ada.account_id).await;
    for waiting in 1..=2 {
        let (app, ada) = (Arc::clone(&app), ada.clone());
        let hung_up = {
            let app = Arc::clone(&app);
            tokio::spawn(async move { app.end_others(&ada).await })
        };
        app.until_waiting(waiting).await;
        hung_up.abort();
        assert!(hung_up.await.unwrap_err().is_cancelled());
    }
    app.end_others(&ada).await.is(Code::TooManyAttempts);
    held.commit().await.unwrap();
    until("both have ended", Duration::from_secs(10), async || {
        app.end_others(&ada).await.status == 200
    })
    .await;
}
