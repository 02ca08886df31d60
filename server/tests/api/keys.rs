//! A change of keys signs no person out.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Method, Request};
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{Tokens, paths};
use holdfast_server::endings::reader::Reader;
use holdfast_server::keys::{EPOCH_SECONDS, Keys};
use holdfast_server::{random, secrets_in_use};
use serde_json::json;
use zeroize::Zeroizing;

use crate::support::log::Log;
use crate::support::{PASSWORD, TestApp, generation, new_key};

#[tokio::test]
async fn two_rotations_of_the_signing_key_and_a_change_of_the_master_secret_sign_nobody_out() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    for _ in 0..2 {
        // A token that was made just before the key changes is valid after the change.
        let until_the_change = EPOCH_SECONDS - app.state.clock.now() % EPOCH_SECONDS;
        app.state
            .clock
            .advance(Duration::from_secs(until_the_change - 2));
        tokens = app.renew(&tokens).await;
        let kid = app
            .state
            .keys
            .signing_keys(app.state.clock.now())
            .kid
            .clone();
        app.state.clock.advance(Duration::from_secs(4));
        assert_ne!(app.state.keys.signing_keys(app.state.clock.now()).kid, kid);
        assert!(app.accepts(&tokens).await);
        tokens = app.renew(&tokens).await;
        assert!(app.accepts(&tokens).await);
    }
    // Three rolling steps on two instances: announce, swap, drop.
    let announced = app.second_instance(&[1, 2]);
    let swapped = app.second_instance(&[2, 1]);
    for instance in [&announced, &swapped] {
        instance.state.clock.advance(Duration::from_secs(
            app.state.clock.now() - instance.state.clock.now(),
        ));
    }
    for _ in 0..3 {
        for (renewing, other) in [(&announced, &swapped), (&swapped, &announced)] {
            tokens = renewing.renew(&tokens).await;
            assert!(renewing.accepts(&tokens).await);
            assert!(other.accepts(&tokens).await);
        }
    }
    let dropped = app.second_instance(&[2]);
    tokens = swapped.renew(&tokens).await;
    tokens = dropped.renew(&tokens).await;
    assert_eq!(generation(&tokens), 12);
}

#[tokio::test]
async fn a_token_of_a_dropped_secret_is_invalid() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let dropped = app.second_instance(&[2]);
    dropped
        .refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
    assert!(!dropped.accepts(&tokens).await);
}

async fn enter(app: &TestApp) -> Result<(), String> {
    let mut connection = app.state.pool.acquire().await.unwrap();
    let entered = app.secrets_in_use().enter(&mut connection).await;
    entered.map_err(|error| error.to_string())
}

async fn ready(app: &TestApp) -> bool {
    let request = Request::builder().uri(paths::READYZ).body(Body::empty());
    app.send(request.unwrap()).await.status == 200
}

#[tokio::test]
async fn the_three_rolling_steps_in_any_order_of_restarts_keep_every_instance_ready() {
    let app = TestApp::start().await;
    for secrets in [&[1][..], &[1, 2], &[2, 1], &[1, 2], &[2, 1]] {
        let instance = app.second_instance(secrets);
        assert_eq!(enter(&instance).await, Ok(()), "{secrets:?}");
        assert!(ready(&instance).await, "{secrets:?}");
        instance
            .sign_up(&format!("ada{}", random::id(&app.state.clock).simple()))
            .await;
    }
    // The old secret is dropped too early: the instance is not ready, and no person is signed out.
    let old = app.second_instance(&[1]).sign_up("ada").await;
    let dropped = app.second_instance(&[2]);
    enter(&dropped).await.unwrap();
    assert!(!ready(&dropped).await);
    dropped
        .refresh(&old, &new_key())
        .await
        .is(Code::TemporarilyUnavailable);
    assert_eq!(dropped.log_out(&old).await.status, 503);
    assert!(app.is_alive(old.session_id).await);
    // The instance still accepts tokens of the secrets that it has.
    let new = dropped.sign_up("eve").await;
    dropped.renew(&new).await;
    // After the refresh lifetime the old secret may be dropped.
    sqlx::query("update secrets set last_minted_at = now() - interval '91 days'")
        .execute(app.pool())
        .await
        .unwrap();
    dropped.reader().read().await.unwrap();
    assert!(ready(&dropped).await);
}

#[tokio::test]
async fn an_instance_that_missed_the_first_step_is_behind_and_signs_nobody_out() {
    let one = TestApp::start().await;
    enter(&one).await.unwrap();
    let swapped = one.second_instance(&[2, 1]);
    enter(&swapped).await.unwrap();
    let tokens = swapped.sign_up("ada").await;
    one.reader().read().await.unwrap();
    assert!(!ready(&one).await && ready(&swapped).await);
    one.refresh(&tokens, &new_key())
        .await
        .is(Code::TemporarilyUnavailable);
    // With the missing secret, it serves again.
    let mended = one.second_instance(&[1, 2]);
    enter(&mended).await.unwrap();
    assert!(ready(&mended).await);
    mended.renew(&tokens).await;
}

#[tokio::test]
async fn an_instance_with_a_wrong_secret_makes_no_tokens_and_leaves_the_others_ready() {
    let one = TestApp::start().await;
    enter(&one).await.unwrap();
    let tokens = one.sign_up("ada").await;
    let wrong = one.second_instance(&[9]);
    enter(&wrong).await.unwrap();
    assert!(!ready(&wrong).await);
    wrong
        .refresh(&tokens, &new_key())
        .await
        .is(Code::TemporarilyUnavailable);
    let answer = wrong.try_log_in("ada", PASSWORD).await;
    answer.is(Code::TemporarilyUnavailable);
    one.reader().read().await.unwrap();
    assert!(ready(&one).await);
    one.renew(&tokens).await;
}

/// Every call that looks at a password is answered 503, also if the password is right.
async fn looks_at_no_password(app: &TestApp, tokens: &Tokens) {
    for password in [PASSWORD, "not the right password at all"] {
        for name in ["ada", "nobody"] {
            let answer = app.try_log_in(name, password).await;
            answer.is(Code::TemporarilyUnavailable);
        }
        let confirmations = [
            (
                Method::DELETE,
                paths::ACCOUNT,
                json!({"password": password}),
            ),
            (
                Method::PUT,
                paths::PASSWORD,
                json!({"current_password": password, "new_password": "ribbon quarry lantern oasis"}),
            ),
        ];
        for (method, path, body) in confirmations {
            let answer = app.call_as(tokens, method, path, Some(&body)).await;
            answer.is(Code::TemporarilyUnavailable);
        }
    }
    // A name that is free gets the same answer as one that is taken.
    for name in ["ada", "grace"] {
        let body = json!({"username": name, "password": PASSWORD});
        let answer = app.call(Method::POST, paths::SIGNUP, &body).await;
        answer.is(Code::TemporarilyUnavailable);
    }
}

#[tokio::test]
async fn an_instance_that_makes_no_tokens_tells_no_right_password_from_a_wrong_one() {
    let one = TestApp::start().await;
    enter(&one).await.unwrap();
    let tokens = one.sign_up("ada").await;
    // Its secret was not entered: the others use one that it does not have.
    let wrong = one.second_instance(&[9, 1]);
    wrong.state.keys.set_entered(false);
    looks_at_no_password(&wrong, &tokens).await;
    // It is too long ago that this instance read which secrets are good.
    let deaf = one.second_instance(&[1]);
    let late = Instant::now() - Duration::from_secs(300);
    deaf.state.keys.note_read(late, Duration::from_secs(300));
    looks_at_no_password(&deaf, &tokens).await;
    // Its secret was forbidden. It accepts no access token either.
    let keys = Keys::new(vec![Zeroizing::new(vec![2; 32])], 0);
    let mut connection = one.state.pool.acquire().await.unwrap();
    secrets_in_use::replace_after_leak(&mut connection, &keys)
        .await
        .unwrap();
    one.reader().read().await.unwrap();
    looks_at_no_password(&one, &tokens).await;
    // None of them has counted a failure, computed a password or ended anything.
    let counted: i64 = sqlx::query_scalar("select count(*) from sign_in_failures")
        .fetch_one(one.pool())
        .await
        .unwrap();
    assert_eq!(counted, 0);
    assert!(one.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn an_instance_that_may_mint_no_more_meanwhile_does_not_answer_by_the_password() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    for password in [PASSWORD, "not the right password at all"] {
        app.state.keys.set_entered(true);
        // The sign-in has begun, and waits for the account that it compares with.
        let mut holding = app.pool().begin().await.unwrap();
        sqlx::query("lock table accounts in access exclusive mode")
            .execute(&mut *holding)
            .await
            .unwrap();
        let (answer, ()) = tokio::join!(app.try_log_in("ada", password), async {
            app.until_waiting(1).await;
            app.state.keys.set_entered(false);
            holding.rollback().await.unwrap();
        });
        answer.is(Code::TemporarilyUnavailable);
    }
}

#[tokio::test]
async fn an_instance_that_returns_with_a_very_old_secret_leaves_the_others_ready() {
    let stale = TestApp::start().await;
    enter(&stale).await.unwrap();
    sqlx::query("update secrets set last_minted_at = now() - interval '91 days'")
        .execute(stale.pool())
        .await
        .unwrap();
    let fleet = stale.second_instance(&[2]);
    enter(&fleet).await.unwrap();
    let tokens = fleet.sign_up("ada").await;
    enter(&stale).await.unwrap();
    assert!(!ready(&stale).await);
    let answer = stale.try_log_in("ada", PASSWORD).await;
    answer.is(Code::TemporarilyUnavailable);
    fleet.reader().read().await.unwrap();
    assert!(ready(&fleet).await);
    fleet.renew(&tokens).await;
}

#[tokio::test]
async fn an_instance_that_has_not_read_lately_calls_no_token_invalid() {
    let app = TestApp::start().await;
    let newer = app.second_instance(&[2, 1]);
    let tokens = newer.sign_up("ada").await;
    let (keys, lifetime) = (&app.state.keys, Duration::from_secs(300));
    let late = Instant::now() - secrets_in_use::HEARD_WITHIN;
    keys.note_read(late, lifetime);
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::TemporarilyUnavailable);
    assert_eq!(app.log_out(&tokens).await.status, 503);
    let call = app.get_as(&tokens, paths::ACCOUNT).await;
    call.is(Code::TemporarilyUnavailable);
    keys.note_read(Instant::now(), lifetime);
    let call = app.get_as(&tokens, paths::ACCOUNT).await;
    call.is(Code::AccessTokenInvalid);
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
}

#[tokio::test]
async fn the_reader_says_that_the_secret_is_in_use_and_does_not_wait_for_a_lock_of_the_table() {
    let app = TestApp::start().await;
    enter(&app).await.unwrap();
    let behind = app.second_instance(&[2]);
    enter(&behind).await.unwrap();
    assert!(!behind.state.keys.may_mint());
    // The instance is not behind any more. It tries to enter its secret, but cannot.
    sqlx::query("update secrets set last_minted_at = now() - interval '91 days'")
        .execute(app.pool())
        .await
        .unwrap();
    let mut holding = app.pool().begin().await.unwrap();
    sqlx::query("lock table secrets in exclusive mode")
        .execute(&mut *holding)
        .await
        .unwrap();
    // A statement that waits for the lock waits for five seconds.
    let mut reader = behind.reader();
    for _ in 0..3 {
        let read = tokio::time::timeout(Duration::from_secs(4), reader.read());
        read.await.expect("it waits for the lock").unwrap();
    }
    assert!(!behind.state.keys.may_mint());
    holding.rollback().await.unwrap();
    let entering = async {
        while !behind.state.keys.may_mint() {
            reader.read().await.unwrap();
        }
    };
    let entered = tokio::time::timeout(Duration::from_secs(60), entering).await;
    entered.expect("it never enters its secret");
}

/// Reads until the instance may make tokens.
async fn read_until_it_may_mint(app: &TestApp, reader: &mut Reader) {
    let reading = async {
        loop {
            reader.read().await.unwrap();
            if app.state.keys.may_mint() {
                return;
            }
        }
    };
    let read = tokio::time::timeout(Duration::from_secs(60), reading).await;
    read.expect("it never makes tokens again");
}

/// Deletes what the database knows about master secrets.
async fn forget_secrets(app: &TestApp) {
    for statement in ["delete from secrets", "delete from secret_fingerprint"] {
        sqlx::query(statement).execute(app.pool()).await.unwrap();
    }
}

/// How many master secrets the database knows.
async fn known_secrets(app: &TestApp) -> i64 {
    sqlx::query_scalar("select count(*) from secrets")
        .fetch_one(app.pool())
        .await
        .unwrap()
}

/// An instance that has entered its secret in a database with this birth.
async fn entered_in_a_database_of(birth: &str) -> (TestApp, Reader, Tokens) {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    born(&app, birth).await;
    enter(&app).await.unwrap();
    let mut reader = app.reader();
    reader.read().await.unwrap();
    assert!(ready(&app).await && app.state.keys.may_mint());
    (app, reader, tokens)
}

async fn born(app: &TestApp, birth: &str) {
    sqlx::query("update database set birth = $1::text::timestamptz")
        .bind(birth)
        .execute(app.pool())
        .await
        .unwrap();
}

#[tokio::test]
async fn a_secret_that_a_restored_backup_does_not_have_is_entered_again() {
    let (app, mut reader, tokens) = entered_in_a_database_of("2026-01-01").await;
    forget_secrets(&app).await;
    reader.read().await.unwrap();
    // Until the secret is entered, the instance makes no tokens.
    assert!(!app.state.keys.may_mint());
    read_until_it_may_mint(&app, &mut reader).await;
    assert_eq!(known_secrets(&app).await, 1);
    assert!(ready(&app).await);
    app.renew(&tokens).await;
}

/// An instance whose secret is lost between entering it and the first read.
async fn lost_before_the_first_read() -> (TestApp, Reader) {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    born(&app, "2026-01-01").await;
    let secrets = app.secrets_in_use();
    let mut connection = app.state.pool.acquire().await.unwrap();
    secrets.enter(&mut connection).await.unwrap();
    connection.release();
    forget_secrets(&app).await;
    let (pool, ended) = (app.state.pool.clone(), app.state.ended.clone());
    let profiles = app.state.profiles.clone();
    (app, Reader::new(pool, ended, secrets, profiles))
}

#[tokio::test]
async fn a_secret_that_is_lost_before_the_first_read_is_entered_again() {
    let (app, mut reader) = lost_before_the_first_read().await;
    reader.read().await.unwrap();
    assert!(!app.state.keys.may_mint());
    read_until_it_may_mint(&app, &mut reader).await;
    assert_eq!(known_secrets(&app).await, 1);
    assert!(ready(&app).await);
}

#[tokio::test]
async fn an_instance_that_is_led_elsewhere_before_its_first_read_enters_no_secret_there() {
    let (app, mut reader) = lost_before_the_first_read().await;
    born(&app, "2026-02-01").await;
    for _ in 0..3 {
        reader.read().await.unwrap();
        assert!(!ready(&app).await && !app.state.keys.may_mint());
    }
    assert_eq!(known_secrets(&app).await, 0);
}

#[tokio::test]
async fn an_instance_enters_no_secret_in_another_database_that_has_none() {
    let (app, mut reader, tokens) = entered_in_a_database_of("2026-01-01").await;
    forget_secrets(&app).await;
    born(&app, "2026-02-01").await;
    for _ in 0..3 {
        reader.read().await.unwrap();
        assert!(!ready(&app).await);
    }
    looks_at_no_password(&app, &tokens).await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::TemporarilyUnavailable);
    assert_eq!(known_secrets(&app).await, 0);
    // An operator says that this is the right one.
    born(&app, "-infinity").await;
    read_until_it_may_mint(&app, &mut reader).await;
    assert!(ready(&app).await);
    app.renew(&tokens).await;
}

#[tokio::test]
async fn an_instance_enters_no_secret_in_a_database_that_was_begun_anew_elsewhere() {
    // The same is true if its own database was begun anew, because no birth is left to compare.
    for birth in ["2026-01-01", "-infinity"] {
        let (app, mut reader, tokens) = entered_in_a_database_of(birth).await;
        forget_secrets(&app).await;
        born(&app, "-infinity").await;
        for _ in 0..3 {
            reader.read().await.unwrap();
            assert!(!ready(&app).await, "{birth}");
        }
        looks_at_no_password(&app, &tokens).await;
        app.refresh(&tokens, &new_key())
            .await
            .is(Code::TemporarilyUnavailable);
        assert_eq!(known_secrets(&app).await, 0, "{birth}");
        // An operator who restarts the instance has chosen this database.
        enter(&app).await.unwrap();
        reader.read().await.unwrap();
        assert!(ready(&app).await && app.state.keys.may_mint(), "{birth}");
        app.renew(&tokens).await;
    }
}

#[tokio::test]
async fn a_database_that_was_begun_anew_counts_only_if_its_own_birth_was_read_before() {
    let app = TestApp::start().await;
    born(&app, "2026-01-01").await;
    let (wrong, wrong_as_well) = (TestApp::start().await, TestApp::start().await);
    born(&wrong, "2026-02-01").await;
    born(&wrong_as_well, "-infinity").await;
    let secrets = app.secrets_in_use();
    let mut connection = app.state.pool.acquire().await.unwrap();
    secrets.enter(&mut connection).await.unwrap();
    for (database, is_another) in [(&app, false), (&wrong, true), (&wrong_as_well, true)] {
        let mut connection = database.state.pool.acquire().await.unwrap();
        secrets.read(&mut connection).await.unwrap();
        assert_eq!(app.state.database.is_another(), is_another);
    }
    assert!(!app.state.keys.may_mint());
}

#[tokio::test]
async fn an_instance_writes_nothing_about_itself_where_its_secret_is_unknown() {
    let (app, foreign) = (TestApp::start().await, TestApp::start().await);
    enter(&app).await.unwrap();
    let secrets = app.secrets_in_use();
    let longest = "select longest_session_seconds from database";
    for (pool, is_written) in [(&foreign, false), (&app, true)] {
        sqlx::query(
            "update database
             set longest_session_seconds = 60, longest_session_until = now() + interval '1 day'",
        )
        .execute(pool.pool())
        .await
        .unwrap();
        assert!(secrets.is_due());
        // The pool may lead elsewhere already, while the last read was of the right database.
        secrets.say(&pool.state.pool).await;
        let seconds: i64 = sqlx::query_scalar(longest)
            .fetch_one(pool.pool())
            .await
            .unwrap();
        assert_eq!(seconds > 60, is_written);
        assert_eq!(secrets.is_due(), !is_written);
    }
    assert_eq!(known_secrets(&foreign).await, 0);
}

#[tokio::test]
async fn a_pool_that_leads_to_another_database_than_the_reads_is_logged_once() {
    let (app, foreign) = (TestApp::start().await, TestApp::start().await);
    enter(&app).await.unwrap();
    let secrets = app.secrets_in_use();
    let log = Log::start();
    secrets.say(&app.state.pool).await;
    for _ in 0..3 {
        secrets.say(&foreign.state.pool).await;
    }
    let log = log.finish();
    let sentence = "leads to a database without the master secret of this instance";
    assert_eq!(log.matches(sentence).count(), 1, "{log}");
}

#[tokio::test]
async fn an_instance_whose_address_leads_back_to_its_database_serves_again() {
    let (app, mut reader, tokens) = entered_in_a_database_of("2026-01-01").await;
    sqlx::query("create table away as select * from secrets")
        .execute(app.pool())
        .await
        .unwrap();
    forget_secrets(&app).await;
    born(&app, "2026-02-01").await;
    reader.read().await.unwrap();
    assert!(!ready(&app).await);
    sqlx::query("insert into secrets select * from away")
        .execute(app.pool())
        .await
        .unwrap();
    born(&app, "2026-01-01").await;
    read_until_it_may_mint(&app, &mut reader).await;
    assert!(ready(&app).await);
    app.renew(&tokens).await;
}

#[tokio::test]
async fn bar_40_after_a_leak_no_instance_accepts_a_token_of_the_old_secret() {
    let old = TestApp::start().await;
    enter(&old).await.unwrap();
    // By mistake, this instance accepts the leaked secret as a previous one.
    let new = old.second_instance(&[2, 1]);
    enter(&new).await.unwrap();
    let tokens = old.sign_up("ada").await;
    assert!(new.accepts(&tokens).await);
    // This session was opened with the new secret, before the command.
    let held = new.log_in("ada").await;

    let keys = Keys::new(vec![Zeroizing::new(vec![2; 32])], 0);
    let mut connection = old.state.pool.acquire().await.unwrap();
    secrets_in_use::replace_after_leak(&mut connection, &keys)
        .await
        .unwrap();
    let (mut old_reader, mut new_reader) = (old.reader(), new.reader());
    old_reader.read().await.unwrap();
    new_reader.read().await.unwrap();

    assert!(!ready(&old).await && ready(&new).await);
    new.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
    new.get_as(&tokens, paths::ACCOUNT)
        .await
        .is(Code::AccessTokenInvalid);
    for answer in [
        old.refresh(&tokens, &new_key()).await,
        old.get_as(&tokens, paths::ACCOUNT).await,
        old.try_log_in("ada", PASSWORD).await,
    ] {
        answer.is(Code::TemporarilyUnavailable);
    }
    let again = enter(&old.second_instance(&[1])).await.unwrap_err();
    assert!(again.contains("to the new one"), "{again}");

    // A session of the new secret stays. The others are deleted, and their access tokens of the
    // new secret are refused.
    let signed_in_again = new.log_in("ada").await;
    let clock = &old.state.clock;
    let deleted = secrets_in_use::delete_dead_sessions(&mut connection, clock).await;
    assert_eq!(deleted.unwrap(), 2);
    assert!(!new.is_alive(tokens.session_id).await);
    new_reader.read().await.unwrap();
    assert!(!new.accepts(&held).await);
    new.refresh(&held, &new_key()).await.is(Code::SessionEnded);
    new.renew(&signed_in_again).await;
    let again = secrets_in_use::delete_dead_sessions(&mut connection, clock).await;
    assert_eq!(again.unwrap(), 0);
}
