//! `POST /api/v1/recover`.

use std::time::Duration;

use axum::http::{HeaderValue, Method};
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::Code;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{
    EndReason, KNOWN_BROWSER_HEADER, Recovered, RecoveryCodeState, paths,
};
use serde_json::json;

use crate::limits::strangers_have_failed;
use crate::metrics::counted;
use crate::recovery_code::{ANOTHER, code_of, confirm, replace, try_recover};
use crate::support::log::Log;
use crate::support::queries::QueryCount;
use crate::support::{Answer, PASSWORD, TestApp, json_request, new_key};

const THIRD: &str = "eleven kettles behind the orchard";

/// A well-formed code that no account has.
fn made_up() -> Secret {
    RecoveryCode::from_random([7; 16]).print()
}

/// Recovers the account, and returns the answer.
#[track_caller]
fn recovered(answer: &Answer) -> Recovered {
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(answer.header("cache-control"), "no-store");
    answer.json()
}

async fn recover(app: &TestApp, username: &str, code: &Secret, password: &str) -> Secret {
    let answer = try_recover(app, username, code.expose(), password).await;
    recovered(&answer).recovery_code
}

#[tokio::test]
async fn bar_53_a_kept_code_gives_the_account_back_to_its_owner() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let elsewhere = app.log_in("ada").await;
    let next = recover(&app, "ADA", &code_of(&here), ANOTHER).await;

    assert_ne!(next, code_of(&here));
    for old in [&here, &elsewhere] {
        assert!(!app.accepts(old).await);
        let answer = app.refresh(old, &new_key()).await;
        answer.is(Code::SessionEnded);
        assert_eq!(answer.problem().reason, Some(EndReason::PasswordChanged));
    }
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    let tokens = app.try_log_in("ada", ANOTHER).await.tokens(200);
    assert_eq!(tokens.recovery_code_confirmed, Some(false));
    let kinds = app.events("ada", 6).await;
    let kinds: Vec<_> = kinds.iter().map(|(kind, _)| kind.as_str()).collect();
    assert_eq!(kinds.iter().filter(|kind| **kind == "recovered").count(), 1);
    // The next code works as well.
    recover(&app, "ada", &next, THIRD).await;
    app.try_log_in("ada", THIRD).await.tokens(200);
}

#[tokio::test]
async fn a_code_is_read_as_a_person_types_it() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let typed = code_of(&tokens).expose().to_lowercase().replace('-', " ");
    let typed = typed.replace('0', "o").replace('1', "l");
    let answer = try_recover(&app, "ada", &typed, ANOTHER).await;
    recovered(&answer);
}

#[tokio::test]
async fn a_used_code_is_void_once_the_next_one_was_used() {
    let app = TestApp::start().await;
    let first = code_of(&app.sign_up("ada").await);
    let second = recover(&app, "ada", &first, ANOTHER).await;
    recover(&app, "ada", &second, THIRD).await;
    try_recover(&app, "ada", first.expose(), PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    app.try_log_in("ada", THIRD).await.tokens(200);
}

#[tokio::test]
async fn a_used_code_is_void_once_the_next_one_was_confirmed() {
    let app = TestApp::start().await;
    let first = code_of(&app.sign_up("ada").await);
    let second = recover(&app, "ada", &first, ANOTHER).await;
    let tokens = app.try_log_in("ada", ANOTHER).await.tokens(200);
    let confirmed = confirm(&app, &tokens, &second).await;
    assert_eq!(confirmed.status, 204);
    try_recover(&app, "ada", first.expose(), THIRD)
        .await
        .is(Code::InvalidCredentials);
    recover(&app, "ada", &second, THIRD).await;
}

#[tokio::test]
async fn a_used_code_is_good_until_the_next_one_is_known_to_be_kept() {
    let app = TestApp::start().await;
    let first = code_of(&app.sign_up("ada").await);
    // The answer was lost, and the person comes back later with another new password.
    let lost = recover(&app, "ada", &first, ANOTHER).await;
    let again = recover(&app, "ada", &first, THIRD).await;
    assert_eq!(lost, again);
    app.try_log_in("ada", THIRD).await.tokens(200);
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_and_changes_nothing_more() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    let first = recover(&app, "ada", &code, ANOTHER).await;
    let since = app.try_log_in("ada", ANOTHER).await.tokens(200);
    let again = recover(&app, "ada", &code, ANOTHER).await;
    assert_eq!(first, again);
    assert!(app.accepts(&since).await, "the new session goes on");
    app.renew(&since).await;
    let events = app.events("ada", 4).await;
    let times = events
        .iter()
        .filter(|(kind, _)| kind == "recovered")
        .count();
    assert_eq!(times, 1, "{events:?}");
    let counted = counted(&app).await;
    for answer in ["recovered", "repeated"] {
        let line = format!(r#"holdfast_recoveries_total{{answer="{answer}"}} 1"#);
        assert!(counted.lines().any(|l| l == line), "{line}\n{counted}");
    }
}

#[tokio::test]
async fn a_repeated_request_gets_the_same_answer_from_an_instance_with_a_new_secret() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    let first = recover(&app, "ada", &code, ANOTHER).await;
    let other = app.second_instance(&[2, 1]);
    assert_eq!(recover(&other, "ada", &code, ANOTHER).await, first);
}

#[tokio::test]
async fn the_same_request_at_the_same_moment_is_done_once() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    let calls = (0..2).map(|_| recover(&app, "ada", &code, ANOTHER));
    let codes = futures::future::join_all(calls).await;
    assert_eq!(codes[0], codes[1]);
    let events = app.events("ada", 3).await;
    let times = events
        .iter()
        .filter(|(kind, _)| kind == "recovered")
        .count();
    assert_eq!(times, 1, "{events:?}");
}

#[tokio::test]
async fn a_late_repetition_does_not_touch_a_newer_code() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    recover(&app, "ada", &code, ANOTHER).await;
    let tokens = app.try_log_in("ada", ANOTHER).await.tokens(200);
    let newer = replace(&app, &tokens, ANOTHER).await;
    // The answer would show another code, so the request is refused as any other that sets
    // the same password.
    try_recover(&app, "ada", code.expose(), ANOTHER)
        .await
        .is(Code::PasswordNotAccepted);
    assert!(app.accepts(&tokens).await);
    let confirmed = confirm(&app, &tokens, &newer).await;
    assert_eq!(confirmed.status, 204);
}

#[tokio::test]
async fn every_wrong_attempt_gets_the_same_answer_after_the_same_queries() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    let grace = code_of(&app.sign_up("grace").await);
    let (pool, clock) = (&app.state.pool, &app.state.clock);
    let name = Username::parse("grace").unwrap();
    holdfast_server::accounts::disable(pool, clock, &name)
        .await
        .unwrap();
    let mut told = Vec::new();
    for (username, code) in [
        ("ada", made_up()),
        ("nobody", code.clone()),
        ("nobody", made_up()),
        ("not a name!", code.clone()),
        ("", made_up()),
        ("ada", grace.clone()),
        // The right code of a disabled account.
        ("grace", grace),
    ] {
        let queries = QueryCount::start();
        let answer = try_recover(&app, username, code.expose(), ANOTHER).await;
        assert_eq!(queries.so_far(), 1, "{username}");
        answer.is(Code::InvalidCredentials);
        let problem = answer.problem();
        told.push((problem.detail, problem.cause));
    }
    // A mistyped code is recognised without a query, under every name.
    let mistyped = "0000-0000-0000-0000-0000-0000-0000";
    for username in ["ada", "nobody", ""] {
        let queries = QueryCount::start();
        let answer = try_recover(&app, username, mistyped, ANOTHER).await;
        assert_eq!(queries.so_far(), 0, "{username}");
        let problem = answer.problem();
        told.push((problem.detail, problem.cause));
    }
    told.dedup();
    let sentence = "The username or the recovery code is wrong.".to_owned();
    assert_eq!(told, [(sentence, Some(Cause::WrongRecoveryCode))]);
    app.log_in("ada").await;
    recover(&app, "ada", &code, ANOTHER).await;
}

#[tokio::test]
async fn a_refused_password_leaves_everything_as_it_is() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let code = code_of(&tokens);
    for refused in [
        "too short",
        "passwordpassword",
        "lovelacelovelace",
        PASSWORD,
    ] {
        try_recover(&app, "ada", code.expose(), refused)
            .await
            .is(Code::PasswordNotAccepted);
    }
    assert!(app.accepts(&tokens).await);
    app.log_in("ada").await;
    recover(&app, "ada", &code, ANOTHER).await;
}

#[tokio::test]
async fn recoveries_are_limited_by_address_and_share_the_limit_with_sign_ins() {
    use std::net::SocketAddr;

    use axum::extract::ConnectInfo;

    let app = TestApp::with(|config| {
        config.limits.attempts = 3;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let code = code_of(&app.sign_up("ada").await);
    let from = async |ip: [u8; 4], path: &str, body: &serde_json::Value| {
        let mut request = json_request(Method::POST, path, body);
        let peer = SocketAddr::from((ip, 50_000));
        request.extensions_mut().insert(ConnectInfo(peer));
        app.send(request).await
    };
    // A name that no account has is limited in the same way, and told in the same words.
    let mut told = Vec::new();
    for (place, username) in [(1, "ada"), (3, "nobody"), (4, "not a name!")] {
        let wrong = json!({
            "username": username,
            "recovery_code": made_up().expose(),
            "new_password": ANOTHER,
        });
        let attacker = [192, 0, 2, place];
        for _ in 0..3 {
            let answer = from(attacker, paths::RECOVER, &wrong).await;
            answer.is(Code::InvalidCredentials);
        }
        let refused = from(attacker, paths::RECOVER, &wrong).await;
        refused.is(Code::TooManyAttempts);
        assert!(!refused.header("retry-after").is_empty(), "{username}");
        told.push(refused.problem().detail);
        let sign_in = json!({"username": "ada", "password": PASSWORD});
        from(attacker, paths::LOGIN, &sign_in)
            .await
            .is(Code::TooManyAttempts);
    }
    told.dedup();
    assert_eq!(told.len(), 1, "{told:?}");
    // The person recovers the account at another address.
    let right = json!({
        "username": "ada",
        "recovery_code": code.expose(),
        "new_password": ANOTHER,
    });
    let answer = from([192, 0, 2, 2], paths::RECOVER, &right).await;
    recovered(&answer);
}

#[tokio::test]
async fn a_recovery_is_the_way_in_after_a_hundred_failures_of_strangers() {
    let app = TestApp::start().await;
    let code = code_of(&app.sign_up("ada").await);
    strangers_have_failed(&app, "ada", 100).await;
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::TooManyAttempts);

    let answer = try_recover(&app, "ada", code.expose(), ANOTHER).await;
    let recovered = recovered(&answer);
    app.try_log_in("ada", ANOTHER).await.tokens(200);

    // The attacker goes on, and fills the count again. This browser is not a stranger's.
    strangers_have_failed(&app, "ada", 100).await;
    let body = json!({"username": "ada", "password": ANOTHER});
    let mut request = json_request(Method::POST, paths::LOGIN, &body);
    let known = recovered.known_browser.unwrap();
    let known = HeaderValue::from_str(known.expose()).unwrap();
    request.headers_mut().append(KNOWN_BROWSER_HEADER, known);
    app.send(request).await.tokens(200);
}

#[tokio::test]
async fn a_recovery_ends_more_sessions_than_one_transaction_may() {
    let app = TestApp::with(|config| config.sessions_per_account = 10_000).await;
    let tokens = app.sign_up("ada").await;
    app.open_unused(tokens.account_id, 1200).await;
    recover(&app, "ada", &code_of(&tokens), ANOTHER).await;
    let left: i64 = sqlx::query_scalar("select count(*) from sessions")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
    assert_eq!(app.most_endings_of_one_transaction().await, 500);
    assert!(!app.accepts(&tokens).await);
}

#[tokio::test]
async fn a_sign_in_with_the_old_password_in_flight_gets_no_session() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // The sign-in has verified the old password and waits for the account's row.
    let mut held = app.pool().begin().await.unwrap();
    sqlx::query("select from accounts for update")
        .execute(&mut *held)
        .await
        .unwrap();
    let code = code_of(&tokens);
    let recovering = recover(&app, "ada", &code, ANOTHER);
    let meanwhile = async {
        app.until_waiting(1).await;
        let signing_in = app.try_log_in("ada", PASSWORD);
        let released = async {
            app.until_waiting(2).await;
            held.commit().await.unwrap();
        };
        let (answer, ()) = futures::join!(signing_in, released);
        answer
    };
    let (_, answer) = futures::join!(recovering, meanwhile);
    answer.is(Code::InvalidCredentials);
    let left: i64 = sqlx::query_scalar("select count(*) from sessions")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(left, 0);
}

#[tokio::test]
async fn the_database_and_the_log_never_have_a_code() {
    let app = TestApp::start().await;
    let log = Log::start();
    let tokens = app.sign_up("ada-of-the-logs").await;
    let first = code_of(&tokens);
    try_recover(&app, "ada-of-the-logs", made_up().expose(), ANOTHER).await;
    try_recover(&app, "typed into the wrong field", first.expose(), ANOTHER).await;
    let second = recover(&app, "ada-of-the-logs", &first, ANOTHER).await;
    let tokens = app.try_log_in("ada-of-the-logs", ANOTHER).await.tokens(200);
    let third = replace(&app, &tokens, ANOTHER).await;
    confirm(&app, &tokens, &third).await;
    let log = log.finish();
    assert!(log.contains("A recovery code was wrong."), "{log}");
    assert!(log.contains("A lost password was replaced."));
    let dump: Vec<String> = sqlx::query_scalar("select recovery_codes::text from recovery_codes")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(dump.len(), 1);
    for secret in [&first, &second, &third] {
        let bare = secret.expose().replace('-', "");
        for text in dump.iter().chain([&log]) {
            assert!(!text.contains(secret.expose()) && !text.contains(&bare));
        }
    }
    for typed in [ANOTHER, "ada-of-the-logs", "typed into"] {
        let line = log.lines().find(|line| line.contains(typed));
        assert_eq!(line, None, "what was typed is in the log");
    }
}

#[tokio::test]
async fn an_account_of_an_earlier_release_has_no_code() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    sqlx::query("delete from recovery_codes")
        .execute(app.pool())
        .await
        .unwrap();
    try_recover(&app, "ada", code_of(&tokens).expose(), ANOTHER)
        .await
        .is(Code::InvalidCredentials);
    let tokens = app.log_in("ada").await;
    assert_eq!(tokens.recovery_code_confirmed, Some(false));
    let state: RecoveryCodeState = app.get_as(&tokens, paths::RECOVERY_CODE).await.json();
    assert_eq!((state.made_at, state.confirmed), (None, false));
}

#[tokio::test]
async fn recoveries_that_wait_for_a_row_let_others_sign_in() {
    let app = TestApp::start().await;
    let ada = app.sign_up("ada").await;
    app.sign_up("bob").await;
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query("select from accounts where account_id = $1 for update")
        .bind(ada.account_id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    // There are two turns: one for the thread, and one more. Two requests take both.
    let code = code_of(&ada);
    let try_it = || try_recover(&app, "ada", code.expose(), ANOTHER);
    let (mut one, mut two) = (Box::pin(try_it()), Box::pin(try_it()));
    let until_both_wait = async {
        let waiting = "select count(*) from pg_stat_activity
                       where datname = current_database() and wait_event_type = 'Lock'";
        while sqlx::query_scalar::<_, i64>(waiting)
            .fetch_one(app.pool())
            .await
            .unwrap()
            < 2
        {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::select! {
        () = until_both_wait => {}
        _ = &mut one => panic!("the first recovery does not wait"),
        _ = &mut two => panic!("the second recovery does not wait"),
    }
    tokio::select! {
        tokens = app.log_in("bob") => assert_ne!(tokens.account_id, ada.account_id),
        _ = &mut one => panic!("the sign-in has waited for the first recovery"),
        _ = &mut two => panic!("the sign-in has waited for the second recovery"),
    }
    transaction.rollback().await.unwrap();
    // The second recovery finds the result of the first one, and has the same answer.
    let (one, two) = tokio::join!(one, two);
    assert_eq!(recovered(&one).recovery_code, recovered(&two).recovery_code);
}
