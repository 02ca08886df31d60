//! Many refreshes at once, at two servers.

use std::time::Duration;

use axum::http::Method;
use futures::future::join_all;
use holdfast_protocol::wire::{Tokens, paths};
use serde_json::json;

use crate::support::{
    Answer, Browser, Fault, FaultProxy, Fleet, PASSWORD, Renewal, Tally, generation, new_key,
};

fn tally(answers: &[Answer]) -> Tally {
    let mut tally = Tally::default();
    for answer in answers {
        tally.count(answer.summary());
    }
    tally
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_1_fifty_refreshes_with_one_key_at_two_servers_are_one_rotation() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let key = new_key();
    let calls = (0..50).map(|n| fleet.http.refresh(fleet.at(n), &tokens, &key));
    let answers = join_all(calls).await;

    let first = answers[0].tokens(200);
    for answer in &answers {
        assert_eq!(answer.tokens(200).refresh_token, first.refresh_token);
    }
    assert_eq!(fleet.row(tokens.session_id).await.unwrap().0, 1);
    assert_eq!(generation(&fleet.http.renew(fleet.at(1), &first).await), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_1_of_fifty_different_keys_at_two_servers_one_wins_and_49_conflict() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let calls = (0..50).map(|n| {
        let (fleet, tokens) = (&fleet, &tokens);
        async move { fleet.http.refresh(fleet.at(n), tokens, &new_key()).await }
    });
    let answers = join_all(calls).await;

    let tally = tally(&answers);
    assert_eq!((tally.of("200"), tally.of("409 refresh_conflict")), (1, 49));
    let winner = answers.iter().find(|answer| answer.status == 200).unwrap();
    assert_eq!(fleet.row(tokens.session_id).await.unwrap().0, 1);
    fleet.http.renew(fleet.at(0), &winner.tokens(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_1_three_tabs_of_each_of_twenty_browsers_renew_together_for_ten_generations() {
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(20).await;
    for round in 1..=10 {
        // All tabs have read the storage before the first answer.
        let tabs: Vec<_> = browsers
            .iter()
            .flat_map(|browser| [browser; 3])
            .map(|tab| (tab, tab.attempt()))
            .collect();
        let renewals = tabs
            .into_iter()
            .enumerate()
            .map(|(n, (tab, attempt))| tab.renew_with(attempt, fleet.at(n)));
        for renewal in join_all(renewals).await {
            assert_eq!(renewal, Renewal::Renewed);
        }
        assert!(browsers.iter().all(|browser| browser.generation() == round));
    }
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_4_every_accepted_refresh_answers_with_the_current_token() {
    let fleet = Fleet::start(2).await;
    let mut tokens = fleet.sign_up("ada").await;
    for round in 1..=20 {
        let key = new_key();
        // These are the rotation, and repeats of it during it and after it.
        let at_once = (0..4).map(|n| fleet.http.refresh(fleet.at(n), &tokens, &key));
        let mut answers = join_all(at_once).await;
        answers.push(fleet.http.refresh(fleet.at(1), &tokens, &key).await);
        let renewed: Vec<Tokens> = answers.iter().map(|answer| answer.tokens(200)).collect();
        let current = fleet.row(tokens.session_id).await.unwrap();
        assert_eq!(current.0, round);
        for answered in &renewed {
            assert_eq!(answered.refresh_token, renewed[0].refresh_token);
            assert!(fleet.http.accepts(fleet.at(0), answered).await);
        }
        tokens = renewed[4].clone();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_13_a_token_is_never_spent_twice() {
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(100).await;
    for browser in &browsers {
        let token = browser.refresh_token();
        let calls = (0..6).map(|n| {
            let (fleet, token) = (&fleet, &token);
            async move {
                let key = new_key();
                fleet
                    .http
                    .try_refresh(fleet.at(n), token, &key)
                    .await
                    .unwrap()
            }
        });
        let tally = tally(&join_all(calls).await);
        assert_eq!((tally.of("200"), tally.of("409 refresh_conflict")), (1, 5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_14_a_race_of_everything_is_never_a_400_or_a_500() {
    let fleet = Fleet::start(2).await;
    let mut said = Tally::default();
    for round in 0..6 {
        let ada = format!("ada{round}");
        let first = fleet.sign_up(&ada).await;
        let spent = first.clone();
        let current = fleet.http.renew(fleet.at(0), &first).await;
        let key = new_key();
        let refreshes = (0..30).map(|n| {
            let (fleet, current, spent, key) = (&fleet, &current, &spent, &key);
            async move {
                let (tokens, fresh) = if n % 3 == 0 {
                    (spent, true)
                } else {
                    (current, n % 3 == 1)
                };
                let key = if fresh { new_key() } else { key.clone() };
                fleet.http.refresh(fleet.at(n), tokens, &key).await
            }
        });
        let others = async {
            let everywhere = format!("{}?keep_current=false", paths::SESSIONS);
            let (delete, get) = (Method::DELETE, Method::GET);
            let http = &fleet.http;
            let body = json!({"password": PASSWORD});
            let ending = http.call_as(&current, delete, fleet.at(1), &everywhere, Some(&body));
            let listing = http.call_as(&current, get, fleet.at(0), paths::SESSIONS, None);
            let (ended, listed, out, again) = tokio::join!(
                ending,
                listing,
                http.log_out(fleet.at(0), &current),
                http.log_out(fleet.at(1), &spent)
            );
            vec![ended.unwrap(), listed.unwrap(), out, again]
        };
        let (refreshed, others) = tokio::join!(join_all(refreshes), others);
        for answer in refreshed.iter().chain(&others) {
            said.count(answer.summary());
        }
        // In every order of the requests, the session is over at the end.
        assert_eq!(fleet.row(first.session_id).await, None);
    }
    println!("{said:?}");
    said.is_only(&[
        "200",
        "204",
        "401 session_ended",
        "401 refresh_token_reused",
        "409 refresh_conflict",
    ]);
    assert_eq!(fleet.faults_of_our_own(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_16_twenty_calls_in_flight_across_a_refresh_are_all_200() {
    let fleet = Fleet::start(2).await;
    let mut n = 0;
    let slow = FaultProxy::start(fleet.addresses(), move || {
        n += 1;
        // When the refresh is done, half of the calls are still under way to the server, and half
        // of the answers are still under way to the browser.
        let by = Duration::from_millis(300);
        if n % 2 == 0 {
            Fault::DelayRequest(by)
        } else {
            Fault::DelayAnswer(by)
        }
    })
    .await;
    let tokens = fleet.sign_up("ada").await;
    let browser = Browser::new(fleet.http.clone(), tokens.refresh_token.clone());
    let calls = (0..20).map(|_| {
        fleet
            .http
            .call_as(&tokens, Method::GET, slow.address(), paths::ACCOUNT, None)
    });
    let refresh = async {
        tokio::time::sleep(Duration::from_millis(150)).await;
        browser.renew(fleet.at(1)).await
    };
    let (answers, renewal) = tokio::join!(join_all(calls), refresh);
    assert_eq!(renewal, Renewal::Renewed);
    for answer in answers {
        assert_eq!(answer.unwrap().status, 200);
    }
    // The old access token is valid until it expires.
    assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
}
