//! `/api/v1/account/notices`: sign-ins from browsers that the account did not know.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{AccountData, Recovered, SignInNotice, SignInNotices, Tokens, paths};
use holdfast_server::sweep::Sweep;
use serde_json::json;
use uuid::Uuid;

use crate::limits::{From, change_password};
use crate::recovery_code::{ANOTHER, code_of, try_recover};
use crate::support::{Answer, PASSWORD, TestApp};

async fn notices(app: &TestApp, tokens: &Tokens) -> Vec<SignInNotice> {
    let answer: SignInNotices = app.get_as(tokens, paths::NOTICES).await.json();
    answer.notices
}

/// The sessions that the notices are about.
async fn about(app: &TestApp, tokens: &Tokens) -> Vec<Uuid> {
    let notices = notices(app, tokens).await;
    notices.iter().map(|notice| notice.session_id).collect()
}

async fn read(app: &TestApp, tokens: &Tokens, session_id: Uuid) -> Answer {
    let path = format!("{}/{session_id}/read", paths::NOTICES);
    app.call_as(tokens, Method::POST, &path, None).await
}

/// Every sign-in of [`TestApp::log_in`] is without the token of a known browser.
#[tokio::test]
async fn every_other_session_is_told_of_a_sign_in_from_an_unknown_browser() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    let stranger = app.log_in_from_firefox("ada").await;
    let known = From::known(&here).log_in(&app, "ada", PASSWORD).await;
    let known = known.tokens(200);

    let answer = app.get_as(&here, paths::NOTICES).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let [notice] = &notices(&app, &here).await[..] else {
        panic!("{}", answer.text());
    };
    assert_eq!(notice.session_id, stranger.session_id);
    assert_eq!(notice.device, "Firefox on Linux");
    // The session that it is about is not told. A newer session and another account are not, either.
    for tokens in [&stranger, &known, &eve] {
        assert_eq!(about(&app, tokens).await, [] as [Uuid; 0]);
    }
}

#[tokio::test]
async fn a_new_account_and_a_sign_in_without_another_session_tell_of_nothing() {
    let app = TestApp::start().await;
    let first = app.sign_up("ada").await;
    assert_eq!(about(&app, &first).await, [] as [Uuid; 0]);
    app.log_out(&first).await;
    let second = app.log_in("ada").await;
    let third = app.log_in("ada").await;
    assert_eq!(about(&app, &third).await, [] as [Uuid; 0]);
    assert_eq!(about(&app, &second).await, [third.session_id]);
}

#[tokio::test]
async fn what_was_read_in_one_session_is_read_in_all() {
    let app = TestApp::start().await;
    let (one, other) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let known = From::known(&one).log_in(&app, "ada", PASSWORD).await;
    let known = known.tokens(200);
    let stranger = app.log_in("ada").await;
    assert_eq!(about(&app, &known).await, [stranger.session_id]);
    // Another account cannot delete it.
    assert_eq!(read(&app, &other, stranger.session_id).await.status, 204);
    assert_eq!(about(&app, &known).await, [stranger.session_id]);

    assert_eq!(read(&app, &one, stranger.session_id).await.status, 204);
    for tokens in [&one, &known] {
        assert_eq!(about(&app, tokens).await, [] as [Uuid; 0]);
    }
    // A repeated request does no harm.
    assert_eq!(read(&app, &one, stranger.session_id).await.status, 204);
    assert!(app.accepts(&stranger).await);
    read(&app, &one, one.session_id).await.is(Code::NotFound);
    let path = format!("{}/x/read", paths::NOTICES);
    app.call_as(&one, Method::POST, &path, None)
        .await
        .is(Code::NotFound);
}

#[tokio::test]
async fn the_session_that_a_notice_is_about_cannot_delete_it_even_by_signing_out() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let thief = app.log_in("ada").await;
    read(&app, &thief, thief.session_id)
        .await
        .is(Code::NotFound);
    assert_eq!(about(&app, &here).await, [thief.session_id]);
    app.log_out(&thief).await;
    assert_eq!(about(&app, &here).await, [thief.session_id]);
}

/// The second sign-in has the token of the first one, so it comes from a known browser. Its session is
/// newer than the notice of the first sign-in.
#[tokio::test]
async fn a_thief_who_signs_in_twice_does_not_hide_the_first_sign_in() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let first = app.log_in("ada").await;
    let second = From::known(&first).log_in(&app, "ada", PASSWORD).await;
    let second = second.tokens(200);
    assert_eq!(read(&app, &second, first.session_id).await.status, 204);
    assert_eq!(about(&app, &here).await, [first.session_id]);
    assert_eq!(about(&app, &second).await, [] as [Uuid; 0]);
    // A renewal makes the session no older.
    let second = app.renew(&second).await;
    read(&app, &second, first.session_id).await;
    assert_eq!(about(&app, &here).await, [first.session_id]);
}

/// A browser that deletes everything when it is closed leaves sessions behind.
#[tokio::test]
async fn nobody_is_asked_about_an_own_earlier_sign_in() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    for _ in 0..3 {
        let newest = app.log_in("ada").await;
        assert_eq!(about(&app, &newest).await, [] as [Uuid; 0]);
    }
}

#[tokio::test]
async fn an_account_has_twenty_notices_at_most() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    let stranger_of_eve = app.log_in("eve").await;
    let mut strangers = Vec::new();
    for _ in 0..25 {
        strangers.insert(0, app.log_in("ada").await.session_id);
    }
    let data: AccountData = app.get_as(&here, paths::ACCOUNT_DATA).await.json();
    let kept = data.sign_in_notices.iter().map(|notice| notice.session_id);
    assert_eq!(kept.collect::<Vec<_>>(), strangers[..20]);
    assert_eq!(about(&app, &eve).await, [stranger_of_eve.session_id]);
}

#[tokio::test]
async fn a_session_that_has_just_ended_deletes_no_notice() {
    let here = TestApp::start().await;
    // Another instance has not learnt of the ending yet.
    let elsewhere = here.second_instance(&[1]);
    let staying = here.sign_up("ada").await;
    let leaving = From::known(&staying).log_in(&here, "ada", PASSWORD).await;
    let leaving = leaving.tokens(200);
    let stranger = here.log_in("ada").await;
    here.log_out(&leaving).await;
    read(&elsewhere, &leaving, stranger.session_id)
        .await
        .is(Code::SessionEnded);
    assert_eq!(about(&here, &staying).await, [stranger.session_id]);
}

#[tokio::test]
async fn an_answer_has_the_three_newest_and_the_older_ones_follow() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let mut strangers = Vec::new();
    for _ in 0..5 {
        strangers.insert(0, app.log_in("ada").await.session_id);
    }
    assert_eq!(about(&app, &here).await, strangers[..3]);
    read(&app, &here, strangers[1]).await;
    assert_eq!(
        about(&app, &here).await,
        [strangers[0], strangers[2], strangers[3]]
    );
}

/// All sessions end then, and the browser that changed the password has a new session.
#[tokio::test]
async fn a_new_password_deletes_all_notices() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let stranger = app.log_in("ada").await;
    let other = app.log_in("ada").await;
    assert_eq!(about(&app, &stranger).await, [other.session_id]);
    let changed = change_password(
        &app,
        &stranger,
        PASSWORD,
        "seven lanterns above the harbour",
    );
    let changed = changed.await.tokens(200);
    assert_eq!(about(&app, &changed).await, [] as [Uuid; 0]);
}

#[tokio::test]
async fn the_sweep_deletes_notices_that_are_as_old_as_the_oldest_events() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    app.log_in("ada").await;
    let age = "update sign_in_notices set signed_in_at = now() - interval '181 days'";
    sqlx::query(age).execute(app.pool()).await.unwrap();
    let newer = app.log_in("ada").await;
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty(), "{:?}", round.failed);
    assert_eq!(round.deleted, 1);
    assert_eq!(about(&app, &here).await, [newer.session_id]);
}

/// The person presses «It was not me». The stranger knows the new password, too.
#[tokio::test]
async fn a_browser_that_the_person_has_put_out_is_told_of_again() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let stranger = app.log_in("ada").await;
    app.end_session(&here, stranger.session_id).await;
    let again = From::known(&stranger).log_in(&app, "ada", PASSWORD).await;
    let again = again.tokens(200);
    assert_eq!(
        about(&app, &here).await,
        [again.session_id, stranger.session_id]
    );

    app.end_session(&here, again.session_id).await;
    let another = "seven lanterns above the harbour";
    let here = change_password(&app, &here, PASSWORD, another).await;
    let here = here.tokens(200);
    for token in [&stranger, &again] {
        let session = From::known(token).log_in(&app, "ada", another).await;
        let session = session.tokens(200).session_id;
        assert!(about(&app, &here).await.contains(&session));
    }
}

/// The stranger has signed out before the person reads the notice.
#[tokio::test]
async fn a_stranger_who_has_signed_out_does_not_stay_known() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    let stranger = app.log_in("ada").await;
    app.log_out(&stranger).await;
    // Another account has no influence.
    app.end_session(&eve, stranger.session_id)
        .await
        .is(Code::NotFound);
    let still = From::known(&stranger).log_in(&app, "ada", PASSWORD).await;
    let still = still.tokens(200);
    assert_eq!(about(&app, &here).await, [stranger.session_id]);
    app.log_out(&still).await;

    app.end_session(&here, stranger.session_id)
        .await
        .is(Code::NotFound);
    let again = From::known(&still).log_in(&app, "ada", PASSWORD).await;
    let again = again.tokens(200).session_id;
    assert_eq!(about(&app, &here).await, [again, stranger.session_id]);
}

/// The stranger has signed in twice from one browser, and has signed out of the session of the notice.
#[tokio::test]
async fn every_session_of_a_browser_that_was_not_the_person_ends() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let own = From::known(&here).log_in(&app, "ada", PASSWORD).await;
    let own = own.tokens(200);
    let stranger = app.log_in("ada").await;
    let again = From::known(&stranger).log_in(&app, "ada", PASSWORD).await;
    let again = again.tokens(200);
    let another = app.log_in("ada").await;
    app.log_out(&stranger).await;

    assert_eq!(
        app.end_session(&here, stranger.session_id).await.status,
        204
    );
    let over = app.get_as(&again, paths::ACCOUNT).await;
    over.is(Code::SessionEnded);
    for tokens in [&here, &own, &another] {
        assert_eq!(app.get_as(tokens, paths::ACCOUNT).await.status, 200);
    }
    // A session without a notice ends alone.
    let third = From::known(&another).log_in(&app, "ada", PASSWORD).await;
    let third = third.tokens(200);
    assert_eq!(app.end_session(&here, third.session_id).await.status, 204);
    assert_eq!(app.get_as(&another, paths::ACCOUNT).await.status, 200);
}

/// The answer to a recovery has a token whose id is that of no session. The sign-in takes it over.
#[tokio::test]
async fn a_browser_that_has_recovered_the_account_can_be_put_out() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    let answer = try_recover(&app, "ada", code.expose(), ANOTHER).await;
    let recovered: Recovered = answer.json();
    let here = app.try_log_in("ada", ANOTHER).await.tokens(200);
    let from = From {
        ip: None,
        known: recovered.known_browser.iter().collect(),
    };
    let stranger = from.log_in(&app, "ada", ANOTHER).await.tokens(200);
    assert_eq!(about(&app, &here).await, [] as [Uuid; 0]);

    let path = format!("{}/{}", paths::SESSIONS, stranger.session_id);
    let body = json!({"password": ANOTHER});
    let ended = app.call_as(&here, Method::DELETE, &path, Some(&body)).await;
    assert_eq!(ended.status, 204);
    let again = from.log_in(&app, "ada", ANOTHER).await.tokens(200);
    assert_eq!(about(&app, &here).await, [again.session_id]);
}

/// The person ends the session of a browser while this browser signs in with its token.
#[tokio::test]
async fn a_sign_in_that_waits_for_the_ending_is_told_of() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let stranger = app.log_in("ada").await;
    let mut ending = app.pool().begin().await.unwrap();
    sqlx::query("select from accounts for no key update")
        .execute(&mut *ending)
        .await
        .unwrap();
    sqlx::query(
        "insert into revoked_browsers (account_id, browser_id)
         select account_id, browser_id from sessions where session_id = $1",
    )
    .bind(stranger.session_id)
    .execute(&mut *ending)
    .await
    .unwrap();
    let from = From::known(&stranger);
    let (again, ()) = tokio::join!(from.log_in(&app, "ada", PASSWORD), async {
        app.until_waiting(1).await;
        ending.commit().await.unwrap();
    });
    let again = again.tokens(200).session_id;
    assert_eq!(about(&app, &here).await, [again, stranger.session_id]);
}
