//! `PUT /api/v1/account/password`.

use axum::http::Method;
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{EndReason, Tokens, paths};
use serde_json::json;
use uuid::Uuid;

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
    // The activity does not tell that the browser in which the person is was signed out.
    let told: Vec<Uuid> =
        sqlx::query_scalar("select session_id from events where kind = 'session_ended'")
            .fetch_all(app.pool())
            .await
            .unwrap();
    assert_eq!(told, [elsewhere.session_id]);
}

#[tokio::test]
async fn a_wrong_or_bad_password_changes_nothing() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let refused = change(&app, &tokens, "wrong horse battery staple", ANOTHER).await;
    refused.is(Code::InvalidCredentials);
    assert_eq!(refused.problem().cause, Some(Cause::WrongPassword));
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
    use holdfast_server::sessions::{self, PreparedSession, VerifiedPassword};
    use holdfast_server::store::{self, ClientInfo};

    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // The sign-in has verified the old password …
    let mut connection = app.pool().acquire().await.unwrap();
    let ada = Username::parse("ada").unwrap();
    let candidate =
        store::accounts::find_candidate(&mut connection, &ada.key(), &[0; 16], &[], &[]).await;
    let account = candidate.unwrap().account.unwrap();
    // … when it is changed …
    change(&app, &tokens, PASSWORD, ANOTHER).await.tokens(200);
    // … and goes on.
    let verified = VerifiedPassword {
        account_id: account.account_id,
        password_changed_at: account.password_changed_at,
    };
    let mut transaction = app.pool().begin().await.unwrap();
    let (kind, client) = (EventKind::SignIn, ClientInfo::default());
    let new = PreparedSession::prepare(&app.state, account.account_id, kind).await;
    let opened = sessions::open(
        &app.state,
        &mut transaction,
        new.unwrap(),
        verified,
        true,
        &client,
    );
    assert!(opened.await.unwrap().is_none());
}

#[tokio::test]
async fn of_two_changes_at_once_only_one_succeeds() {
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

/// Opens more sessions of one account with one statement. Each was used less recently than
/// the one before.
async fn open_many(app: &TestApp, count: i32) {
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
             now() - make_interval(mins => n),
             now() + interval '1 day',
             100000,
             true
         from generate_series(1, $1) as n",
    )
    .bind(count)
    .execute(app.pool())
    .await
    .unwrap();
}

async fn sessions(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from sessions")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_refused_change_has_ended_no_session_however_many_there_are() {
    for method in [Method::PUT, Method::DELETE] {
        let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
        let tokens = app.sign_up("ada").await;
        open_many(&app, 600).await;
        // Another password change is under way.
        let mut other = app.pool().begin().await.unwrap();
        sqlx::query("update accounts set password_changed_at = clock_timestamp()")
            .execute(&mut *other)
            .await
            .unwrap();
        let asked = async {
            if method == Method::PUT {
                change(&app, &tokens, PASSWORD, ANOTHER).await
            } else {
                let body = json!({ "password": PASSWORD });
                app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&body))
                    .await
            }
        };
        let meanwhile = async {
            app.until_waiting(1).await;
            assert_eq!(sessions(&app).await, 601, "{method}");
            other.commit().await.unwrap();
        };
        let (answer, ()) = futures::join!(asked, meanwhile);
        answer.is(Code::InvalidCredentials);
        assert_eq!(sessions(&app).await, 601, "{method}");
    }
}

#[tokio::test]
async fn a_password_change_ends_more_sessions_than_one_transaction_may() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let tokens = app.sign_up("ada").await;
    open_many(&app, 1200).await;
    let new = change(&app, &tokens, PASSWORD, ANOTHER).await.tokens(200);
    assert_eq!(sessions(&app).await, 1);
    assert!(app.is_alive(new.session_id).await);
    assert!(!app.accepts(&tokens).await);
    let ended: i64 =
        sqlx::query_scalar("select count(*) from session_ends where reason = 'password_changed'")
            .fetch_one(app.pool())
            .await
            .unwrap();
    assert_eq!(ended, 1201);
}
