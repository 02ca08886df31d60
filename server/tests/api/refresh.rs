//! Every case of the table in `protocol/src/rotation.rs`, against real Postgres.

use std::time::Duration;

use axum::http::HeaderValue;
use futures::future::join_all;
use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::problem::Code;
use holdfast_protocol::refresh_token::{self, ChainSecret};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndReason, Tokens, paths};
use uuid::Uuid;

use crate::support::queries::QueryCount;
use crate::support::{TestApp, generation, new_key, refresh_request};

#[tokio::test]
async fn case_1_a_session_that_is_gone_has_ended() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.log_out(&tokens).await;
    // The second instance has not learnt of the ending, and reads the reason from the table.
    let other = app.second_instance(&[1]);
    for instance in [&app, &other] {
        let answer = instance.refresh(&tokens, &new_key()).await;
        answer.is(Code::SessionEnded);
        assert_eq!(answer.problem().reason, Some(EndReason::Logout));
    }
}

#[tokio::test]
async fn case_1_a_session_that_came_back_after_a_failover_is_ended_again() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    app.state
        .ended
        .announce([tokens.session_id], EndReason::Logout);
    assert!(app.is_alive(tokens.session_id).await);
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::SessionEnded);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn case_2_a_session_past_its_end_is_ended() {
    let app = TestApp::with(|config| config.refresh_token_ttl = Duration::from_secs(100)).await;
    let tokens = app.sign_up("ada").await;
    app.let_pass(tokens.session_id, 99).await;
    let tokens = app.renew(&tokens).await;
    app.let_pass(tokens.session_id, 1).await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenExpired);
    assert!(!app.is_alive(tokens.session_id).await);
    assert_eq!(app.events("ada", 2).await[1].1.as_deref(), Some("expired"));
}

#[tokio::test]
async fn case_2_a_session_that_was_idle_for_too_long_is_ended() {
    let app = TestApp::with(|config| config.refresh_idle = Duration::from_secs(50)).await;
    let tokens = app.sign_up("ada").await;
    assert_eq!(tokens.refresh_idle_expires_in, 50);
    app.let_pass(tokens.session_id, 49).await;
    let tokens = app.renew(&tokens).await;
    app.let_pass(tokens.session_id, 49).await;
    let tokens = app.renew(&tokens).await;
    app.let_pass(tokens.session_id, 50).await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenExpired);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn case_3_the_current_token_is_replaced_by_its_successor() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let before = app.row(tokens.session_id).await.unwrap();
    let renewed = app.renew(&tokens).await;
    let after = app.row(tokens.session_id).await.unwrap();

    assert_eq!((generation(&tokens), generation(&renewed)), (0, 1));
    assert_eq!((before.0, after.0), (0, 1));
    assert_ne!(before.1, after.1);
    assert_eq!(renewed.session_id, tokens.session_id);
    assert_ne!(renewed.access_token, tokens.access_token);
    assert!(app.accepts(&renewed).await);
    // Bar 16: the access token before stays valid for calls that are under way.
    assert!(app.accepts(&tokens).await);
}

#[tokio::test]
async fn case_3_takes_one_statement() {
    let app = TestApp::start().await;
    let tokens = app.renew(&app.sign_up("ada").await).await;
    let queries = QueryCount::start();
    app.renew(&tokens).await;
    assert_eq!(queries.so_far(), 1);
}

#[tokio::test]
async fn case_3_works_without_an_attempt_key() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let answer = app
        .send(refresh_request(tokens.refresh_token.expose(), None))
        .await;
    assert_eq!(generation(&answer.tokens(200)), 1);
}

#[tokio::test]
async fn bar_15_the_expiration_date_never_moves() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    let expires_at = "select expires_at::text from sessions";
    let before: String = sqlx::query_scalar(expires_at)
        .fetch_one(app.pool())
        .await
        .unwrap();
    for _ in 0..20 {
        tokens = app.renew(&tokens).await;
    }
    let after: String = sqlx::query_scalar(expires_at)
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(before, after);
    let ninety_days = 90 * 24 * 60 * 60;
    assert!((ninety_days - 30..=ninety_days).contains(&tokens.refresh_expires_in));
    assert_eq!(tokens.refresh_idle_expires_in, 30 * 24 * 60 * 60);
}

#[tokio::test]
async fn an_access_token_never_outlives_its_session() {
    let app = TestApp::with(|config| config.refresh_token_ttl = Duration::from_secs(400)).await;
    let tokens = app.sign_up("ada").await;
    assert!(
        (285..=300).contains(&tokens.expires_in),
        "{}",
        tokens.expires_in
    );
    app.let_pass(tokens.session_id, 350).await;
    let tokens = app.renew(&tokens).await;
    assert!(
        (49..=50).contains(&tokens.expires_in),
        "{}",
        tokens.expires_in
    );
    assert!(tokens.refresh_idle_expires_in <= 50);
}

/// The genuine token of another branch. A failover can leave such a token in a browser.
fn other_branch(app: &TestApp, session_id: Uuid, generation: u32) -> Tokens {
    let key = app.state.keys.current_refresh_key();
    let secret = ChainSecret::from_random([9; 32]);
    Tokens {
        access_token: Secret::from("unused"),
        token_type: Default::default(),
        expires_in: 0,
        refresh_token: refresh_token::print(key, session_id, generation, &secret),
        refresh_expires_in: 0,
        refresh_idle_expires_in: 0,
        session_id,
        known_browser: None,
        recovery_code: None,
        recovery_code_confirmed: None,
        account_id: Uuid::nil(),
    }
}

#[tokio::test]
async fn case_4_two_branches_of_one_generation_end_the_session() {
    let app = TestApp::start().await;
    let tokens = app.renew(&app.sign_up("ada").await).await;
    let branch = other_branch(&app, tokens.session_id, 1);
    app.refresh(&branch, &new_key())
        .await
        .is(Code::RefreshTokenReused);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn case_5_bar_22_a_token_newer_than_the_row_rotates_forward() {
    let app = TestApp::start().await;
    for lost in 1..=3 {
        let username = format!("ada{lost}");
        let mut tokens = app.renew(&app.sign_up(&username).await).await;
        let row = app.remember_row(tokens.session_id).await;
        for _ in 0..lost {
            tokens = app.renew(&tokens).await;
        }
        app.roll_back_to(&row).await;
        let renewed = app.renew(&tokens).await;
        assert_eq!(generation(&renewed), lost + 2);
        // The session goes on from there.
        assert_eq!(generation(&app.renew(&renewed).await), lost + 3);
        let events = app.events(&username, 2).await;
        assert!(
            events.iter().any(|(kind, _)| kind == "refreshed_forward"),
            "{events:?}"
        );
    }
}

#[tokio::test]
async fn case_5_a_token_far_beyond_what_can_be_lost_ends_the_session() {
    let app = TestApp::start().await;
    for ahead in [4097, u32::MAX - 1, u32::MAX] {
        let tokens = app.sign_up(&format!("ada{ahead}")).await;
        let far = other_branch(&app, tokens.session_id, ahead);
        app.refresh(&far, &new_key())
            .await
            .is(Code::RefreshTokenReused);
        assert!(!app.is_alive(tokens.session_id).await);
    }
}

#[tokio::test]
async fn the_last_generation_cannot_be_rotated() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let last = other_branch(&app, tokens.session_id, u32::MAX);
    let hash = ChainSecret::from_random([9; 32]).hash();
    sqlx::query("update sessions set generation = 4294967295, token_hash = $1")
        .bind(&hash[..])
        .execute(app.pool())
        .await
        .unwrap();
    app.refresh(&last, &new_key())
        .await
        .is(Code::RefreshTokenExpired);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn case_6_bar_2_a_repeat_gets_the_same_successor_at_any_time() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    let first = app.refresh(&tokens, &key).await.tokens(200);
    for seconds in [0, 70, 24 * 60 * 60] {
        app.let_pass(tokens.session_id, seconds).await;
        let again = app.refresh(&tokens, &key).await.tokens(200);
        assert_eq!(again.refresh_token, first.refresh_token);
        // Bar 4: a repeat answers with the current token.
        assert!(app.accepts(&again).await);
    }
    assert_eq!(app.row(tokens.session_id).await.unwrap().0, 1);
    let renewed = app.renew(&first).await;
    assert_eq!(generation(&renewed), 2);
}

#[tokio::test]
async fn bar_42_ten_thousand_late_repeats_at_two_instances_write_one_event() {
    let app = TestApp::start().await;
    let other = app.second_instance(&[1]);
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    app.refresh(&tokens, &key).await.tokens(200);
    app.let_pass(tokens.session_id, 31).await;
    for _ in 0..100 {
        let repeats =
            (0..50).flat_map(|_| [app.refresh(&tokens, &key), other.refresh(&tokens, &key)]);
        for answer in futures::future::join_all(repeats).await {
            // The answer is a repeat or a 429, never an ending.
            assert!(
                matches!(answer.status.as_u16(), 200 | 429),
                "{}",
                answer.text()
            );
        }
    }
    app.state.events.written().await;
    other.state.events.written().await;
    let events = app.events("ada", 2).await;
    let repeats = events.iter().filter(|event| event.0 == "refresh_repeated");
    assert_eq!(repeats.count(), 1);
    assert_eq!(app.state.events.dropped() + other.state.events.dropped(), 0);
}

#[tokio::test]
async fn a_late_repeat_whose_event_could_not_be_written_writes_it_the_next_time() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    app.refresh(&tokens, &key).await.tokens(200);
    app.let_pass(tokens.session_id, 31).await;
    let rename = async |statement: &'static str| {
        sqlx::query(statement).execute(app.pool()).await.unwrap();
    };
    rename("alter table events rename to elsewhere").await;
    app.refresh(&tokens, &key).await.tokens(200);
    app.state.events.written().await;
    rename("alter table elsewhere rename to events").await;
    app.refresh(&tokens, &key).await.tokens(200);
    app.state.events.written().await;
    let events = app.events("ada", 2).await;
    assert!(
        events.iter().any(|event| event.0 == "refresh_repeated"),
        "{events:?}"
    );
}

#[tokio::test]
async fn case_6_only_a_late_repeat_writes_an_event() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let key = new_key();
    app.refresh(&tokens, &key).await.tokens(200);
    app.refresh(&tokens, &key).await.tokens(200);
    app.let_pass(tokens.session_id, 31).await;
    app.refresh(&tokens, &key).await.tokens(200);
    let mut kinds: Vec<_> = app
        .events("ada", 2)
        .await
        .into_iter()
        .map(|event| event.0)
        .collect();
    // The event has the time of the rotation, which the test has made older than the sign-up.
    kinds.sort();
    assert_eq!(kinds, ["refresh_repeated", "sign_up"]);
}

#[tokio::test]
async fn bar_4_every_accepted_refresh_answers_with_the_current_token() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    for _ in 0..5 {
        let key = new_key();
        let renewed = app.refresh(&tokens, &key).await.tokens(200);
        let repeated = app.refresh(&tokens, &key).await.tokens(200);
        assert_eq!(repeated.refresh_token, renewed.refresh_token);
        tokens = repeated;
    }
    assert_eq!(generation(&tokens), 5);
}

#[tokio::test]
async fn case_7_bar_25_a_late_duplicate_conflicts_up_to_sixteen_generations() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    let mut sent = Vec::new();
    for _ in 0..18 {
        let key = new_key();
        let renewed = app.refresh(&tokens, &key).await.tokens(200);
        sent.push((tokens, key));
        tokens = renewed;
    }
    app.let_pass(tokens.session_id, 3600).await;
    // The row's generation is 18; the last 16 rotations spent the generations 2 to 17.
    for (spent, key) in &sent[2..17] {
        let answer = app.refresh(spent, key).await;
        answer.is(Code::RefreshConflict);
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert!(app.is_alive(tokens.session_id).await);
    let (spent, key) = &sent[1];
    app.refresh(spent, key).await.is(Code::RefreshTokenReused);
    assert!(!app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn case_7_a_generation_that_a_forward_rotation_skipped_conflicts() {
    let app = TestApp::start().await;
    let first = app.renew(&app.sign_up("ada").await).await;
    let row = app.remember_row(first.session_id).await;
    let second = app.renew(&first).await;
    let third = app.renew(&second).await;
    app.roll_back_to(&row).await;
    app.renew(&third).await;
    app.let_pass(first.session_id, 3600).await;
    app.refresh(&second, &new_key())
        .await
        .is(Code::RefreshConflict);
    assert!(app.is_alive(first.session_id).await);
}

#[tokio::test]
async fn case_8_a_race_is_a_conflict_for_thirty_seconds() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let renewed = app.renew(&tokens).await;
    app.let_pass(tokens.session_id, 25).await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshConflict);
    assert_eq!(generation(&app.renew(&renewed).await), 2);
}

#[tokio::test]
async fn case_9_a_spent_token_ends_the_session_and_commits_before_it_answers() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let renewed = app.renew(&tokens).await;
    app.let_pass(tokens.session_id, 31).await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenReused);

    assert!(!app.is_alive(tokens.session_id).await);
    assert!(!app.accepts(&renewed).await);
    app.refresh(&renewed, &new_key())
        .await
        .is(Code::SessionEnded);
    // Bar 3: the activity shows it, and only one session was ended.
    let events = app.events("ada", 2).await;
    assert_eq!(
        events[1],
        ("refresh_token_reused".to_owned(), Some("reuse".to_owned()))
    );
    let reasons: Vec<String> = sqlx::query_scalar("select reason from session_ends")
        .fetch_all(app.pool())
        .await
        .unwrap();
    assert_eq!(reasons, ["reuse"]);
}

#[tokio::test]
async fn reuse_ends_one_session_only() {
    let app = TestApp::start().await;
    let stolen = app.sign_up("ada").await;
    let other = app.log_in("ada").await;
    app.renew(&app.renew(&stolen).await).await;
    app.refresh(&stolen, &new_key())
        .await
        .is(Code::RefreshTokenReused);
    assert!(app.is_alive(other.session_id).await);
    assert!(app.accepts(&other).await);
}

#[tokio::test]
async fn a_copied_token_is_found_out_when_both_sides_have_refreshed() {
    let app = TestApp::start().await;
    let copied = app.sign_up("ada").await;
    // The thief renews first.
    let thief = app.renew(&copied).await;
    app.let_pass(copied.session_id, 31).await;
    app.refresh(&copied, &new_key())
        .await
        .is(Code::RefreshTokenReused);
    assert!(!app.accepts(&thief).await);
    app.refresh(&thief, &new_key()).await.is(Code::SessionEnded);
}

#[tokio::test]
async fn the_wrong_kind_of_token_is_refused_on_both_sides() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let swapped = Tokens {
        access_token: tokens.refresh_token.clone(),
        refresh_token: tokens.access_token.clone(),
        ..tokens.clone()
    };
    app.get_as(&swapped, paths::ACCOUNT)
        .await
        .is(Code::AccessTokenInvalid);
    app.refresh(&swapped, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
    assert!(app.is_alive(tokens.session_id).await);
}

#[tokio::test]
async fn bar_21_forged_tokens_cost_no_query_and_end_no_session() {
    use holdfast_protocol::refresh_token::PRINTED_LENGTH;

    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let genuine = tokens.refresh_token.expose().to_owned();
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let queries = QueryCount::start();
    for n in 0..10_000_usize {
        let mut forged = genuine.clone().into_bytes();
        match n % 4 {
            // One character is changed, at every place with many letters.
            0 | 1 => {
                let at = 4 + (n / 2) % (PRINTED_LENGTH - 4);
                let letter = alphabet[(n / 7) % alphabet.len()];
                forged[at] = if forged[at] == letter {
                    letter ^ 1
                } else {
                    letter
                };
            }
            2 => forged.truncate(n % PRINTED_LENGTH),
            _ => forged.extend_from_slice(&genuine.as_bytes()[..1 + n % 90]),
        }
        let forged = String::from_utf8_lossy(&forged).into_owned();
        let answer = app.send(refresh_request(&forged, Some(&new_key()))).await;
        assert_eq!(answer.status, 401, "{forged}");
        assert_eq!(answer.problem().code, Code::RefreshTokenInvalid);
    }
    assert_eq!(queries.so_far(), 0);
    drop(queries);
    assert!(app.is_alive(tokens.session_id).await);
    app.renew(&tokens).await;
}

#[tokio::test]
async fn a_token_of_another_master_secret_is_refused() {
    let app = TestApp::start().await;
    let tokens = app.second_instance(&[2]).sign_up("ada").await;
    app.refresh(&tokens, &new_key())
        .await
        .is(Code::RefreshTokenInvalid);
}

#[tokio::test]
async fn a_repeat_survives_a_change_of_the_master_secret() {
    let old = TestApp::start().await;
    let tokens = old.sign_up("ada").await;
    let key = new_key();
    let renewed = old.refresh(&tokens, &key).await.tokens(200);
    let new = old.second_instance(&[2, 1]);
    let repeated = new.refresh(&tokens, &key).await.tokens(200);
    // The text has the new key's MAC, but it is the same link of the chain, so both go on.
    let row = old.row(tokens.session_id).await.unwrap();
    assert_eq!(row.0, 1);
    assert_eq!(generation(&new.renew(&repeated).await), 2);
    new.refresh(&renewed, &new_key())
        .await
        .is(Code::RefreshConflict);
}

#[tokio::test]
async fn a_bad_attempt_key_is_refused_and_nothing_changes() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let long = "a".repeat(256);
    for bad in [
        "",
        "too short",
        "0123456789abcde\tf",
        "0123456789abcde é",
        &long,
    ] {
        let mut request = refresh_request(tokens.refresh_token.expose(), None);
        let value = HeaderValue::from_bytes(bad.as_bytes()).unwrap();
        request.headers_mut().insert("idempotency-key", value);
        let problem = app.send(request).await.problem();
        assert_eq!(problem.code, Code::MalformedRequest, "{bad:?}");
        assert!(problem.detail.contains("16 to 255"), "{}", problem.detail);
    }
    let mut twice = refresh_request(tokens.refresh_token.expose(), Some(&new_key()));
    let another = new_key().expose().parse().unwrap();
    twice.headers_mut().append("idempotency-key", another);
    app.send(twice).await.is(Code::MalformedRequest);
    assert_eq!(app.row(tokens.session_id).await.unwrap().0, 0);
}

#[tokio::test]
async fn the_row_keeps_sixteen_attempt_keys() {
    let app = TestApp::start().await;
    let mut tokens = app.sign_up("ada").await;
    for _ in 0..20 {
        tokens = app.renew(&tokens).await;
    }
    let length: i32 = sqlx::query_scalar("select octet_length(attempt_keys) from sessions")
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(length, 16 * 8);
}

#[tokio::test]
async fn without_the_database_a_refresh_answers_503_and_loses_nothing() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let other = app.second_instance(&[1]);
    other.state.pool.close().await;
    other.state.lanes.close().await;
    let answer = other.refresh(&tokens, &new_key()).await;
    answer.is(Code::TemporarilyUnavailable);
    assert_eq!(answer.header("retry-after"), "2");
    app.renew(&tokens).await;
}

#[tokio::test]
async fn the_database_only_ever_sees_hashes() {
    let app = TestApp::start().await;
    let tokens = app.sign_up("ada").await;
    let key = AttemptKey::from_random([0xab; 16]);
    let renewed = app.refresh(&tokens, &key).await.tokens(200);
    let rows: Vec<String> = sqlx::query_scalar("select sessions::text from sessions")
        .fetch_all(app.pool())
        .await
        .unwrap();
    let rows = rows.concat();
    for secret in [
        tokens.refresh_token.expose(),
        renewed.refresh_token.expose(),
        key.expose(),
    ] {
        assert!(!rows.contains(secret));
    }
    // The secret bytes of the token are not there in hexadecimal either.
    use base64::Engine as _;
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD
        .decode(&renewed.refresh_token.expose()[4..])
        .unwrap();
    let hex: String = bytes[21..53]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    assert!(!rows.contains(&hex));
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_something_holds_keep_no_other_refresh_waiting() {
    let app = TestApp::start().await;
    let mut sessions = Vec::new();
    for n in 0..30 {
        sessions.push(app.sign_up(&format!("person{n}")).await);
    }
    // The test holds more rows than rotations run at once, in the lanes and outside of them.
    let (held, others) = sessions.split_at(8);
    let mut holding = app.pool().begin().await.unwrap();
    for tokens in held {
        sqlx::query("select from sessions where session_id = $1 for update")
            .bind(tokens.session_id)
            .execute(&mut *holding)
            .await
            .unwrap();
    }
    let keys: Vec<_> = held.iter().map(|_| new_key()).collect();
    let waiting = held.iter().zip(&keys);
    let waiting = join_all(waiting.map(|(tokens, key)| app.refresh(tokens, key)));
    let going_on = join_all(others.iter().map(|tokens| app.renew(tokens)));
    // The others are all answered before the rows are released.
    let release = async {
        let renewed = going_on.await;
        holding.rollback().await.unwrap();
        renewed
    };
    let (answers, renewed) = tokio::join!(waiting, release);
    assert!(renewed.iter().all(|tokens| generation(tokens) == 1));
    for (answer, (tokens, key)) in answers.iter().zip(held.iter().zip(&keys)) {
        if answer.status != 200 {
            answer.is(Code::TemporarilyUnavailable);
        }
        // Nothing is lost: with the same key the answer is the same successor.
        let again = app.refresh(tokens, key).await.tokens(200);
        assert_eq!(generation(&again), 1);
    }
}
