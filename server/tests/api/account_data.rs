//! Everything that is stored about an account, as a file for its person.

use std::collections::BTreeSet;

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
    let mallory = app.sign_up("mallory").await;
    let code = replace(&app, &other, PASSWORD).await;
    confirm(&app, &other, &code).await;
    let waiting = replace(&app, &other, PASSWORD).await;
    let ada = Username::parse("ada").unwrap();
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let link = match accounts::make_reset_link(pool, clock, &ada).await.unwrap() {
        accounts::ResetLink::Made(code) => code.print(),
        other => panic!("{other:?}"),
    };
    let tokens = app.log_in("ada").await;
    // A right password resets the count.
    for _ in 0..2 {
        app.try_log_in("ada", "a wrong password it is")
            .await
            .is(Code::InvalidCredentials);
    }
    app.state.limits.failures().written().await;

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
    assert_eq!(data.previous_password_changed_at, None);
    let failed = data.failed_sign_ins.unwrap();
    assert_eq!(failed.times, 2);
    let codes = data.recovery_codes.iter();
    let confirmed: Vec<_> = codes.map(|code| code.confirmed_at.is_some()).collect();
    assert_eq!(confirmed, [false, true]);
    let made_link = data.reset_link.unwrap();
    assert_eq!(made_link.used_at, None);
    assert!(made_link.expires_at > made_link.made_at);
    let sessions = data.sessions.iter();
    let sessions: Vec<_> = sessions.map(|data| data.session.current).collect();
    assert_eq!(sessions, [true, false]);
    assert!(data.sessions.iter().all(|data| data.remember));
    // The last sign-in was from a browser that the account did not know.
    let unread = data.sign_in_notices.iter();
    let unread: Vec<_> = unread.map(|notice| notice.session_id).collect();
    assert_eq!(unread, [tokens.session_id]);
    let kinds: Vec<_> = data.activity.iter().map(|data| data.event.kind).collect();
    for kind in [
        EventKind::SignUp,
        EventKind::SignIn,
        EventKind::RecoveryCodeMade,
        EventKind::RecoveryCodeConfirmed,
        EventKind::ResetLinkMade,
    ] {
        assert!(kinds.contains(&kind), "{kind:?} is missing in {kinds:?}");
    }

    // Nothing of it signs anybody in, and nothing of it is about another person.
    let (mallory_id, mallory_session) = (mallory.account_id, mallory.session_id);
    let (mallory_id, mallory_session) = (mallory_id.to_string(), mallory_session.to_string());
    let secrets = [
        tokens.access_token.expose(),
        tokens.refresh_token.expose(),
        other.access_token.expose(),
        other.refresh_token.expose(),
        code.expose(),
        waiting.expose(),
        link.expose(),
        "$argon2",
        "hash",
        "mallory",
        &mallory_id,
        &mallory_session,
    ];
    for secret in secrets {
        assert!(!text.contains(secret), "{secret} is in {text}");
    }
}

/// The columns that are in the file.
const TOLD: &[&str] = &[
    "accounts.account_id",
    "accounts.created_at",
    "accounts.failures_forgiven_at",
    "accounts.password_changed_at",
    "accounts.previous_password_changed_at",
    "accounts.username",
    "events.at",
    "events.detail",
    "events.ended_user_agent",
    "events.event_id",
    "events.ip",
    "events.kind",
    "events.session_id",
    "events.times",
    "events.user_agent",
    "former_usernames.given_up_at",
    "former_usernames.username_key",
    "recovery_codes.confirmed_at",
    "recovery_codes.made_at",
    "reset_codes.expires_at",
    "reset_codes.made_at",
    "reset_codes.used_at",
    "sessions.created_at",
    "sessions.expires_at",
    "sessions.idle_seconds",
    "sessions.ip",
    "sessions.name",
    "sessions.remember",
    "sessions.rotated_at",
    "sessions.session_id",
    "sessions.user_agent",
    "sign_in_failures.failures",
    "sign_in_failures.last_at",
    "sign_in_notices.ip",
    "sign_in_notices.session_id",
    "sign_in_notices.signed_in_at",
    "sign_in_notices.user_agent",
];

/// The columns that are not in the file: the id of the account once more, hashes and what they belong
/// to, the name in another spelling, what only a disabled or deleted account has, and which tokens of
/// known browsers are void.
const LEFT_OUT: &[&str] = &[
    "accounts.disabled_at",
    "accounts.password_hash",
    "accounts.username_key",
    "deleted_accounts.account_id",
    "deleted_accounts.deleted_at",
    "events.account_id",
    "former_usernames.account_id",
    "recovery_codes.account_id",
    "recovery_codes.code_hash",
    "reset_codes.account_id",
    "reset_codes.code_hash",
    "revoked_browsers.account_id",
    "revoked_browsers.browser_id",
    "revoked_browsers.revoked_at",
    "sessions.account_id",
    "sessions.attempt_keys",
    "sessions.browser_id",
    "sessions.generation",
    "sessions.token_hash",
    "sign_in_failures.name_hash",
    "sign_in_notices.account_id",
];

#[tokio::test]
async fn every_column_about_a_person_was_thought_of() {
    let app = TestApp::start().await;
    let columns: Vec<String> = sqlx::query_scalar(
        "select table_name || '.' || column_name
         from information_schema.columns
         where table_schema = current_schema() and table_name in (
             select table_name
             from information_schema.columns
             where column_name in ('account_id', 'name_hash')
         )",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    let known: BTreeSet<&str> = TOLD.iter().chain(LEFT_OUT).copied().collect();
    let found: BTreeSet<&str> = columns.iter().map(String::as_str).collect();
    assert_eq!(found, known, "does the person get what the new column has?");
}

#[tokio::test]
async fn a_long_activity_comes_in_pieces_and_whole() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.events("ada", 1).await;
    for count in [249, 250, 251, 1000] {
        sqlx::query("delete from events")
            .execute(app.pool())
            .await
            .unwrap();
        sqlx::query(
            "insert into events (event_id, account_id, kind)
             select lpad(to_hex(n), 32, '0')::uuid, $1, 'sign_in'
             from generate_series(1, $2::int) as n",
        )
        .bind(tokens.account_id)
        .bind(count)
        .execute(app.pool())
        .await
        .unwrap();
        let answer = app.get_as(&tokens, paths::ACCOUNT_DATA).await;
        let data: AccountData = answer.json();
        let ids = data.activity.iter().map(|data| data.event.event_id);
        let ids: Vec<_> = ids.map(|id| id.as_u128()).collect();
        let count = u128::try_from(count).unwrap();
        assert_eq!(ids, (1..=count).rev().collect::<Vec<_>>());
    }
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
