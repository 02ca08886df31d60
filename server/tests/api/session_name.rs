//! `PUT /api/v1/sessions/{session_id}/name`: the name that a person gives to the browser of a session.

use std::fmt::Display;

use axum::http::Method;
use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{
    AccountData, SessionInfo, SessionList, SignInNotices, Tokens, paths,
};
use holdfast_server::random;
use holdfast_server::store::ClientInfo;
use holdfast_server::store::sessions::{Rotate, rotate_together};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::limits::{From, change_password};
use crate::support::{Answer, FIREFOX, PASSWORD, TestApp, new_key};

async fn put(app: &TestApp, by: &Tokens, session_id: impl Display, body: &Value) -> Answer {
    let path = format!("{}/{session_id}/name", paths::SESSIONS);
    app.call_as(by, Method::PUT, &path, Some(body)).await
}

/// Gives the browser of this session a name.
async fn name(app: &TestApp, by: &Tokens, session_id: Uuid, name: &str) -> Answer {
    put(app, by, session_id, &json!({"name": name})).await
}

/// The session, as the list of `by` shows it.
async fn listed(app: &TestApp, by: &Tokens, session_id: Uuid) -> SessionInfo {
    let list: SessionList = app.get_as(by, paths::SESSIONS).await.json();
    let mut sessions = list.sessions.into_iter();
    let found = sessions.find(|session| session.session_id == session_id);
    found.expect("the account has this session")
}

async fn name_of(app: &TestApp, by: &Tokens, session_id: Uuid) -> Option<String> {
    listed(app, by, session_id).await.name
}

#[tokio::test]
async fn a_person_names_their_browsers_and_takes_the_names_away() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    assert_eq!(name_of(&app, &here, here.session_id).await, None);

    for (session_id, given) in [
        (here.session_id, "Work laptop"),
        (elsewhere.session_id, "Telefon in der Küche"),
        // A repeated request changes nothing more.
        (elsewhere.session_id, "Telefon in der Küche"),
        (here.session_id, "The old laptop"),
    ] {
        let answer = name(&app, &here, session_id, given).await;
        assert_eq!(answer.status, 204);
        assert_eq!(answer.text(), "");
        for by in [&here, &elsewhere] {
            let session = listed(&app, by, session_id).await;
            assert_eq!(session.name.as_deref(), Some(given));
            assert_eq!(session.device, "Unknown device");
        }
    }

    for _ in 0..2 {
        let answer = put(&app, &elsewhere, here.session_id, &json!({"name": null})).await;
        assert_eq!(answer.status, 204);
        assert_eq!(name_of(&app, &here, here.session_id).await, None);
    }
    let other = name_of(&app, &here, elsewhere.session_id).await;
    assert_eq!(other.as_deref(), Some("Telefon in der Küche"));
}

#[tokio::test]
async fn white_space_at_the_ends_is_no_part_of_a_name() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let longest = "\u{1f600}".repeat(64);
    let spaced = format!("\u{a0}{longest} ");
    for (typed, stored) in [
        ("  Work laptop\t\n", "Work laptop"),
        (spaced.as_str(), longest.as_str()),
        ("' ; drop table sessions; --", "' ; drop table sessions; --"),
    ] {
        let answer = name(&app, &tokens, tokens.session_id, typed).await;
        assert_eq!(answer.status, 204, "{typed:?}");
        let found = name_of(&app, &tokens, tokens.session_id).await;
        assert_eq!(found.as_deref(), Some(stored));
    }
}

#[tokio::test]
async fn a_name_that_breaks_a_rule_is_refused_with_the_reason_and_changes_nothing() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    name(&app, &tokens, tokens.session_id, "Work laptop").await;
    let long = "w".repeat(65);
    for (refused, why) in [
        ("", "at least one character"),
        (" \t\n", "at least one character"),
        (long.as_str(), "at most 64 characters"),
        ("Work\nlaptop", "cannot be seen"),
        ("Work\0laptop", "cannot be seen"),
        ("Work\u{202e}laptop", "cannot be seen"),
        ("Work\u{2066}laptop", "cannot be seen"),
        ("Work\u{200b}laptop", "cannot be seen"),
        ("Work\u{feff}laptop", "cannot be seen"),
    ] {
        let answer = name(&app, &tokens, tokens.session_id, refused).await;
        answer.is(Code::SessionNameNotAccepted);
        assert_eq!(answer.status, 422);
        let said = &answer.problem().detail;
        assert!(said.contains(why), "{refused:?}: {said}");
    }
    for body in [
        json!({}),
        json!({"name": 5}),
        json!({"name": ["Work laptop"]}),
        json!({"nmae": "Work laptop"}),
        json!({"name": "Work laptop", "device": "Firefox on Linux"}),
    ] {
        put(&app, &tokens, tokens.session_id, &body)
            .await
            .is(Code::MalformedRequest);
    }
    let found = name_of(&app, &tokens, tokens.session_id).await;
    assert_eq!(found.as_deref(), Some("Work laptop"));
}

#[tokio::test]
async fn a_session_that_is_not_of_the_account_is_answered_as_at_its_ending() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    let ended = app.log_in("ada").await;
    app.log_out(&ended).await;
    for session_id in [eve.session_id, ended.session_id, Uuid::nil()] {
        let at_its_ending = app.end_session(&ada, session_id).await;
        let answer = name(&app, &ada, session_id, "Work laptop").await;
        answer.is(Code::NotFound);
        assert_eq!(answer.problem().detail, at_its_ending.problem().detail);
    }
    for bad in ["x", "%00", "current", "..%2f..%2f"] {
        put(&app, &ada, bad, &json!({"name": "Work laptop"}))
            .await
            .is(Code::NotFound);
    }
    assert_eq!(name_of(&app, &eve, eve.session_id).await, None);
    name(&app, &ended, ada.session_id, "Work laptop")
        .await
        .is(Code::SessionEnded);
    assert_eq!(name_of(&app, &ada, ada.session_id).await, None);
}

#[tokio::test]
async fn a_session_that_has_just_ended_names_none() {
    let here = TestApp::start().await;
    // Another instance has not learnt of the ending yet.
    let elsewhere = here.second_instance(&[1]);
    let staying = here.sign_up("ada").await;
    let leaving = here.log_in("ada").await;
    here.log_out(&leaving).await;
    for session_id in [staying.session_id, leaving.session_id] {
        name(&elsewhere, &leaving, session_id, "Work laptop")
            .await
            .is(Code::SessionEnded);
    }
    assert_eq!(name_of(&here, &staying, staying.session_id).await, None);
}

#[tokio::test]
async fn a_renewal_keeps_the_name() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let session_id = tokens.session_id;
    name(&app, &tokens, session_id, "Work laptop").await;
    let tokens = app.renew(&tokens).await;
    let found = name_of(&app, &tokens, session_id).await;
    assert_eq!(found.as_deref(), Some("Work laptop"));

    // The statement for several renewals keeps it, too.
    let (_, token_hash) = app.row(session_id).await.unwrap();
    let rotate = Rotate {
        session_id,
        from_generation: 1,
        from_hash: token_hash.try_into().unwrap(),
        to_generation: 2,
        to_hash: random::bytes(),
        attempt: AttemptMark::of(None),
        client: ClientInfo::default(),
    };
    let mut connection = app.state.pool.acquire().await.unwrap();
    let rotated = rotate_together(&mut connection, &[rotate]).await.unwrap();
    assert!(rotated[0].is_some());
    let found = name_of(&app, &tokens, session_id).await;
    assert_eq!(found.as_deref(), Some("Work laptop"));
}

#[tokio::test]
async fn a_renewal_that_waits_for_a_new_name_keeps_it() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut naming = app.pool().begin().await.unwrap();
    sqlx::query("update sessions set name = 'Work laptop' where session_id = $1")
        .bind(tokens.session_id)
        .execute(&mut *naming)
        .await
        .unwrap();
    let key = new_key();
    let (renewed, ()) = tokio::join!(app.refresh(&tokens, &key), async {
        app.until_waiting(1).await;
        naming.commit().await.unwrap();
    });
    let tokens = renewed.tokens(200);
    let found = name_of(&app, &tokens, tokens.session_id).await;
    assert_eq!(found.as_deref(), Some("Work laptop"));
}

/// The browser gets a new session then.
#[tokio::test]
async fn a_change_of_the_password_keeps_the_name_of_the_own_browser() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    name(&app, &here, here.session_id, "My phone").await;
    name(&app, &here, elsewhere.session_id, "Work laptop").await;
    let another = "seven lanterns above the harbour";
    let changed = change_password(&app, &here, PASSWORD, another).await;
    let changed = changed.tokens(200);
    assert_ne!(changed.session_id, here.session_id);
    let found = name_of(&app, &changed, changed.session_id).await;
    assert_eq!(found.as_deref(), Some("My phone"));
    // A sign-in takes no name over.
    let again = From::known(&changed).log_in(&app, "ada", another).await;
    let again = again.tokens(200);
    assert_eq!(name_of(&app, &again, again.session_id).await, None);

    // A browser without a name has none afterwards.
    put(&app, &changed, changed.session_id, &json!({"name": null})).await;
    let changed = change_password(&app, &changed, another, PASSWORD).await;
    let changed = changed.tokens(200);
    assert_eq!(name_of(&app, &changed, changed.session_id).await, None);
}

#[tokio::test]
async fn the_copy_of_an_accounts_data_has_the_names() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    app.log_in("ada").await;
    name(&app, &here, here.session_id, "Work laptop").await;
    let data: AccountData = app.get_as(&here, paths::ACCOUNT_DATA).await.json();
    let names = data.sessions.iter().map(|data| {
        let SessionInfo { name, current, .. } = &data.session;
        (*current, name.as_deref())
    });
    let names: Vec<_> = names.collect();
    assert_eq!(names, [(false, None), (true, Some("Work laptop"))]);
}

/// A thief who names a stolen session does not change what else tells of it.
#[tokio::test]
async fn the_list_the_notices_and_the_activity_still_say_the_device() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let thief = app.log_in_from_firefox("ada").await;
    name(&app, &thief, thief.session_id, "Safari on iPhone").await;

    let session = listed(&app, &here, thief.session_id).await;
    assert_eq!(session.name.as_deref(), Some("Safari on iPhone"));
    assert_eq!(session.device, "Firefox on Linux");
    assert_eq!(session.user_agent.as_deref(), Some(FIREFOX));
    let notices: SignInNotices = app.get_as(&here, paths::NOTICES).await.json();
    assert_eq!(notices.notices[0].device, "Firefox on Linux");
    let activity = app.get_as(&here, paths::ACTIVITY).await.text();
    assert!(activity.contains("Firefox on Linux"), "{activity}");
    assert!(!activity.contains("iPhone"), "{activity}");
}
