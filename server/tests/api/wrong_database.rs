//! A database that is younger than the sessions of the browsers that come: it is probably the
//! wrong one. The server must not tell any browser that its session is over.

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::refresh_token::{self, ChainSecret, RefreshKey};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndReason, Tokens, paths};
use holdfast_server::database_facts::DatabaseFacts;
use holdfast_server::keys::access_token::{self, CLIENT_ID, Claims};
use holdfast_server::keys::added_claims::AddedClaims;
use holdfast_server::keys::refresh_key;
use holdfast_server::random;
use holdfast_server::sessions;
use holdfast_server::store;
use holdfast_server::store::database::{InstanceFacts, StoredDatabase};
use holdfast_server::sweep::Sweep;
use serde_json::json;
use uuid::Uuid;

use crate::support::{Answer, ISSUER, TestApp, new_key};

const DAY: u64 = 24 * 60 * 60;

/// An instance whose database was made this many seconds ago.
async fn app_with_database_of(age: u64) -> TestApp {
    let mut app = TestApp::start().await;
    sqlx::query(
        "update database set
             birth = now() - make_interval(secs => $1),
             longest_session_seconds = 90 * 24 * 60 * 60",
    )
    .bind(age as f64)
    .execute(app.pool())
    .await
    .unwrap();
    let clock = app.state.clock.clone();
    app.replace_database(
        DatabaseFacts::new(stored(&app).await, &InstanceFacts::default(), clock).unwrap(),
    );
    app
}

/// The facts that the database contains about itself.
async fn stored(app: &TestApp) -> StoredDatabase {
    let mut connection = app.state.pool.acquire().await.unwrap();
    store::database::lookup(&mut connection).await.unwrap()
}

/// The tokens of a session that was opened this many seconds ago in another database.
fn tokens_of_another_database(app: &TestApp, age: u64, key: &RefreshKey) -> Tokens {
    let now = app.state.clock.now();
    let opened_at = now - age;
    let session_id =
        uuid::Builder::from_unix_timestamp_millis(opened_at * 1000, &[7; 10]).into_uuid();
    let account_id = Uuid::from_u128(7);
    let claims = Claims {
        iss: ISSUER.to_owned(),
        aud: ISSUER.to_owned(),
        sub: account_id,
        sid: session_id,
        client_id: CLIENT_ID.to_owned(),
        iat: now,
        exp: now + 300,
        jti: Uuid::from_u128(8),
        added: AddedClaims::default(),
    };
    let secret = ChainSecret::from_random([3; 32]);
    Tokens {
        access_token: access_token::mint(&app.state.keys.signing_keys(now), &claims),
        token_type: Default::default(),
        expires_in: 300,
        refresh_token: refresh_token::print(key, session_id, 4, &secret),
        refresh_expires_in: 0,
        refresh_idle_expires_in: 0,
        session_id,
        known_browser: None,
        recovery_code: None,
        recovery_code_confirmed: None,
        account_id,
    }
}

/// Sends a form as OAuth clients do.
async fn form(app: &TestApp, path: &str, body: String) -> Answer {
    let request = axum::http::Request::builder()
        .method(Method::POST)
        .uri(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(axum::body::Body::from(body));
    app.send(request.unwrap()).await
}

/// Every call with these tokens is answered 503.
async fn assert_unsure(app: &TestApp, tokens: &Tokens) {
    for answer in answers(app, tokens).await {
        answer.is(Code::TemporarilyUnavailable);
    }
    app.get_as(tokens, paths::ACCOUNT)
        .await
        .is(Code::TemporarilyUnavailable);
}

/// The answers of every endpoint to a session's tokens.
async fn answers(app: &TestApp, tokens: &Tokens) -> Vec<Answer> {
    let token: &Secret = &tokens.refresh_token;
    let token = token.expose();
    vec![
        app.refresh(tokens, &new_key()).await,
        app.log_out(tokens).await,
        form(
            app,
            paths::OAUTH_TOKEN,
            format!("grant_type=refresh_token&refresh_token={token}"),
        )
        .await,
        form(app, paths::OAUTH_REVOKE, format!("token={token}")).await,
    ]
}

#[tokio::test]
async fn bar_39_the_server_does_not_say_that_a_session_older_than_the_database_is_over() {
    let app = app_with_database_of(DAY).await;
    let key = app.state.keys.current_refresh_key().clone();
    let tokens = tokens_of_another_database(&app, 2 * DAY, &key);
    for answer in answers(&app, &tokens).await {
        answer.is(Code::TemporarilyUnavailable);
    }
    // Its access token is not refused as ended either, although the account is missing. No
    // answer says that a session has ended, or that a list is empty.
    let its_own = format!("{}/{}", paths::SESSIONS, tokens.session_id);
    for (method, path, body) in [
        (Method::GET, paths::ACCOUNT, None),
        (Method::GET, paths::SESSIONS, None),
        (Method::GET, paths::SESSION_ROW, None),
        (Method::GET, paths::ACTIVITY, None),
        (Method::GET, paths::ACCOUNT_DATA, None),
        (Method::GET, paths::NOTICES, None),
        (
            Method::DELETE,
            paths::SESSIONS,
            Some(json!({"password": "x"})),
        ),
        (Method::DELETE, its_own.as_str(), None),
        (
            Method::DELETE,
            paths::ACCOUNT,
            Some(json!({"password": "x"})),
        ),
    ] {
        app.call_as(&tokens, method, path, body.as_ref())
            .await
            .is(Code::TemporarilyUnavailable);
    }
}

#[tokio::test]
async fn bar_39_the_facts_of_the_queried_database_decide() {
    // The facts of a second ago were read from the old database, over a connection that still
    // leads there.
    let mut app = app_with_database_of(DAY).await;
    let old = StoredDatabase {
        birth: i64::try_from(app.state.clock.now() - 300 * DAY).ok(),
        ..stored(&app).await
    };
    let clock = app.state.clock.clone();
    app.replace_database(DatabaseFacts::new(old, &InstanceFacts::default(), clock).unwrap());
    let key = app.state.keys.current_refresh_key().clone();
    let tokens = tokens_of_another_database(&app, 2 * DAY, &key);
    assert_unsure(&app, &tokens).await;
}

#[tokio::test]
async fn bar_39_a_session_that_another_connection_finds_is_not_over() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let answer = sessions::gone(&app.state, tokens.session_id).await;
    assert_eq!(answer.code(), Code::TemporarilyUnavailable);
}

#[tokio::test]
async fn bar_39_while_the_tables_are_restored_no_session_is_over() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    // A restore makes the table first, then its rows, and its keys last.
    for statement in [
        "delete from sessions",
        "alter table sessions drop constraint sessions_pkey cascade",
    ] {
        sqlx::query(statement).execute(app.pool()).await.unwrap();
    }
    for answer in answers(&app, &tokens).await {
        answer.is(Code::TemporarilyUnavailable);
    }
    sqlx::query("alter table sessions add primary key (session_id)")
        .execute(app.pool())
        .await
        .unwrap();
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
}

#[tokio::test]
async fn bar_39_the_secret_that_was_lost_with_the_database_signs_nobody_out() {
    let app = app_with_database_of(DAY).await;
    let lost = refresh_key(&[9; 32]);
    let older = tokens_of_another_database(&app, DAY + 1, &lost);
    for answer in answers(&app, &older).await {
        answer.is(Code::TemporarilyUnavailable);
    }
    let younger = tokens_of_another_database(&app, DAY - 1, &lost);
    app.refresh(&younger, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
    assert_eq!(app.log_out(&younger).await.status, 204);
}

#[tokio::test]
async fn bar_39_a_later_session_or_one_with_a_known_ending_is_over() {
    let app = app_with_database_of(DAY).await;
    let key = app.state.keys.current_refresh_key().clone();
    // The session was opened more than an hour after the birth, so it was in this database.
    let later = tokens_of_another_database(&app, DAY - 3700, &key);
    app.refresh(&later, &new_key()).await.is(Code::SessionEnded);
    assert_eq!(app.log_out(&later).await.status, 204);
    let known = tokens_of_another_database(&app, 2 * DAY, &key);
    let mut connection = app.state.pool.acquire().await.unwrap();
    let ended = [known.session_id];
    store::session_ends::insert(&mut connection, &ended, EndReason::Reuse)
        .await
        .unwrap();
    let answer = app.refresh(&known, &new_key()).await;
    answer.is(Code::SessionEnded);
    assert_eq!(answer.problem().reason, Some(EndReason::Reuse));
}

#[tokio::test]
async fn bar_39_after_begin_anew_unknown_sessions_are_over() {
    let mut app = app_with_database_of(DAY).await;
    let key = app.state.keys.current_refresh_key().clone();
    let tokens = tokens_of_another_database(&app, 2 * DAY, &key);
    let clock = app.state.clock.clone();
    let mut connection = app.state.pool.acquire().await.unwrap();
    let before = store::database::lookup(&mut connection).await.unwrap();
    assert!(before.birth.is_some());
    store::database::begin_anew(&mut connection).await.unwrap();
    let stored = store::database::lookup(&mut connection).await.unwrap();
    assert_eq!(stored.birth, None);
    app.replace_database(DatabaseFacts::new(stored, &InstanceFacts::default(), clock).unwrap());
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
}

#[tokio::test]
async fn bar_39_an_instance_with_another_secret_says_of_no_session_that_it_is_over() {
    // The instance has the secret of production, and the older database of a staging fleet.
    let staging = TestApp::start().await;
    let mut connection = staging.state.pool.acquire().await.unwrap();
    let entered = staging.secrets_in_use();
    entered.enter(&mut connection).await.unwrap();
    let lost = staging.second_instance(&[2]);
    let entered = lost.secrets_in_use();
    entered.enter(&mut connection).await.unwrap();
    let key = lost.state.keys.current_refresh_key().clone();
    let tokens = tokens_of_another_database(&lost, DAY, &key);
    assert_unsure(&lost, &tokens).await;
}

#[tokio::test]
async fn bar_39_a_connection_that_leads_to_another_fleets_database_ends_no_session() {
    // The instance has read the right database every second. Then the address led to another
    // database, and a new connection of the pool was the first one that went there.
    let app = app_with_database_of(300 * DAY).await;
    app.sign_up("ada").await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    app.secrets_in_use().enter(&mut connection).await.unwrap();
    app.reader().read().await.unwrap();
    let key = app.state.keys.current_refresh_key().clone();
    let tokens = tokens_of_another_database(&app, DAY, &key);
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
    for other_fleet in [
        // The other fleet's secret is beside ours, as after a wrong start.
        "insert into secrets (fingerprint, state) values ('\\x07', 'in_use')",
        // The other fleet's secret is alone.
        "delete from secrets where fingerprint <> '\\x07'",
        // No secret: no server has ever used this database.
        "delete from secrets",
    ] {
        sqlx::query(other_fleet).execute(app.pool()).await.unwrap();
        assert_unsure(&app, &tokens).await;
    }
}

#[tokio::test]
async fn bar_39_a_database_that_was_made_up_to_an_hour_before_the_session_does_not_end_it() {
    // The clocks of two machines differ, so a database that was made a short time before the
    // session was opened may be the wrong one, like a database that was made later.
    for (made, opened) in [
        // The session is older than the database.
        (60, DAY),
        // Both within the last hour, in either order.
        (60, 3000),
        (3000, 60),
        // The database is older than the session by less than an hour.
        (DAY, DAY - 3500),
    ] {
        let app = app_with_database_of(made).await;
        let key = app.state.keys.current_refresh_key().clone();
        let tokens = tokens_of_another_database(&app, opened, &key);
        assert_unsure(&app, &tokens).await;
    }
}

#[tokio::test]
async fn bar_39_the_birth_of_an_empty_database_is_the_start_of_the_first_server() {
    let app = TestApp::start().await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let made_days_ago = "update database set birth = now() - interval '3 days'";
    sqlx::query(made_days_ago)
        .execute(app.pool())
        .await
        .unwrap();
    let now = app.state.clock.now();
    let arrived = store::database::arrive(&mut connection, &InstanceFacts::default()).await;
    let birth = u64::try_from(arrived.unwrap().birth.unwrap()).unwrap();
    assert!(birth + 60 > now, "{} seconds", now - birth);
    // If the database has an account, its birth does not change.
    app.sign_up("ada").await;
    sqlx::query(made_days_ago)
        .execute(app.pool())
        .await
        .unwrap();
    let arrived = store::database::arrive(&mut connection, &InstanceFacts::default()).await;
    let birth = u64::try_from(arrived.unwrap().birth.unwrap()).unwrap();
    assert!(birth < now - 2 * DAY);
    // After `begin-anew` a start does not change the birth.
    sqlx::query("truncate accounts cascade")
        .execute(app.pool())
        .await
        .unwrap();
    store::database::begin_anew(&mut connection).await.unwrap();
    let arrived = store::database::arrive(&mut connection, &InstanceFacts::default()).await;
    assert_eq!(arrived.unwrap().birth, None);
}

#[tokio::test]
async fn the_birth_is_the_oldest_accounts_if_that_is_earlier() {
    let app = TestApp::start().await;
    app.sign_up("ada").await;
    sqlx::query("update database set birth = now()")
        .execute(app.pool())
        .await
        .unwrap();
    sqlx::query("update accounts set created_at = now() - interval '400 days'")
        .execute(app.pool())
        .await
        .unwrap();
    let mut connection = app.state.pool.acquire().await.unwrap();
    let stored = store::database::lookup(&mut connection).await.unwrap();
    let birth = u64::try_from(stored.birth.unwrap()).unwrap();
    let age = app.state.clock.now() - birth;
    assert!((400 * DAY - 60..400 * DAY + 60).contains(&age), "{age}");
}

#[tokio::test]
async fn endings_that_a_young_database_needs_are_kept_for_the_refresh_lifetime() {
    let app = app_with_database_of(60).await;
    // The sweep deletes an expired session. It writes the ending, because only an ending shows
    // that the session was in this database.
    let swept = app.sign_up("ada").await;
    sqlx::query("update sessions set expires_at = now()")
        .execute(app.pool())
        .await
        .unwrap();
    let reused = app.sign_up("eve").await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let round = Sweep::from_the_beginning().round(&app.state).await;
    assert!(round.failed.is_empty());
    app.refresh(&swept, &new_key()).await.is(Code::SessionEnded);
    let ended = [reused.session_id];
    store::session_ends::insert(&mut connection, &ended, EndReason::Reuse)
        .await
        .unwrap();
    let made_older = |days: u32| {
        sqlx::query("update session_ends set ended_at = now() - make_interval(days => $1)")
            .bind(i32::try_from(days).unwrap())
            .execute(app.pool())
    };
    let count = async || -> i64 {
        sqlx::query_scalar("select count(*) from session_ends")
            .fetch_one(app.pool())
            .await
            .unwrap()
    };
    made_older(89).await.unwrap();
    Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(count().await, 2);
    made_older(91).await.unwrap();
    Sweep::from_the_beginning().round(&app.state).await;
    assert_eq!(count().await, 0);
    // A database that is not young keeps only endings for reuse that long.
    let mut grown = app.second_instance(&[1]);
    let longest = Duration::from_secs(90 * DAY);
    grown.replace_database(DatabaseFacts::unknown(longest, app.state.clock.clone()));
    for reason in [EndReason::Reuse, EndReason::Logout] {
        let ended = [random::id(&app.state.clock)];
        store::session_ends::insert(&mut connection, &ended, reason)
            .await
            .unwrap();
    }
    made_older(1).await.unwrap();
    Sweep::from_the_beginning().round(&grown.state).await;
    assert_eq!(count().await, 1);
}
