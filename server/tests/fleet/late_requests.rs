//! Requests that arrive after the session has rotated further.

use std::time::{Duration, Instant};

use holdfast_protocol::problem::Code;

use crate::support::{Fault, FaultProxy, Fleet, Renewal, generation, new_key, until};

#[tokio::test]
async fn bar_25_a_request_repeated_up_to_sixteen_generations_late_conflicts_and_ends_nothing() {
    let fleet = Fleet::start(2).await;
    let mut tokens = fleet.sign_up("ada").await;
    let mut sent = Vec::new();
    for n in 0..16 {
        let key = new_key();
        let renewed = fleet.http.refresh(fleet.at(n), &tokens, &key).await;
        sent.push((tokens, key));
        tokens = renewed.tokens(200);
    }
    for seconds in [0, 31, 24 * 60 * 60] {
        fleet.let_pass(tokens.session_id, seconds).await;
        let (newest, older) = sent.split_last().unwrap();
        for (n, (spent, key)) in older.iter().enumerate() {
            let late = fleet.http.refresh(fleet.at(n), spent, key).await;
            late.is(Code::RefreshConflict);
            assert_eq!(late.header("retry-after"), "1");
        }
        // The newest request is a repeat, so it gets the current token.
        let repeated = fleet.http.refresh(fleet.at(0), &newest.0, &newest.1).await;
        assert_eq!(repeated.tokens(200).refresh_token, tokens.refresh_token);
    }
    assert_eq!(
        generation(&fleet.http.renew(fleet.at(1), &tokens).await),
        17
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_25_a_request_that_the_network_delays_ends_no_session() {
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(1).await;
    let browser = &browsers[0];
    let late = Fault::LoseAndDeliverLater(Duration::from_millis(700));
    let proxy = FaultProxy::with(vec![fleet.at(0)], vec![late]).await;
    assert_eq!(
        browser.renew(proxy.address()).await,
        Renewal::Later("no answer".to_owned())
    );
    for _ in 0..8 {
        assert_eq!(browser.renew(fleet.at(1)).await, Renewal::Renewed);
    }
    let before = fleet.row(browser.session_id()).await;
    until("it arrives", Duration::from_secs(10), async || {
        proxy.answered() == 1
    })
    .await;
    assert_eq!(fleet.row(browser.session_id()).await, before);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_25_a_server_that_froze_during_a_request_ends_no_session_when_it_goes_on() {
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(1).await;
    let browser = &browsers[0];
    let (refresh_token, key) = browser.attempt();
    fleet.instances[0].freeze();
    let (http, frozen) = (fleet.http.clone(), fleet.at(0));
    let held = tokio::spawn(async move { http.try_refresh(frozen, &refresh_token, &key).await });
    for _ in 0..5 {
        assert_eq!(browser.renew(fleet.at(1)).await, Renewal::Renewed);
    }
    // This is longer than the time in which races happen.
    fleet.let_pass(browser.session_id(), 60).await;
    fleet.instances[0].thaw();
    held.await.unwrap().unwrap().is(Code::RefreshConflict);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_25_a_request_that_waits_in_the_server_is_still_a_race_and_not_reuse() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    fleet.http.renew(fleet.at(0), &tokens).await;
    let mut transaction = fleet.pool().begin().await.unwrap();
    sqlx::query("lock table sessions in access exclusive mode")
        .execute(&mut *transaction)
        .await
        .unwrap();
    // The loser of the race arrives in time, but then waits in the server past the 30 seconds. The
    // test sets the winner's rotation to 27 seconds ago, however long the test has taken so far.
    let since = Instant::now();
    sqlx::query("update sessions set rotated_at = clock_timestamp() - interval '27 seconds'")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let (http, server) = (fleet.http.clone(), fleet.at(1));
    let loser = tokio::spawn(async move { http.refresh(server, &tokens, &new_key()).await });
    fleet.until_waiting_for_locks(1).await;
    let arrived = since.elapsed();
    tokio::time::sleep(Duration::from_millis(3500).saturating_sub(arrived)).await;
    transaction.commit().await.unwrap();
    let answer = loser.await.unwrap();
    if arrived < Duration::from_millis(2900) {
        answer.is(Code::RefreshConflict);
    } else {
        println!("The request took {arrived:?} to arrive, so the test could not decide.");
    }
}

/// A browser that is broken, or a thief, repeats one old request again and again.
#[tokio::test(flavor = "multi_thread")]
async fn bar_42_late_repeats_at_two_servers_write_one_event_and_few_lines() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let key = new_key();
    let renewed = fleet.http.refresh(fleet.at(0), &tokens, &key).await;
    let renewed = renewed.tokens(200);
    fleet.let_pass(tokens.session_id, 31).await;
    let before: Vec<usize> = fleet
        .instances
        .iter()
        .map(|i| i.log().lines().count())
        .collect();
    for _ in 0..20 {
        let repeats = (0..100).map(|n| {
            fleet
                .http
                .try_refresh(fleet.at(n % 2), &tokens.refresh_token, &key)
        });
        for answer in futures::future::join_all(repeats).await {
            let status = answer.unwrap().status.as_u16();
            // The answer is a repeat, or it says that there were too many. It is never an ending.
            assert!([200, 429].contains(&status), "{status}");
        }
    }
    let count = "select count(*) from events where kind = 'refresh_repeated'";
    until(
        "the event is written",
        Duration::from_secs(10),
        async || {
            let written: i64 = sqlx::query_scalar(count)
                .fetch_one(fleet.pool())
                .await
                .unwrap();
            assert!(written <= 1, "{written}");
            written == 1
        },
    )
    .await;
    for (instance, before) in fleet.instances.iter().zip(before) {
        let lines = instance.log().lines().count() - before;
        assert!(lines <= 2, "{}", instance.log());
    }
    // The honest browser goes on.
    assert_eq!(
        generation(&fleet.http.renew(fleet.at(1), &renewed).await),
        2
    );
}
