//! Everything that is stored about an account, as a file for its person.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{AccountData, DeleteAccount, EndReason, EventKind, paths};
use holdfast_server::accounts;
use serde_json::json;

use crate::recovery_code::{confirm, replace};
use crate::support::{PASSWORD, TestApp};

#[tokio::test]
async fn a_person_takes_everything_that_is_stored_and_nothing_with_which_one_gets_in() {
    let app = TestApp::start().await;
    let other = app.sign_up("Ada").await;
    app.sign_up("mallory").await;
    app.try_log_in("ada", "a wrong password it is")
        .await
        .is(Code::InvalidCredentials);
    let code = replace(&app, &other, PASSWORD).await;
    confirm(&app, &other, &code).await;
    let waiting = replace(&app, &other, PASSWORD).await;
    let ada = Username::parse("ada").unwrap();
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let link = accounts::make_reset_link(pool, clock, &ada).await.unwrap();
    assert!(matches!(link, accounts::ResetLink::Made(_)));
    let tokens = app.log_in("ada").await;
    app.events("ada", 7).await;

    let answer = app.get_as(&tokens, paths::ACCOUNT_DATA).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(
        answer.header("content-disposition"),
        "attachment; filename=\"holdfast-data.json\""
    );
    let text = answer.text();
    let data: AccountData = answer.json();
    assert_eq!(data.account.username, "Ada");
    assert_eq!(data.account.account_id, tokens.account_id);
    assert!(data.password_changed_at >= data.account.created_at - 1);
    let codes = data.recovery_codes.iter();
    let confirmed: Vec<_> = codes.map(|code| code.confirmed_at.is_some()).collect();
    assert_eq!(confirmed, [false, true]);
    let link = data.reset_link.unwrap();
    assert_eq!(link.used_at, None);
    assert!(link.expires_at > link.made_at);
    let sessions: Vec<_> = data
        .sessions
        .iter()
        .map(|session| session.current)
        .collect();
    assert_eq!(sessions, [true, false]);
    let kinds: Vec<_> = data.activity.iter().map(|data| data.event.kind).collect();
    for kind in [
        EventKind::SignUp,
        EventKind::SignIn,
        EventKind::SignInFailed,
        EventKind::RecoveryCodeMade,
        EventKind::RecoveryCodeConfirmed,
        EventKind::ResetLinkMade,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} is missing in {kinds:?}");
    }
    assert!(!data.has_more_activity);

    // Nothing of it signs anybody in, and nothing of it is about another person.
    let secrets = [
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        other.refresh_token.expose(),
        waiting.expose(),
        "$argon2",
        "hash",
        "mallory",
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

#[tokio::test]
async fn every_table_that_knows_an_account_was_thought_of() {
    let app = TestApp::start().await;
    let tables: Vec<String> = sqlx::query_scalar(
        "select table_name::text
         from information_schema.columns
         where table_schema = current_schema() and column_name = 'account_id'
         order by table_name",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    // `deleted_accounts` only has ids of accounts that nobody can sign in to any more.
    let known = [
        "accounts",
        "deleted_accounts",
        "events",
        "recovery_codes",
        "reset_codes",
        "sessions",
    ];
    assert_eq!(tables, known, "does the person get what the new table has?");
}

#[tokio::test]
async fn of_a_long_activity_the_newest_events_are_in_it() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    sqlx::query(
        "insert into events (event_id, account_id, kind)
         select gen_random_uuid(), $1, 'sign_in' from generate_series(1, 10000)",
    )
    .bind(tokens.account_id)
    .execute(app.pool())
    .await
    .unwrap();
    app.events("ada", 10_001).await;
    let answer = app.get_as(&tokens, paths::ACCOUNT_DATA).await;
    let data: AccountData = answer.json();
    assert_eq!(data.activity.len(), 10_000);
    assert!(data.has_more_activity);
}

#[tokio::test]
async fn the_data_of_a_deleted_account_are_gone() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let request = json!(DeleteAccount {
        password: PASSWORD.into()
    });
    let deleted = app.call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&request));
    assert_eq!(deleted.await.status, 204);
    let answer = app.get_as(&tokens, paths::ACCOUNT_DATA).await;
    answer.is(Code::SessionEnded);
    assert_eq!(answer.problem().reason, Some(EndReason::AccountDeleted));
}
