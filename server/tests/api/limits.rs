//! How often a client may try a password (`server/src/limits`).

use std::net::SocketAddr;
use std::time::Duration;

use axum::extract::ConnectInfo;
use axum::http::{HeaderValue, Method};
use holdfast_protocol::cause::Cause;
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{ActivityPage, EventKind, KNOWN_BROWSER_HEADER, Tokens, paths};
use holdfast_server::clock::Clock;
use holdfast_server::keys::SecretInUse;
use holdfast_server::limits::Limits;
use holdfast_server::limits::failures::EnteredIn;
use holdfast_server::password_hash::Cost;
use holdfast_server::sessions::note_failure;
use holdfast_server::store::ClientInfo;
use holdfast_server::store::accounts::Credentials;
use holdfast_server::sweep::Sweep;
use holdfast_server::{accounts, store};
use serde_json::{Value, json};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::support::queries::QueryCount;
use crate::support::{Answer, PASSWORD, TestApp, json_request, new_key};

pub const WRONG: &str = "not the right password at all";

const HOUR: Duration = Duration::from_secs(3600);

/// The client of a sign-in.
#[derive(Default)]
pub struct From<'a> {
    pub ip: Option<&'a str>,
    /// The tokens of known browsers, the newest first.
    pub known: Vec<&'a Secret>,
}

impl<'a> From<'a> {
    pub fn ip(ip: &'a str) -> Self {
        Self {
            ip: Some(ip),
            known: Vec::new(),
        }
    }

    pub fn known(tokens: &'a Tokens) -> Self {
        Self {
            ip: None,
            known: tokens.known_browser.iter().collect(),
        }
    }

    pub async fn post(&self, app: &TestApp, path: &str, username: &str, password: &str) -> Answer {
        let body = json!({"username": username, "password": password});
        let mut request = json_request(Method::POST, path, &body);
        if let Some(ip) = self.ip {
            let peer = SocketAddr::new(ip.parse().unwrap(), 50_000);
            request.extensions_mut().insert(ConnectInfo(peer));
        }
        for token in &self.known {
            let value = HeaderValue::from_str(token.expose()).unwrap();
            request.headers_mut().append(KNOWN_BROWSER_HEADER, value);
        }
        app.send(request).await
    }

    pub async fn log_in(&self, app: &TestApp, username: &str, password: &str) -> Answer {
        self.post(app, paths::LOGIN, username, password).await
    }
}

/// The key under which failures of this name are stored.
fn name_key(app: &TestApp, username: &str) -> Vec<u8> {
    let key = Limits::name_key(&app.state.keys, username);
    key.unwrap().to_vec()
}

/// Waits until this many failures are written for the name.
pub async fn until_counted(app: &TestApp, username: &str, failures: i64) {
    let key = name_key(app, username);
    for _ in 0..2000 {
        let counted: Option<i64> =
            sqlx::query_scalar("select failures from sign_in_failures where name_hash = $1")
                .bind(&key)
                .fetch_optional(app.pool())
                .await
                .unwrap();
        if counted.unwrap_or(0) == failures {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("there are not {failures} failures");
}

/// Waits until all counted failures are written. An answer does not wait for this.
async fn until_written(app: &TestApp) {
    while !app.state.limits.failures().are_written() {
        tokio::task::yield_now().await;
    }
}

/// Writes this many failures of strangers for the name, the last one long ago.
pub async fn strangers_have_failed(app: &TestApp, username: &str, failures: i64) {
    until_written(app).await;
    sqlx::query(
        "insert into sign_in_failures (name_hash, failures, last_at)
         values ($1, $2, now() - interval '1 day')
         on conflict (name_hash) do update
         set failures = excluded.failures, last_at = excluded.last_at",
    )
    .bind(name_key(app, username))
    .bind(failures)
    .execute(app.pool())
    .await
    .unwrap();
}

pub async fn change_password(app: &TestApp, tokens: &Tokens, current: &str, new: &str) -> Answer {
    let body = json!({"current_password": current, "new_password": new});
    app.call_as(tokens, Method::PUT, paths::PASSWORD, Some(&body))
        .await
}

#[tokio::test]
async fn sign_ins_and_sign_ups_of_one_address_share_a_bucket() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 3;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let here = From::ip("192.0.2.1");
    here.post(&app, paths::SIGNUP, "ada", PASSWORD)
        .await
        .tokens(201);
    here.log_in(&app, "ada", PASSWORD).await.tokens(200);
    here.log_in(&app, "eve", PASSWORD)
        .await
        .is(Code::InvalidCredentials);
    for path in [paths::LOGIN, paths::SIGNUP] {
        let refused = here.post(&app, path, "bob", PASSWORD).await;
        refused.is(Code::TooManyAttempts);
        let wait: u32 = refused.header("retry-after").parse().unwrap();
        assert!((3500..=3600).contains(&wait), "{wait}");
        assert!(refused.problem().detail.contains("in 60 minutes"));
    }
    let elsewhere = From::ip("192.0.2.2");
    elsewhere.log_in(&app, "ada", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn a_customer_of_ipv6_is_one_address() {
    let app = TestApp::with(|config| config.limits.attempts = 1).await;
    let log_in = async |ip: &str| From::ip(ip).log_in(&app, "eve", WRONG).await;
    log_in("2001:db8:1:2::1").await.is(Code::InvalidCredentials);
    log_in("2001:db8:1:2:3::4").await.is(Code::TooManyAttempts);
    log_in("2001:db8:1:3::1").await.is(Code::InvalidCredentials);
}

#[tokio::test]
async fn neighbours_do_not_keep_a_known_browser_out() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 1;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let tokens = app.sign_up("ada").await;
    let ip = Some("192.0.2.1");
    From::ip("192.0.2.1")
        .log_in(&app, "eve", WRONG)
        .await
        .is(Code::InvalidCredentials);
    let stranger = From::ip("192.0.2.1").log_in(&app, "ada", PASSWORD).await;
    stranger.is(Code::TooManyAttempts);
    let known = From {
        ip,
        ..From::known(&tokens)
    };
    known.log_in(&app, "ada", PASSWORD).await.tokens(200);
    // Only this account knows the browser.
    let other = known.log_in(&app, "eve", PASSWORD).await;
    other.is(Code::TooManyAttempts);
}

#[tokio::test]
async fn clients_of_a_forgotten_proxy_leave_half_of_the_places_to_others() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 4 * 1024,
            passes: 3,
        };
        config.limits.password_threads = 1;
        // Two places are kept for known browsers, so six are left for strangers.
        config.limits.places = 8;
    })
    .await;
    let through_proxy = async |name: String| {
        let body = json!({"username": name, "password": WRONG});
        let mut request = json_request(Method::POST, paths::LOGIN, &body);
        let peer = SocketAddr::from(([10, 0, 0, 1], 4711));
        request.extensions_mut().insert(ConnectInfo(peer));
        let headers = request.headers_mut();
        headers.insert("x-forwarded-for", HeaderValue::from_static("198.51.100.7"));
        app.send(request).await.status.as_u16()
    };
    let others = async |n: usize| {
        let (ip, name) = (format!("192.0.2.{n}"), format!("other-{n}"));
        let answer = From::ip(&ip).log_in(&app, &name, WRONG).await;
        answer.status.as_u16()
    };
    let (proxied, direct) = tokio::join!(
        futures::future::join_all((0..8).map(|n| through_proxy(format!("victim-{n}")))),
        futures::future::join_all((0..3).map(others)),
    );
    // Two attempts have a turn, and three wait.
    let computed = proxied.iter().filter(|status| **status == 401).count();
    let refused = proxied.iter().filter(|status| **status == 503).count();
    assert_eq!((computed, refused), (5, 3), "{proxied:?}");
    assert_eq!(direct, [401; 3]);
}

#[tokio::test]
async fn a_refused_attempt_costs_no_query() {
    let app = TestApp::with(|config| {
        config.limits.attempts = 1;
        config.limits.attempts_every = Duration::from_secs(3600);
    })
    .await;
    let here = From::ip("192.0.2.1");
    here.log_in(&app, "eve", WRONG)
        .await
        .is(Code::InvalidCredentials);
    until_counted(&app, "eve", 1).await;
    let queries = QueryCount::start();
    for name in ["eve", "ada", "nobody at all"] {
        here.log_in(&app, name, WRONG)
            .await
            .is(Code::TooManyAttempts);
    }
    assert_eq!(queries.so_far(), 0);
}

#[tokio::test]
async fn only_two_attempts_under_one_name_are_under_way_at_once() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 4 * 1024,
            passes: 3,
        };
    })
    .await;
    app.sign_up("ada").await;
    for name in ["ada", "nobody"] {
        let calls = (0..6).map(|_| app.try_log_in(name, WRONG));
        let answers = futures::future::join_all(calls).await;
        let (wrong, refused): (Vec<_>, Vec<_>) =
            answers.iter().partition(|answer| answer.status == 401);
        assert_eq!((wrong.len(), refused.len()), (2, 4), "{name}");
        refused
            .iter()
            .for_each(|answer| answer.is(Code::TooManyAttempts));
    }
}

#[tokio::test]
async fn after_ten_failures_strangers_wait_with_and_without_an_account() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let mut refusals = Vec::new();
    for name in ["ada", "nobody", "no such name!"] {
        // Each failure counts once, also while it is being written.
        for _ in 0..10 {
            app.try_log_in(name, WRONG)
                .await
                .is(Code::InvalidCredentials);
        }
        let refused = app.try_log_in(name, PASSWORD).await;
        refused.is(Code::TooManyAttempts);
        assert_eq!(refused.header("retry-after"), "1");
        let problem = refused.problem();
        assert_eq!(problem.cause, Some(Cause::TooManyFailures));
        refusals.push(problem.detail);
    }
    refusals.dedup();
    assert_eq!(refusals.len(), 1);

    // Refused attempts do not count, and the wait is over after a second.
    until_counted(&app, "ada", 10).await;
    strangers_have_failed(&app, "ada", 10).await;
    app.try_log_in("ada", PASSWORD).await.tokens(200);
    // The right password resets the failures.
    until_counted(&app, "ada", 0).await;
}

#[tokio::test]
async fn instances_count_together() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    app.sign_up("ada").await;
    for count in 1..=10 {
        let instance = if count % 2 == 0 { &app } else { &other };
        instance
            .try_log_in("ada", WRONG)
            .await
            .is(Code::InvalidCredentials);
        until_counted(&app, "ada", count).await;
    }
    for instance in [&app, &other] {
        instance
            .try_log_in("ada", WRONG)
            .await
            .is(Code::TooManyAttempts);
    }
}

#[tokio::test]
async fn bar_37_a_thousand_wrong_passwords_of_strangers_do_not_lock_the_person_out() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let mut refused = 0;
    for _ in 0..1000 {
        let answer = app.try_log_in("ada", WRONG).await;
        refused += usize::from(answer.problem().code == Code::TooManyAttempts);
    }
    assert!(refused >= 900, "{refused}");
    // Patient strangers can make this many attempts, and no more.
    strangers_have_failed(&app, "ada", 100).await;
    let stranger = app.try_log_in("ada", PASSWORD).await;
    stranger.is(Code::TooManyAttempts);
    assert_eq!(stranger.header("retry-after"), "900");

    // Sessions stay, and the browser that was used before signs in.
    let tokens_now = app.renew(&tokens).await;
    assert!(app.accepts(&tokens_now).await);
    let signed_in = From::known(&tokens).log_in(&app, "ada", PASSWORD).await;
    signed_in.tokens(200);
    // After that, new browsers can sign in again.
    app.try_log_in("ada", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn ten_failures_spend_a_known_browser_and_do_not_count_for_strangers() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let known = From::known(&tokens);
    for _ in 0..10 {
        known
            .log_in(&app, "ada", WRONG)
            .await
            .is(Code::InvalidCredentials);
    }
    app.log_in("ada").await;
    strangers_have_failed(&app, "ada", 100).await;
    let spent = known.log_in(&app, "ada", PASSWORD).await;
    spent.is(Code::TooManyAttempts);
}

#[tokio::test]
async fn a_known_browser_computes_one_password_at_a_time() {
    let app = TestApp::with(|config| {
        config.password_cost = Cost {
            memory: 4 * 1024,
            passes: 3,
        };
    })
    .await;
    let tokens = app.sign_up("ada").await;
    let known = From::known(&tokens);
    let calls = (0..3).map(|_| known.log_in(&app, "ada", PASSWORD));
    let answers = futures::future::join_all(calls).await;
    let signed_in = answers.iter().filter(|a| a.status == 200).count();
    let refused = answers.iter().filter(|a| a.status == 429).count();
    assert_eq!((signed_in, refused), (1, 2));
}

#[tokio::test]
async fn a_new_password_makes_other_browsers_strangers_after_ten_minutes() {
    let app = TestApp::start().await;
    let old = app.sign_up("ada").await;
    let another = "seven lanterns above the harbour";
    let new = change_password(&app, &old, PASSWORD, another)
        .await
        .tokens(200);
    strangers_have_failed(&app, "ada", 100).await;
    From::known(&old)
        .log_in(&app, "ada", another)
        .await
        .tokens(200);
    app.state.clock.advance(Duration::from_secs(601));
    strangers_have_failed(&app, "ada", 100).await;
    From::known(&old)
        .log_in(&app, "ada", another)
        .await
        .is(Code::TooManyAttempts);
    From::known(&new)
        .log_in(&app, "ada", another)
        .await
        .tokens(200);
}

#[tokio::test]
async fn an_operator_resets_the_count_of_failures() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    strangers_have_failed(&app, "ada", 100).await;
    app.try_log_in("ada", PASSWORD)
        .await
        .is(Code::TooManyAttempts);
    let (pool, clock) = (&app.state.pool, Clock::system());
    let name = |name| Username::parse(name).unwrap();
    let forgiven = accounts::forgive_failures(pool, &clock, &name("ada")).await;
    assert!(forgiven.unwrap());
    let nobody = accounts::forgive_failures(pool, &clock, &name("nobody")).await;
    assert!(!nobody.unwrap());
    // The count starts again.
    app.try_log_in("ada", WRONG)
        .await
        .is(Code::InvalidCredentials);
    until_counted(&app, "ada", 1).await;
    app.try_log_in("ada", PASSWORD).await.tokens(200);
    let events = app.events("ada", 4).await;
    assert!(events.iter().any(|event| event.0 == "failures_forgiven"));
}

#[tokio::test]
async fn confirming_the_password_in_a_session_lets_new_browsers_sign_in_again() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    strangers_have_failed(&app, "ada", 100).await;
    // The current password was right, even if the new one is refused.
    change_password(&app, &tokens, PASSWORD, "too short")
        .await
        .is(Code::PasswordNotAccepted);
    app.try_log_in("ada", PASSWORD).await.tokens(200);
}

#[tokio::test]
async fn guessing_within_a_session_makes_only_that_session_wait() {
    let app = TestApp::start().await;
    let stolen = app.sign_up("ada").await;
    let other = app.log_in("ada").await;
    for _ in 0..10 {
        change_password(&app, &stolen, WRONG, PASSWORD)
            .await
            .is(Code::InvalidCredentials);
    }
    change_password(&app, &stolen, PASSWORD, WRONG)
        .await
        .is(Code::TooManyAttempts);
    // The session itself goes on; other sessions and strangers are not affected.
    assert!(app.accepts(&stolen).await);
    app.log_in("ada").await;
    change_password(&app, &other, WRONG, PASSWORD)
        .await
        .is(Code::InvalidCredentials);
}

#[tokio::test]
async fn a_client_that_presents_one_token_too_often_has_to_wait() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    let successor = app.refresh(&tokens, &key).await.tokens(200);
    let mut refused = 0;
    for _ in 0..200 {
        let answer = app.refresh(&tokens, &key).await;
        if answer.status == 429 {
            answer.is(Code::TooManyAttempts);
            assert_eq!(answer.header("retry-after"), "1");
            refused += 1;
        }
    }
    assert!(refused > 0);
    // The honest browser has another token.
    app.renew(&successor).await;
}

#[tokio::test]
async fn a_client_that_logs_one_session_out_too_often_has_to_wait() {
    let app = TestApp::start().await;
    let (tokens, other) = (app.sign_up("ada").await, app.log_in("ada").await);
    // Refreshes with the stolen token do not prevent the person from signing out.
    for _ in 0..70 {
        app.refresh(&tokens, &new_key()).await;
    }
    assert_eq!(app.log_out(&tokens).await.status, 204);
    let mut refused = 0;
    for _ in 0..200 {
        let answer = app.log_out(&tokens).await;
        if answer.status == 429 {
            answer.is(Code::TooManyAttempts);
            refused += 1;
        }
    }
    assert!(refused > 0);
    assert_eq!(app.log_out(&other).await.status, 204);
}

#[tokio::test]
async fn bar_42_ten_thousand_failures_are_four_entries_an_hour() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let tokens = app.sign_up("ada").await;
    let account_id: Uuid = sqlx::query_scalar("select account_id from accounts")
        .fetch_one(app.pool())
        .await
        .unwrap();
    let account = Credentials {
        account_id,
        password_hash: String::new(),
        password_changed_at: OffsetDateTime::UNIX_EPOCH,
        disabled_at: None,
    };
    let client = |n: u32| ClientInfo {
        ip: Some(format!("192.0.2.{}", n % 200)),
        user_agent: Some("curl/8".to_owned()),
    };
    let name = Limits::name_key(&app.state.keys, "ada").unwrap();
    for n in 0..10_000 {
        let instance = if n % 2 == 0 { &app } else { &other };
        let entered_in = EnteredIn::StrangeBrowser;
        note_failure(
            &instance.state,
            name,
            Some(&account),
            entered_in,
            &client(n),
        );
        if n % 500 == 0 {
            tokio::task::yield_now().await;
        }
    }
    for instance in [&app, &other] {
        instance.state.limits.failures().written().await;
    }
    let entries: Vec<(i64, Option<String>, Option<String>)> =
        sqlx::query_as("select times, ip, user_agent from events where kind = 'sign_in_failed'")
            .fetch_all(app.pool())
            .await
            .unwrap();
    // There are twice as many entries if the hour ended meanwhile.
    assert!(entries.len() <= 8, "{entries:?}");
    assert_eq!(entries.iter().map(|entry| entry.0).sum::<i64>(), 10_000);
    if entries.len() == 4 {
        for (_, ip, user_agent) in &entries {
            assert_eq!(*ip, None, "they came from many addresses");
            assert_eq!(user_agent.as_deref(), Some("curl/8"));
        }
    }
    let activity: ActivityPage = app.get_as(&tokens, paths::ACTIVITY).await.json();
    let failed = activity.events.iter();
    let failed = failed.filter(|event| event.kind == EventKind::SignInFailed);
    assert_eq!(failed.map(|event| event.times).sum::<u64>(), 10_000);
}

#[tokio::test]
async fn failures_are_kept_for_one_day_or_for_thirty() {
    let app = TestApp::start().await;
    for (name, failures, days) in [
        ("few, old", 9_i64, 2),
        ("few, new", 9, 0),
        ("many, old", 10, 31),
        ("many, new", 10, 29),
    ] {
        sqlx::query(
            "insert into sign_in_failures (name_hash, failures, last_at)
             values ($1, $2, now() - make_interval(days => $3))",
        )
        .bind(name_key(&app, name))
        .bind(failures)
        .bind(days)
        .execute(app.pool())
        .await
        .unwrap();
    }
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty(), "{:?}", round.failed);
    until_counted(&app, "few, old", 0).await;
    until_counted(&app, "few, new", 9).await;
    until_counted(&app, "many, old", 0).await;
    until_counted(&app, "many, new", 10).await;
    // The walk reaches the end of the table step by step.
    let mut connection = app.pool().acquire().await.unwrap();
    let (mut after, mut steps) = (Some(Vec::new()), 0);
    while let Some(from) = after {
        after = store::sign_in_failures::forget_old(&mut connection, &from, 10, 1)
            .await
            .unwrap();
        steps += 1;
    }
    assert_eq!(steps, 3);
}

/// How many statements wait for the lock of another transaction.
async fn waiting_for_locks(app: &TestApp) -> i64 {
    sqlx::query_scalar(
        "select count(*) from pg_stat_activity
         where datname = current_database() and wait_event_type = 'Lock'",
    )
    .fetch_one(app.pool())
    .await
    .unwrap()
}

#[tokio::test]
async fn instances_that_clear_and_count_the_same_names_do_not_deadlock() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let (first, low, high) = ([0; 16], [1; 16], [2; 16]);
    let failures = app.state.limits.failures();
    for key in [first, low, high] {
        failures.count(key, None);
    }
    until_written(&app).await;
    let mut blocker = app.pool().begin().await.unwrap();
    sqlx::query("select from sign_in_failures where name_hash = $1 for update")
        .bind(first.to_vec())
        .execute(&mut *blocker)
        .await
        .unwrap();
    // This instance clears the high key, and waits for the first transaction before it counts
    // the low key.
    failures.clear(high);
    failures.count(first, None);
    failures.count(low, None);
    while waiting_for_locks(&app).await == 0 {
        tokio::task::yield_now().await;
    }
    // The other instance clears the low key and counts the high key.
    let theirs = other.state.limits.failures();
    theirs.clear(low);
    theirs.count(high, None);
    for _ in 0..2000 {
        if theirs.are_written() {
            break;
        }
        let waiting = waiting_for_locks(&app).await;
        assert!(waiting <= 1, "the other instance waits for this one");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert!(
        theirs.are_written(),
        "the other instance waits for this one"
    );
    blocker.commit().await.unwrap();
    until_written(&app).await;
}

#[tokio::test]
async fn a_failure_is_written_although_its_event_cannot_be() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    let mut blocker = app.pool().begin().await.unwrap();
    sqlx::query("lock table events in exclusive mode")
        .execute(&mut *blocker)
        .await
        .unwrap();
    // Only an account has events. If the failure of an account waited for its events, the next
    // attempt would wait, too.
    From::ip("192.0.2.1").log_in(&app, "ada", WRONG).await;
    From::ip("192.0.2.1").log_in(&app, "nobody", WRONG).await;
    until_counted(&app, "ada", 1).await;
    until_counted(&app, "nobody", 1).await;
    assert!(!app.state.limits.failures().are_written());
    blocker.commit().await.unwrap();
    until_written(&app).await;
    let noted = app.events("ada", 2).await;
    assert!(noted.iter().any(|event| event.0 == "sign_in_failed"));
    // The failure was not counted again together with its event.
    until_counted(&app, "ada", 1).await;
}

#[tokio::test]
async fn forgetting_old_failures_waits_for_no_lock() {
    let app = TestApp::start().await;
    sqlx::query(
        "insert into sign_in_failures (name_hash, failures, last_at)
         select decode(lpad(to_hex(n), 32, '0'), 'hex'), 1, now() - interval '2 days'
         from generate_series(1, 3) as n",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let mut counting = app.pool().begin().await.unwrap();
    sqlx::query("select from sign_in_failures order by name_hash limit 1 for update")
        .execute(&mut *counting)
        .await
        .unwrap();
    let mut connection = app.pool().acquire().await.unwrap();
    sqlx::query("set lock_timeout = '1s'")
        .execute(&mut *connection)
        .await
        .unwrap();
    store::sign_in_failures::forget_old(&mut connection, &[], 10, 10)
        .await
        .expect("it does not wait");
    let left: i64 = sqlx::query_scalar("select count(*) from sign_in_failures")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(left, 1, "the one that is being counted");
}

#[tokio::test]
async fn an_instance_whose_current_secret_is_forbidden_counts_and_computes_nothing() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    // Its current secret leaked; it still accepts the previous one.
    let other = app.second_instance(&[2, 1]);
    let forbidden = SecretInUse {
        fingerprint: other.state.keys.fingerprint().to_vec(),
        is_forbidden: true,
        minted_ago: Duration::ZERO,
    };
    other
        .state
        .keys
        .learn(&[forbidden], HOUR, other.state.clock.now());
    for (name, password) in [("ada", PASSWORD), ("ada", WRONG), ("nobody", WRONG)] {
        let answer = other.try_log_in(name, password).await;
        answer.is(Code::TemporarilyUnavailable);
        assert_eq!(answer.header("retry-after"), "2");
    }
    until_written(&other).await;
    let counted: i64 = sqlx::query_scalar("select count(*) from sign_in_failures")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(counted, 0);
}

#[tokio::test]
async fn a_password_that_attackers_try_first_is_refused_with_a_reason() {
    let app = TestApp::start().await;
    let refused = async |password: &str| {
        let body = json!({"username": "ada", "password": password});
        let refused = app.call(Method::POST, paths::SIGNUP, &body).await;
        refused.is(Code::PasswordNotAccepted);
        refused
    };
    for password in [
        "password1234567",
        "qwertyuiop12345",
        "correct horse battery staple",
    ] {
        let detail = refused(password).await.problem().detail;
        assert!(detail.starts_with("This password is too easy to guess."));
        assert!(detail.contains("Use four or five words"), "{detail}");
    }
    let body: Value = refused("correct horse battery staple").await.json();
    assert_eq!(body["cause"], "well_known_example");
}

#[tokio::test]
async fn the_current_password_is_refused_as_a_new_one() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let refused = change_password(&app, &tokens, PASSWORD, PASSWORD).await;
    refused.is(Code::PasswordNotAccepted);
    assert!(refused.problem().detail.contains("that you have already"));
    assert_eq!(refused.problem().cause, Some(Cause::Unchanged));
    assert!(app.accepts(&tokens).await);
}
