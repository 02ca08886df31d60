//! `PUT /api/v1/account/username`.

use std::sync::Arc;
use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::{Code, Meaning};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{Account, AccountData, RecoverRequest, Recovered, Tokens, paths};
use holdfast_server::accounts;
use holdfast_server::sweep::Sweep;
use serde_json::{Value, json};

use crate::limits::{From, WRONG, strangers_have_failed};
use crate::support::{Answer, PASSWORD, TestApp};

const HOUR: u32 = 60 * 60;
const DAY: u32 = 24 * HOUR;

async fn rename(app: &TestApp, tokens: &Tokens, username: &str) -> Answer {
    rename_with(app, tokens, username, PASSWORD).await
}

async fn rename_with(app: &TestApp, tokens: &Tokens, username: &str, password: &str) -> Answer {
    let body = json!({"username": username, "password": password});
    app.call_as(tokens, Method::PUT, paths::USERNAME, Some(&body))
        .await
}

async fn name_of(app: &TestApp, tokens: &Tokens) -> String {
    let account: Account = app.get_as(tokens, paths::ACCOUNT).await.json();
    account.username
}

/// Makes every name older that was given up, as if time had passed for the database.
async fn let_pass(app: &TestApp, seconds: u32) {
    sqlx::query(
        "update former_usernames set given_up_at = given_up_at - make_interval(secs => $1)",
    )
    .bind(f64::from(seconds))
    .execute(app.pool())
    .await
    .unwrap();
}

async fn try_sign_up(app: &TestApp, username: &str) -> Answer {
    let body = json!({"username": username, "password": PASSWORD});
    app.call(Method::POST, paths::SIGNUP, &body).await
}

#[tokio::test]
async fn a_person_changes_the_name_and_signs_in_with_the_new_one() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    assert_eq!(name_of(&app, &here).await, "ada");
    let before: Account = app.get_as(&here, paths::ACCOUNT).await.json();

    let answer = rename(&app, &here, "Lovelace").await;
    assert_eq!(
        (answer.status.as_u16(), answer.header("cache-control")),
        (200, "no-store")
    );
    let after: Account = answer.json();
    let expected = Account {
        username: "Lovelace".to_owned(),
        ..before
    };
    assert_eq!(after, expected);
    // Both sessions go on, and show the new name.
    for tokens in [&here, &elsewhere] {
        assert_eq!(name_of(&app, tokens).await, "Lovelace");
        app.renew(tokens).await;
    }
    app.log_in("lovelace").await;
    let events = app.events("lovelace", 4).await;
    let both_names = Some("from ada to Lovelace".to_owned());
    let renamed = ("username_changed".to_owned(), both_names);
    assert!(events.contains(&renamed), "{events:?}");
}

#[tokio::test]
async fn the_old_name_behaves_like_a_name_without_an_account() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let old = app.try_log_in("ada", PASSWORD).await;
    let unknown = app.try_log_in("nobody", PASSWORD).await;
    assert_eq!(old.status, unknown.status);
    let told = |answer: &Answer| (answer.problem().code, answer.problem().detail.clone());
    assert_eq!(told(&old), told(&unknown));
    assert_eq!(old.problem().code, Code::InvalidCredentials);
}

#[tokio::test]
async fn a_wrong_password_or_a_bad_name_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    app.sign_up("eve").await;
    rename_with(&app, &ada, "lovelace", WRONG)
        .await
        .is(Code::InvalidCredentials);
    rename(&app, &ada, "a b")
        .await
        .is(Code::UsernameNotAccepted);
    for taken in ["eve", "EVE"] {
        rename(&app, &ada, taken).await.is(Code::UsernameTaken);
    }
    assert_eq!(name_of(&app, &ada).await, "ada");
    app.log_in("ada").await;
}

/// The password must not be easier to guess by the new name.
#[tokio::test]
async fn a_name_that_is_in_the_password_is_refused() {
    let app = TestApp::start().await;
    let password = "quarry-lantern99";
    let body = json!({"username": "ada", "password": password});
    let ada = app
        .call(Method::POST, paths::SIGNUP, &body)
        .await
        .tokens(201);
    let refused = rename_with(&app, &ada, "quarry-lantern", password).await;
    refused.is(Code::UsernameNotAccepted);
    assert!(refused.problem().detail.contains("password"));
    assert_eq!(refused.json::<Value>()["cause"], "in_password");
    assert_eq!(name_of(&app, &ada).await, "ada");
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_changes_nothing() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let first: Account = rename(&app, &ada, "lovelace").await.json();
    // The limit of a day does not refuse it.
    let second: Account = rename(&app, &ada, "lovelace").await.json();
    assert_eq!(first, second);
    let events = app.events("lovelace", 2).await;
    let renamed = events.iter().filter(|event| event.0 == "username_changed");
    assert_eq!(renamed.count(), 1);
    rename_with(&app, &ada, "lovelace", WRONG)
        .await
        .is(Code::InvalidCredentials);
}

#[tokio::test]
async fn an_account_chooses_a_new_name_once_in_a_day() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let_pass(&app, DAY - 10 * HOUR).await;
    let refused = rename(&app, &ada, "countess").await;
    // A client repeats a request that it should send later. It must show this refusal to the person.
    refused.is(Code::UsernameNotAccepted);
    assert_eq!(refused.problem().meaning(), Meaning::Request);
    assert!(refused.problem().detail.contains("in 10 hours"));
    // A page in another language says the same by these two.
    assert_eq!(refused.problem().cause, Some(Cause::ChangedLately));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((9 * HOUR..=10 * HOUR).contains(&wait), "{wait}");
    let_pass(&app, 10 * HOUR).await;
    rename(&app, &ada, "countess").await.json::<Account>();
    assert_eq!(name_of(&app, &ada).await, "countess");
}

#[tokio::test]
async fn a_change_of_the_spelling_alone_does_not_count() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let mut reader = other.reader();
    reader.read().await.unwrap();
    let ada = app.sign_up("Ada").await;
    assert_eq!(name_of(&other, &ada).await, "Ada");
    for spelling in ["ada", "ADA", "Ada", "ada"] {
        rename(&app, &ada, spelling).await.json::<Account>();
        reader.read().await.unwrap();
        assert_eq!(name_of(&other, &ada).await, spelling);
    }
    // The one new name of the day is still there.
    rename(&app, &ada, "lovelace").await.json::<Account>();
    rename(&app, &ada, "Lovelace").await.json::<Account>();
    // The spelling does not bring another one.
    let refused = rename(&app, &ada, "countess").await;
    refused.is(Code::UsernameNotAccepted);
    assert_eq!(refused.problem().cause, Some(Cause::ChangedLately));
    rename(&app, &ada, "ADA").await.json::<Account>();
    rename(&app, &ada, "ada").await.json::<Account>();
    rename(&app, &ada, "countess")
        .await
        .is(Code::UsernameNotAccepted);
    try_sign_up(&app, "lovelace").await.is(Code::UsernameTaken);
}

#[tokio::test]
async fn the_old_name_is_reserved_for_thirty_days_for_all_but_its_former_owner() {
    let app = TestApp::start().await;
    let ada = app.sign_up("Ada").await;
    let eve = app.sign_up("eve").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    try_sign_up(&app, "ada").await.is(Code::UsernameTaken);
    rename(&app, &eve, "ADA").await.is(Code::UsernameTaken);
    // The former owner takes it back at once. Then the other name is reserved.
    rename(&app, &ada, "Ada").await.json::<Account>();
    try_sign_up(&app, "lovelace").await.is(Code::UsernameTaken);
    rename(&app, &ada, "lovelace").await.json::<Account>();

    let_pass(&app, 30 * DAY - 60).await;
    try_sign_up(&app, "ada").await.is(Code::UsernameTaken);
    let_pass(&app, 120).await;
    // The name is free, although the row may still be there.
    try_sign_up(&app, "ada").await.tokens(201);
    rename(&app, &ada, "ada").await.is(Code::UsernameTaken);
    assert_eq!(name_of(&app, &ada).await, "lovelace");
}

#[tokio::test]
async fn the_sweep_deletes_names_that_are_not_reserved_any_more() {
    let app = TestApp::start().await;
    let (ada, eve) = (app.sign_up("ada").await, app.sign_up("eve").await);
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let_pass(&app, 30 * DAY + 1).await;
    rename(&app, &eve, "adam").await.json::<Account>();
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty(), "{:?}", round.failed);
    assert_eq!(round.deleted, 1);
    let left: Vec<String> = sqlx::query_scalar("select username_key from former_usernames")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(left, ["eve"]);
}

#[tokio::test]
async fn a_deleted_account_reserves_no_name() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let body = json!({"password": PASSWORD});
    let deleted = app.call_as(&ada, Method::DELETE, paths::ACCOUNT, Some(&body));
    assert_eq!(deleted.await.status, 204);
    app.sign_up("ada").await;
}

/// A sign-up waits for the transaction that gives the name up. Its first statement has not seen the
/// reservation.
#[tokio::test]
async fn a_sign_up_at_the_moment_of_the_change_does_not_get_the_old_name() {
    let app = Arc::new(TestApp::start().await);
    let ada = app.sign_up("ada").await;
    let mut renaming = app.pool().begin().await.unwrap();
    for statement in [
        "update accounts set username = 'lovelace', username_key = 'lovelace'",
        "insert into former_usernames (username_key, account_id) select 'ada', account_id from accounts",
    ] {
        sqlx::query(statement)
            .execute(&mut *renaming)
            .await
            .unwrap();
    }
    let signing_up = {
        let app = Arc::clone(&app);
        tokio::spawn(async move { try_sign_up(&app, "ada").await })
    };
    app.until_waiting(1).await;
    renaming.commit().await.unwrap();
    signing_up.await.unwrap().is(Code::UsernameTaken);
    rename(&app, &ada, "ada").await.json::<Account>();
}

#[tokio::test]
async fn other_instances_show_the_new_name_after_their_next_read() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let mut reader = other.reader();
    reader.read().await.unwrap();
    let ada = app.sign_up("ada").await;
    assert_eq!(name_of(&other, &ada).await, "ada");
    rename(&app, &ada, "lovelace").await.json::<Account>();
    assert_eq!(
        name_of(&other, &ada).await,
        "ada",
        "it comes from the cache"
    );
    reader.read().await.unwrap();
    assert_eq!(name_of(&other, &ada).await, "lovelace");
}

/// An instance that could not read for a while may have missed any number of changes.
#[tokio::test]
async fn an_instance_that_reads_again_from_the_start_forgets_all_names() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let ada = app.sign_up("ada").await;
    assert_eq!(name_of(&other, &ada).await, "ada");
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let_pass(&app, HOUR).await;
    other.reader().read().await.unwrap();
    assert_eq!(name_of(&other, &ada).await, "lovelace");
}

/// The time of a change decides, compared with the read before. A connection may stay open while an
/// instance does not read.
#[tokio::test]
async fn an_instance_that_reads_late_forgets_the_names_that_changed_since_its_last_read() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let ada = app.sign_up("ada").await;
    // The overlap dates the read before to an hour ago.
    let mut reader = other
        .reader()
        .overlapping(Duration::from_secs(u64::from(HOUR)));
    reader.read().await.unwrap();
    assert_eq!(name_of(&other, &ada).await, "ada");
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let_pass(&app, HOUR / 2).await;
    reader.read().await.unwrap();
    assert_eq!(name_of(&other, &ada).await, "lovelace");
}

/// Strangers guess passwords of the account under its old name, or wait under the new one. Neither
/// keeps the person out, and the count of the new name starts at zero once.
#[tokio::test]
async fn a_known_browser_stays_known_under_the_new_name() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let stranger = app.log_in("ada").await;
    rename(&app, &stranger, "lovelace").await.json::<Account>();
    strangers_have_failed(&app, "lovelace", 100).await;
    app.try_log_in("lovelace", PASSWORD)
        .await
        .is(Code::TooManyAttempts);
    // The token of this browser was made for the old name.
    let signed_in = From::known(&ada).log_in(&app, "lovelace", PASSWORD).await;
    signed_in.tokens(200);
}

/// The token of another account does not help under this name.
#[tokio::test]
async fn a_browser_that_another_account_knows_is_a_stranger() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let eve = app.sign_up("eve").await;
    strangers_have_failed(&app, "ada", 100).await;
    let refused = From::known(&eve).log_in(&app, "ada", PASSWORD).await;
    refused.is(Code::TooManyAttempts);
}

/// The token of a browser with the old name still loses its effect after ten failures.
#[tokio::test]
async fn a_browser_of_the_old_name_may_fail_ten_times() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    strangers_have_failed(&app, "lovelace", 100).await;
    let known = From::known(&ada);
    for _ in 0..10 {
        known
            .log_in(&app, "lovelace", WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    known
        .log_in(&app, "lovelace", PASSWORD)
        .await
        .is(Code::TooManyAttempts);
}

#[tokio::test]
async fn failures_under_the_new_name_from_before_do_not_keep_the_person_out() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    strangers_have_failed(&app, "lovelace", 100).await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    app.state.limits.failures().written().await;
    app.log_in("lovelace").await;
}

/// A change of the name gives a guesser no new tries without the password.
#[tokio::test]
async fn a_refused_change_resets_no_count() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    strangers_have_failed(&app, "ada", 100).await;
    rename_with(&app, &ada, "lovelace", WRONG)
        .await
        .is(Code::InvalidCredentials);
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::TooManyAttempts);
}

async fn recover(app: &TestApp, username: &str, code: Secret, new: &str) -> Answer {
    let request = RecoverRequest {
        username: username.to_owned(),
        recovery_code: code,
        new_password: new.into(),
    };
    let body = serde_json::to_value(&request).unwrap();
    app.call(Method::POST, paths::RECOVER, &body).await
}

/// A thief with the password gives the account another name and another password. The person only knows
/// the name before.
#[tokio::test]
async fn the_recovery_code_works_with_the_name_before_while_it_is_reserved() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let code = ada.recovery_code.clone().unwrap();
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let_pass(&app, 30 * DAY - 60).await;
    let new = "copper whistles in the orchard";
    let first = recover(&app, "Ada", code.clone(), new).await;
    assert_eq!(first.status, 200, "{}", first.text());
    // The repeated request gets the same answer.
    let second = recover(&app, "ada", code, new).await;
    let (first, second): (Recovered, Recovered) = (first.json(), second.json());
    assert_eq!(first.recovery_code, second.recovery_code);
    // The answer has the name with which the person signs in.
    assert_eq!(first.username.as_deref(), Some("lovelace"));
    app.try_log_in("lovelace", new).await.tokens(200);

    let_pass(&app, 120).await;
    let next = first.recovery_code;
    let newer = "seven lanterns above the harbour";
    recover(&app, "ada", next.clone(), newer)
        .await
        .is(Code::InvalidCredentials);
    // The name belongs to another account by now.
    app.sign_up("ada").await;
    recover(&app, "ada", next.clone(), newer)
        .await
        .is(Code::InvalidCredentials);
    let recovered = recover(&app, "lovelace", next, newer).await;
    assert_eq!(recovered.status, 200, "{}", recovered.text());
}

/// An operator knows the name that the person tells.
#[tokio::test]
async fn an_operator_finds_the_account_by_the_name_before_while_it_is_reserved() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let present = async |username: &str| {
        let username = Username::parse(username).unwrap();
        let found = accounts::present_name(&app.state.pool, &username).await;
        found.unwrap().map(|name| name.as_str().to_owned())
    };
    assert_eq!(present("ADA").await.as_deref(), Some("ada"));
    assert_eq!(present("eve").await, None);
    rename(&app, &ada, "Lovelace").await.json::<Account>();
    let_pass(&app, 30 * DAY - 60).await;
    assert_eq!(present("Ada").await.as_deref(), Some("Lovelace"));
    assert_eq!(present("lovelace").await.as_deref(), Some("Lovelace"));
    let_pass(&app, 120).await;
    assert_eq!(present("ada").await, None);
    // The row of the reservation is still there, but the name belongs to another account.
    app.sign_up("ada").await;
    assert_eq!(present("ada").await.as_deref(), Some("ada"));
}

#[tokio::test]
async fn the_copy_of_the_data_has_no_name_that_is_the_present_one_or_free() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let former = async || {
        let data: AccountData = app.get_as(&ada, paths::ACCOUNT_DATA).await.json();
        let names = data.former_usernames.into_iter();
        names.map(|former| former.username).collect::<Vec<_>>()
    };
    // The account still has the name, in another spelling.
    rename(&app, &ada, "Ada").await.json::<Account>();
    assert_eq!(former().await, [] as [&str; 0]);
    let_pass(&app, DAY).await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    assert_eq!(former().await, ["ada"]);
    let_pass(&app, 30 * DAY).await;
    assert_eq!(former().await, [] as [&str; 0]);
}

/// The account keeps its names reserved by taking each of them back before it is free.
#[tokio::test]
async fn an_account_reserves_thirty_names_at_most() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let names = "insert into former_usernames (username_key, account_id, given_up_at)
        select 'name' || n, account_id, now() - make_interval(days => 2)
        from accounts, generate_series(1, 30) as n";
    sqlx::query(names).execute(app.pool()).await.unwrap();
    let refused = rename(&app, &ada, "lovelace").await;
    refused.is(Code::UsernameNotAccepted);
    assert!(refused.problem().detail.contains("30 names"));
    assert_eq!(refused.problem().cause, Some(Cause::TooManyReserved));
    // A name of its own does not add to them.
    rename(&app, &ada, "name7").await.json::<Account>();
    let_pass(&app, 2 * DAY).await;
    rename(&app, &ada, "lovelace")
        .await
        .is(Code::UsernameNotAccepted);
    let expired = "update former_usernames set given_up_at = now() - make_interval(days => 31)
        where username_key = 'name8'";
    sqlx::query(expired).execute(app.pool()).await.unwrap();
    rename(&app, &ada, "lovelace").await.json::<Account>();
    // The expired name counts as a new one.
    rename(&app, &ada, "name8")
        .await
        .is(Code::UsernameNotAccepted);
}

#[tokio::test]
async fn a_change_of_the_letter_case_takes_no_place_among_the_thirty_names() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    let names = "insert into former_usernames (username_key, account_id, given_up_at)
        select 'name' || n, account_id, now() - make_interval(days => 2)
        from accounts, generate_series(1, 29) as n";
    sqlx::query(names).execute(app.pool()).await.unwrap();
    rename(&app, &ada, "Ada").await.json::<Account>();
    rename(&app, &ada, "lovelace").await.json::<Account>();
}

#[tokio::test]
async fn the_copy_of_the_data_has_the_names_that_were_given_up() {
    let app = TestApp::start().await;
    let ada = app.sign_up("Ada").await;
    rename(&app, &ada, "lovelace").await.json::<Account>();
    let data: AccountData = app.get_as(&ada, paths::ACCOUNT_DATA).await.json();
    assert_eq!(data.account.username, "lovelace");
    let [former] = &data.former_usernames[..] else {
        panic!("{:?}", data.former_usernames);
    };
    assert_eq!(former.username, "ada");
    assert_eq!(
        former.reserved_until - former.given_up_at,
        i64::from(30 * DAY)
    );
}

#[tokio::test]
async fn a_session_that_has_ended_changes_no_name() {
    let here = TestApp::start().await;
    // Another instance has not learnt of the ending yet.
    let elsewhere = here.second_instance(&[1]);
    let ada = here.sign_up("ada").await;
    here.log_out(&ada).await;
    rename(&elsewhere, &ada, "lovelace")
        .await
        .is(Code::SessionEnded);
    here.log_in("ada").await;
}
