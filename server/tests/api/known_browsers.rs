//! What the token of a known browser allows, and what it does not allow
//! (`server/src/limits/known_browsers.rs`).

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::sweep::Sweep;
use serde_json::json;

use crate::limits::{From, WRONG, change_password, strangers_have_failed};
use crate::support::{Answer, PASSWORD, TestApp};

const HOUR: Duration = Duration::from_secs(3600);

/// An instance at which an address may make this many attempts, and then one every hour.
async fn app_with_attempts(attempts: u32) -> TestApp {
    TestApp::with(|config| {
        config.limits.attempts = attempts;
        config.limits.attempts_every = HOUR;
    })
    .await
}

/// A client at this address, with the token of this answer.
fn known_at<'a>(ip: &'a str, tokens: &'a Tokens) -> From<'a> {
    From {
        ip: Some(ip),
        ..From::known(tokens)
    }
}

#[tokio::test]
async fn the_tokens_of_one_account_share_a_bucket() {
    let app = app_with_attempts(2).await;
    let mut browsers = vec![app.sign_up("ada").await];
    for _ in 0..5 {
        browsers.push(app.log_in("ada").await);
    }
    let mut signed_in = 0;
    for (n, browser) in browsers.iter().cycle().take(18).enumerate() {
        // The address is another one each time, so only the shared bucket can refuse them.
        let ip = format!("192.0.2.{n}");
        let answer = known_at(&ip, browser).log_in(&app, "ada", PASSWORD).await;
        if answer.status == 200 {
            signed_in += 1;
        } else {
            answer.is(Code::TooManyAttempts);
        }
    }
    assert_eq!(signed_in, 6, "three times as many as one browser has");
    // Other accounts are not affected.
    let eve = app.sign_up("eve").await;
    let other = known_at("192.0.2.1", &eve);
    other.log_in(&app, "eve", PASSWORD).await.tokens(200);
}

/// Another person, who once knew the password, has tokens of it. The password was changed since
/// then.
#[tokio::test]
async fn tokens_of_earlier_passwords_use_up_no_attempts_of_the_present_one() {
    let app = app_with_attempts(2).await;
    let (second, third) = (
        "seven lanterns above the harbour",
        "copper whistles in the orchard",
    );
    let mut old = vec![app.sign_up("ada").await];
    for _ in 0..3 {
        old.push(app.log_in("ada").await);
    }
    let before = change_password(&app, &old[0], PASSWORD, second).await;
    let before = before.tokens(200);
    let present = change_password(&app, &before, second, third).await;
    let present = present.tokens(200);
    old.push(before);
    for (n, browser) in old.iter().cycle().take(20).enumerate() {
        let ip = format!("198.51.100.{n}");
        let answer = known_at(&ip, browser).log_in(&app, "ada", WRONG).await;
        assert!([401, 429].contains(&answer.status.as_u16()));
    }
    for _ in 0..2 {
        let known = known_at("192.0.2.1", &present);
        known.log_in(&app, "ada", third).await.tokens(200);
    }
}

/// The server asks the bucket of an address before that of the account.
#[tokio::test]
async fn attempts_that_their_address_may_not_make_use_up_none_of_the_account() {
    let app = app_with_attempts(2).await;
    let here = "198.51.100.1";
    let mut own = Vec::new();
    for n in 0..5 {
        let name = format!("eve-{n}");
        let browser = app.sign_up(&name).await;
        for _ in 0..2 {
            let answer = known_at(here, &browser).log_in(&app, &name, PASSWORD).await;
            answer.tokens(200);
        }
        own.push(browser);
    }
    let mut browsers = vec![app.sign_up("ada").await];
    for _ in 0..5 {
        browsers.push(app.log_in("ada").await);
    }
    for browser in &browsers[..5] {
        for _ in 0..2 {
            let refused = known_at(here, browser).log_in(&app, "ada", PASSWORD).await;
            refused.is(Code::TooManyAttempts);
        }
    }
    let elsewhere = known_at("192.0.2.1", &browsers[5]);
    elsewhere.log_in(&app, "ada", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn the_known_browsers_of_one_address_share_a_large_bucket() {
    let app = app_with_attempts(2).await;
    let mut browsers = Vec::new();
    for n in 0..8 {
        let name = format!("person-{n}");
        browsers.push((app.sign_up(&name).await, name));
    }
    let mut signed_in = 0;
    for (browser, name) in browsers.iter().chain(&browsers) {
        let here = known_at("192.0.2.1", browser);
        let answer = here.log_in(&app, name, PASSWORD).await;
        if answer.status == 200 {
            signed_in += 1;
        } else {
            answer.is(Code::TooManyAttempts);
        }
    }
    assert_eq!(signed_in, 10, "five times as many as strangers have");
    let eve = app.sign_up("eve").await;
    let here = known_at("192.0.2.1", &eve);
    let refused = here.log_in(&app, "eve", PASSWORD).await;
    refused.is(Code::TooManyAttempts);
    let elsewhere = known_at("192.0.2.2", &eve);
    elsewhere.log_in(&app, "eve", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn only_two_attempts_of_one_accounts_known_browsers_are_under_way_at_once() {
    let app = TestApp::with(|config| {
        config.password_cost = holdfast_server::password_hash::Cost {
            memory: 4 * 1024,
            passes: 3,
        };
    })
    .await;
    let mut browsers = vec![app.sign_up("ada").await];
    for _ in 0..4 {
        browsers.push(app.log_in("ada").await);
    }
    let froms: Vec<_> = browsers.iter().map(From::known).collect();
    let calls = froms.iter().map(|from| from.log_in(&app, "ada", PASSWORD));
    let answers = futures::future::join_all(calls).await;
    let signed_in = answers.iter().filter(|a| a.status == 200).count();
    let refused = answers.iter().filter(|a| a.status == 429).count();
    assert_eq!((signed_in, refused), (2, 3));
}

#[tokio::test]
async fn an_attempt_with_a_spent_token_counts_as_a_strangers() {
    let app = app_with_attempts(12).await;
    let spent = app.sign_up("ada").await;
    let good = app.log_in("ada").await;
    for _ in 0..10 {
        From::known(&spent)
            .log_in(&app, "ada", WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    let here = "192.0.2.1";
    for n in 0..12 {
        From::ip(here)
            .log_in(&app, &format!("victim-{n}"), WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    // Only the address prevents the sign-in: at another address the browser signs in.
    let refused = known_at(here, &spent).log_in(&app, "ada", PASSWORD).await;
    refused.is(Code::TooManyAttempts);
    let known = known_at(here, &good).log_in(&app, "ada", PASSWORD).await;
    known.tokens(200);
    let elsewhere = known_at("192.0.2.2", &spent);
    elsewhere.log_in(&app, "ada", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn an_attempt_with_an_unknown_token_counts_as_a_strangers() {
    let app = app_with_attempts(2).await;
    let old = app.sign_up("ada").await;
    let another = "seven lanterns above the harbour";
    let new = change_password(&app, &old, PASSWORD, another)
        .await
        .tokens(200);
    app.state.clock.advance(Duration::from_secs(601));
    let here = "192.0.2.1";
    for name in ["bob", "eve"] {
        From::ip(here)
            .log_in(&app, name, WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    let unknown = known_at(here, &old).log_in(&app, "ada", another).await;
    unknown.is(Code::TooManyAttempts);
    let known = known_at(here, &new).log_in(&app, "ada", another).await;
    known.tokens(200);
}

#[tokio::test]
async fn only_the_password_before_the_change_leaves_a_browser_known() {
    let app = TestApp::start().await;
    let (second, third) = (
        "seven lanterns above the harbour",
        "copper whistles in the orchard",
    );
    let first_tokens = app.sign_up("ada").await;
    let second_tokens = change_password(&app, &first_tokens, PASSWORD, second)
        .await
        .tokens(200);
    change_password(&app, &second_tokens, second, third)
        .await
        .tokens(200);
    strangers_have_failed(&app, "ada", 100).await;
    let two_passwords_ago = From::known(&first_tokens).log_in(&app, "ada", third).await;
    two_passwords_ago.is(Code::TooManyAttempts);
    let one_password_ago = From::known(&second_tokens).log_in(&app, "ada", third).await;
    one_password_ago.tokens(200);
}

#[tokio::test]
async fn the_browsers_of_the_password_before_share_ten_failures() {
    let app = TestApp::start().await;
    let mut browsers = vec![app.sign_up("ada").await];
    for _ in 0..3 {
        browsers.push(app.log_in("ada").await);
    }
    let another = "seven lanterns above the harbour";
    let new = change_password(&app, &browsers[0], PASSWORD, another)
        .await
        .tokens(200);
    strangers_have_failed(&app, "ada", 100).await;
    let mut tried = 0;
    for browser in browsers.iter().cycle().take(20) {
        let answer = From::known(browser).log_in(&app, "ada", WRONG).await;
        if answer.status == 401 {
            tried += 1;
        } else {
            answer.is(Code::TooManyAttempts);
        }
    }
    assert_eq!(tried, 10);
    // The browser of the new password is still known.
    let known = From::known(&new).log_in(&app, "ada", another).await;
    known.tokens(200);
}

#[tokio::test]
async fn a_spent_newest_token_does_not_hide_a_good_older_one() {
    let app = TestApp::start().await;
    let older = app.sign_up("ada").await;
    let newest = app.log_in("ada").await;
    for _ in 0..10 {
        From::known(&newest)
            .log_in(&app, "ada", WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    strangers_have_failed(&app, "ada", 100).await;
    let spent = From::known(&newest).log_in(&app, "ada", PASSWORD).await;
    spent.is(Code::TooManyAttempts);
    let both = From {
        ip: None,
        known: [&newest, &older]
            .into_iter()
            .filter_map(|tokens| tokens.known_browser.as_ref())
            .collect(),
    };
    both.log_in(&app, "ada", PASSWORD).await.tokens(200);
}

/// Whether a sign-in with the token of this answer gets past the failures of strangers.
async fn is_known(app: &TestApp, tokens: &Tokens) -> bool {
    strangers_have_failed(app, "ada", 100).await;
    let answer = From::known(tokens).log_in(app, "ada", PASSWORD).await;
    if answer.status != 200 {
        answer.is(Code::TooManyAttempts);
    }
    answer.status == 200
}

#[tokio::test]
async fn a_browser_whose_session_was_ended_elsewhere_is_a_stranger() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let (one, other) = (app.log_in("ada").await, app.log_in("ada").await);
    assert_eq!(app.end_session(&here, one.session_id).await.status, 204);
    assert!(!is_known(&app, &one).await);
    assert!(is_known(&app, &other).await);
    app.end_others(&here).await;
    assert!(!is_known(&app, &other).await);
    assert!(is_known(&app, &here).await);
}

/// The newest token was made before the person ended the first session of the same browser, and the other
/// way round.
#[tokio::test]
async fn all_tokens_of_the_browser_are_void() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    for ends_the_first in [true, false] {
        let first = app.log_in("ada").await;
        let second = From::known(&first).log_in(&app, "ada", PASSWORD).await;
        let second = second.tokens(200);
        let third = From::known(&second).log_in(&app, "ada", PASSWORD).await;
        let third = third.tokens(200);
        let ended = if ends_the_first { &first } else { &third };
        app.end_session(&here, ended.session_id).await;
        for tokens in [&first, &second, &third] {
            assert!(!is_known(&app, tokens).await);
        }
        sqlx::query("delete from sign_in_failures")
            .execute(app.pool())
            .await
            .unwrap();
    }
}

/// A sign-in with the tokens of these answers. Failures of strangers keep strangers out.
async fn log_in_with(app: &TestApp, tokens: &[&Tokens], username: &str) -> Answer {
    strangers_have_failed(app, username, 100).await;
    let known = tokens.iter().filter_map(|it| it.known_browser.as_ref());
    let from = From {
        ip: None,
        known: known.collect(),
    };
    from.log_in(app, username, PASSWORD).await
}

/// The account changes its name, so the tokens of the name until then come after those of the new one.
#[tokio::test]
async fn a_void_token_hides_no_good_one_and_is_not_taken_for_it() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let (void, good) = (app.log_in("ada").await, app.log_in("ada").await);
    app.end_session(&here, void.session_id).await;
    log_in_with(&app, &[&void, &good], "ada").await.tokens(200);

    let body = json!({"username": "lovelace", "password": PASSWORD});
    let renamed = app.call_as(&here, Method::PUT, paths::USERNAME, Some(&body));
    assert_eq!(renamed.await.status, 200);
    let newest = app.log_in("lovelace").await;
    app.end_session(&here, newest.session_id).await;
    let refused = log_in_with(&app, &[&newest, &void], "lovelace").await;
    refused.is(Code::TooManyAttempts);
    let known = log_in_with(&app, &[&newest, &void, &good], "lovelace").await;
    known.tokens(200);
}

#[tokio::test]
async fn a_session_that_ends_in_another_way_leaves_its_browser_known() {
    let app = TestApp::with(|config| config.sessions_per_account = 2).await;
    let here = app.sign_up("ada").await;
    let leaving = app.log_in("ada").await;
    app.log_out(&leaving).await;
    assert!(is_known(&app, &leaving).await);
    // This one ends because the account has too many.
    app.log_in("ada").await;
    app.log_in("ada").await;
    assert!(!app.is_alive(here.session_id).await);
    assert!(is_known(&app, &here).await);
}

#[tokio::test]
async fn the_own_browser_stays_known_when_the_person_ends_an_older_session_of_it() {
    let app = TestApp::start().await;
    let older = app.sign_up("ada").await;
    let here = From::known(&older).log_in(&app, "ada", PASSWORD).await;
    let here = here.tokens(200);
    app.end_session(&here, older.session_id).await;
    assert!(is_known(&app, &here).await);
    let elsewhere = app.log_in("ada").await;
    let all = format!("{}?keep_current=false", paths::SESSIONS);
    let body = json!({"password": PASSWORD});
    let ended = app.call_as(&here, Method::DELETE, &all, Some(&body)).await;
    assert_eq!(ended.status, 200);
    assert!(is_known(&app, &here).await);
    assert!(!is_known(&app, &elsewhere).await);
}

/// A thief has copied the token, and has ten minutes after the change. The person ends the session that the
/// thief opens in this time.
#[tokio::test]
async fn a_new_password_separates_the_own_browser_from_a_copy_of_its_token() {
    let app = TestApp::start().await;
    let copied = app.sign_up("ada").await;
    let another = "seven lanterns above the harbour";
    let here = change_password(&app, &copied, PASSWORD, another).await;
    let here = here.tokens(200);
    let thief = From::known(&copied).log_in(&app, "ada", another).await;
    let thief = thief.tokens(200);
    let body = json!({"password": another});
    let path = format!("{}/{}", paths::SESSIONS, thief.session_id);
    let ended = app.call_as(&here, Method::DELETE, &path, Some(&body)).await;
    assert_eq!(ended.status, 204);
    strangers_have_failed(&app, "ada", 100).await;
    for tokens in [&copied, &thief] {
        let refused = From::known(tokens).log_in(&app, "ada", another).await;
        refused.is(Code::TooManyAttempts);
    }
    let known = From::known(&here).log_in(&app, "ada", another).await;
    known.tokens(200);
}

/// A server of the version before has opened the session, so its browser is not stored.
#[tokio::test]
async fn a_session_of_an_earlier_version_ends_as_before() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let earlier = app.log_in("ada").await;
    sqlx::query("update sessions set browser_id = null")
        .execute(app.pool())
        .await
        .unwrap();
    let ended = app.end_session(&here, earlier.session_id).await;
    assert_eq!(ended.status, 204);
    assert!(!app.is_alive(earlier.session_id).await);
    assert_eq!(revoked(&app).await, 0);
    assert!(is_known(&app, &earlier).await);
}

/// How many revoked browsers are stored.
async fn revoked(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from revoked_browsers")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

#[tokio::test]
async fn an_account_has_a_thousand_revoked_browsers_at_most() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let many = "insert into revoked_browsers (account_id, browser_id, revoked_at)
        select account_id, gen_random_uuid(), now() - interval '1 day'
        from accounts, generate_series(1, 1000)";
    sqlx::query(many).execute(app.pool()).await.unwrap();
    let other = app.log_in("ada").await;
    app.end_session(&here, other.session_id).await;
    assert_eq!(revoked(&app).await, 1000);
    assert!(!is_known(&app, &other).await);
}

#[tokio::test]
async fn the_sweep_deletes_revoked_browsers_whose_tokens_have_expired() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    for age in [367, 365] {
        let other = app.log_in("ada").await;
        app.end_session(&here, other.session_id).await;
        sqlx::query(
            "update revoked_browsers
             set revoked_at = now() - make_interval(days => $1)
             where browser_id = $2",
        )
        .bind(age)
        .bind(other.session_id)
        .execute(app.pool())
        .await
        .unwrap();
    }
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty(), "{:?}", round.failed);
    assert_eq!(revoked(&app).await, 1);
}

#[tokio::test]
async fn a_deleted_account_leaves_no_revoked_browser() {
    let app = TestApp::start().await;
    let here = app.sign_up("ada").await;
    let other = app.log_in("ada").await;
    app.end_session(&here, other.session_id).await;
    assert_eq!(revoked(&app).await, 1);
    let body = json!({"password": PASSWORD});
    let deleted = app.call_as(&here, Method::DELETE, paths::ACCOUNT, Some(&body));
    assert_eq!(deleted.await.status, 204);
    assert_eq!(revoked(&app).await, 0);
}
