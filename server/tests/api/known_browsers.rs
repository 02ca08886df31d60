//! What the token of a known browser allows, and what it does not allow
//! (`server/src/limits/known_browsers.rs`).

use std::time::Duration;

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::Tokens;

use crate::limits::{From, WRONG, change_password, strangers_have_failed};
use crate::support::{PASSWORD, TestApp};

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
