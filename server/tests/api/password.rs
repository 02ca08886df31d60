//! `PUT /api/v1/account/password`.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{EndReason, Tokens, paths};
use serde_json::json;

use crate::support::{Answer, PASSWORD, TestApp, new_key};

const ANOTHER: &str = "seven lanterns above the harbour";

async fn change(app: &TestApp, tokens: &Tokens, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    app.call_as(tokens, Method::PUT, paths::PASSWORD, Some(&body))
        .await
}

#[tokio::test]
async fn changing_the_password_ends_every_session_and_opens_a_new_one() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let new = change(&app, &here, PASSWORD, ANOTHER).await.tokens(200);

    assert_ne!(new.session_id, here.session_id);
    assert!(app.accepts(&new).await);
    for old in [&here, &elsewhere] {
        assert!(!app.accepts(old).await);
        let answer = app.refresh(old, &new_key()).await;
        answer.is(Code::SessionEnded);
        assert_eq!(answer.problem().reason, Some(EndReason::PasswordChanged));
        let answer = app.get_as(old, paths::ACCOUNT).await;
        assert_eq!(answer.problem().reason, Some(EndReason::PasswordChanged));
    }
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    app.try_log_in("ada", ANOTHER).await.tokens(200);
    let events = app.events("ada", 5).await;
    assert!(
        events.iter().any(|event| event.0 == "password_changed"),
        "{events:?}"
    );
}

#[tokio::test]
async fn a_wrong_or_bad_password_changes_nothing() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    change(&app, &tokens, "wrong horse battery staple", ANOTHER)
        .await
        .is(Code::InvalidCredentials);
    change(&app, &tokens, PASSWORD, "too short")
        .await
        .is(Code::PasswordNotAccepted);
    assert!(app.accepts(&tokens).await);
    app.log_in("ada").await;
}

#[tokio::test]
async fn bar_30_a_sign_in_with_the_old_password_in_flight_gets_no_session() {
    use holdfast_protocol::username::Username;
    use holdfast_protocol::wire::EventKind;
    use holdfast_server::sessions::{self, Verified};
    use holdfast_server::store::{self, ClientInfo};

    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // The sign-in has verified the old password …
    let mut connection = app.pool().acquire().await.unwrap();
    let ada = Username::parse("ada").unwrap();
    let candidate =
        store::accounts::find_candidate(&mut connection, &ada.key(), &[0; 16], None).await;
    let account = candidate.unwrap().account.unwrap();
    // … when it is changed …
    change(&app, &tokens, PASSWORD, ANOTHER).await.tokens(200);
    // … and goes on.
    let verified = Verified {
        account_id: account.account_id,
        password_changed_at: account.password_changed_at,
    };
    let mut transaction = app.pool().begin().await.unwrap();
    let (kind, client) = (EventKind::SignIn, ClientInfo::default());
    let opened = sessions::open(&app.state, &mut transaction, verified, true, kind, &client);
    assert!(opened.await.unwrap().is_none());
}

#[tokio::test]
async fn two_changes_at_once_are_one() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let (one, two) = futures::join!(
        change(&app, &here, PASSWORD, ANOTHER),
        change(
            &app,
            &elsewhere,
            PASSWORD,
            "eleven kettles behind the orchard"
        ),
    );
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
}
