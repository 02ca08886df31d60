//! `/api/v1/account/recovery-code`.

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{NewRecoveryCode, RecoveryCodeState, Tokens, paths};
use serde_json::json;

use crate::limits::WRONG;
use crate::support::{Answer, PASSWORD, TestApp};

pub const ANOTHER: &str = "seven lanterns above the harbour";

/// The code of a sign-up.
pub fn code_of(tokens: &Tokens) -> Secret {
    tokens.recovery_code.clone().unwrap()
}

pub async fn try_recover(app: &TestApp, username: &str, code: &str, password: &str) -> Answer {
    let body = json!({"username": username, "recovery_code": code, "new_password": password});
    app.call(Method::POST, paths::RECOVER, &body).await
}

async fn try_replace(app: &TestApp, tokens: &Tokens, password: &str) -> Answer {
    let body = json!({ "password": password });
    app.call_as(tokens, Method::PUT, paths::RECOVERY_CODE, Some(&body))
        .await
}

/// Makes a new code.
pub async fn replace(app: &TestApp, tokens: &Tokens, password: &str) -> Secret {
    let answer = try_replace(app, tokens, password).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    let NewRecoveryCode { recovery_code } = answer.json();
    recovery_code
}

/// Confirms that the person keeps this code.
pub async fn confirm(app: &TestApp, tokens: &Tokens, code: &Secret) -> Answer {
    let body = json!({ "recovery_code": code.expose() });
    let path = paths::RECOVERY_CODE_CONFIRMED;
    app.call_as(tokens, Method::POST, path, Some(&body)).await
}

async fn state(app: &TestApp, tokens: &Tokens) -> RecoveryCodeState {
    let answer = app.get_as(tokens, paths::RECOVERY_CODE).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

/// Whether this code recovers the account. Afterwards the account has another password.
async fn is_good(app: &TestApp, code: &Secret, password: &str) -> bool {
    let answer = try_recover(app, "ada", code.expose(), password).await;
    answer.status == 200
}

#[tokio::test]
async fn a_sign_up_answers_a_code_that_is_offered_again_until_it_is_confirmed() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let code = code_of(&tokens);
    assert!(RecoveryCode::parse(code.expose()).is_ok());
    assert_eq!(tokens.recovery_code_confirmed, Some(false));
    assert_eq!(app.log_in("ada").await.recovery_code_confirmed, Some(false));
    let before = state(&app, &tokens).await;
    assert!(before.made_at.is_some() && !before.confirmed);

    assert_eq!(confirm(&app, &tokens, &code).await.status, 204);

    assert!(state(&app, &tokens).await.confirmed);
    let signed_in = app.log_in("ada").await;
    assert_eq!(signed_in.recovery_code_confirmed, Some(true));
    assert_eq!(signed_in.recovery_code, None, "a code is shown once");
    let renewed = app.renew(&signed_in).await;
    assert_eq!(renewed.recovery_code_confirmed, None);
    // It may be confirmed twice, because the answer may have been lost.
    assert_eq!(confirm(&app, &tokens, &code).await.status, 204);
    let events = app.events("ada", 4).await;
    let kind = "recovery_code_confirmed";
    let times = events.iter().filter(|event| event.0 == kind).count();
    assert_eq!(times, 1, "{events:?}");
}

#[tokio::test]
async fn a_new_code_needs_the_password_and_the_old_one_is_good_until_it_is_confirmed() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let old = code_of(&tokens);
    confirm(&app, &tokens, &old).await;
    try_replace(&app, &tokens, WRONG)
        .await
        .is(Code::InvalidCredentials);
    assert!(state(&app, &tokens).await.confirmed);

    let new = replace(&app, &tokens, PASSWORD).await;
    assert_ne!(old, new);
    assert!(!state(&app, &tokens).await.confirmed);
    assert!(app.accepts(&tokens).await, "no session ended");

    confirm(&app, &tokens, &new).await;
    assert!(!is_good(&app, &old, ANOTHER).await);
    assert!(is_good(&app, &new, ANOTHER).await);
    let events = app.events("ada", 5).await;
    assert!(events.iter().any(|event| event.0 == "recovery_code_made"));
}

#[tokio::test]
async fn the_old_code_is_good_while_the_new_one_is_not_confirmed() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let old = code_of(&tokens);
    confirm(&app, &tokens, &old).await;
    let new = replace(&app, &tokens, PASSWORD).await;
    assert!(is_good(&app, &old, ANOTHER).await);
    // The use of a code makes the next code. It takes the place of the code that was never used.
    assert!(!is_good(&app, &new, PASSWORD).await);
}

#[tokio::test]
async fn only_the_newest_of_several_new_codes_can_be_confirmed() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let kept = code_of(&tokens);
    confirm(&app, &tokens, &kept).await;
    // Two tabs make a new code each.
    let one = replace(&app, &tokens, PASSWORD).await;
    let two = replace(&app, &tokens, PASSWORD).await;
    confirm(&app, &tokens, &one).await.is(Code::NotFound);
    // A late confirmation of the code before changes nothing either.
    assert_eq!(confirm(&app, &tokens, &kept).await.status, 204);
    assert_eq!(confirm(&app, &tokens, &two).await.status, 204);
    assert!(!is_good(&app, &one, ANOTHER).await);
    assert!(is_good(&app, &two, ANOTHER).await);
}

#[tokio::test]
async fn only_a_client_that_knows_a_code_confirms_it() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let made_up = RecoveryCode::from_random([7; 16]).print();
    for code in [&made_up, &Secret::from("nonsense"), &Secret::from("")] {
        confirm(&app, &tokens, code).await.is(Code::NotFound);
    }
    // The code of another account is not a code of this account.
    let other = app.sign_up("eve").await;
    confirm(&app, &tokens, &code_of(&other))
        .await
        .is(Code::NotFound);
    assert!(!state(&app, &tokens).await.confirmed);
    assert!(!state(&app, &other).await.confirmed);
}

#[tokio::test]
async fn every_call_needs_a_live_session() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    for (method, path) in [
        (Method::GET, paths::RECOVERY_CODE),
        (Method::PUT, paths::RECOVERY_CODE),
        (Method::POST, paths::RECOVERY_CODE_CONFIRMED),
    ] {
        let body = json!({});
        let answer = app.call(method.clone(), path, &body).await;
        answer.is(Code::AccessTokenMissing);
    }
    app.log_out(&tokens).await;
    let answer = app.get_as(&tokens, paths::RECOVERY_CODE).await;
    answer.is(Code::SessionEnded);
    try_replace(&app, &tokens, PASSWORD)
        .await
        .is(Code::SessionEnded);
}

#[tokio::test]
async fn a_deleted_account_takes_its_codes_with_it() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let body = json!({ "password": PASSWORD });
    let deleted = app
        .call_as(&tokens, Method::DELETE, paths::ACCOUNT, Some(&body))
        .await;
    assert_eq!(deleted.status, 204);
    let left: i64 = sqlx::query_scalar("select count(*) from recovery_codes")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    // The old code does not open the next account with this name.
    app.sign_up("ada").await;
    try_recover(&app, "ada", code_of(&tokens).expose(), ANOTHER)
        .await
        .is(Code::InvalidCredentials);
}

#[tokio::test]
async fn a_change_of_the_password_keeps_the_code() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let code = code_of(&tokens);
    confirm(&app, &tokens, &code).await;
    let changed = crate::limits::change_password(&app, &tokens, PASSWORD, ANOTHER).await;
    assert_eq!(changed.tokens(200).recovery_code_confirmed, Some(true));
    assert!(is_good(&app, &code, PASSWORD).await);
}
