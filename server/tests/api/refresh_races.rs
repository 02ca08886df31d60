//! Many refreshes at once, on two instances and one database.

use std::collections::HashMap;

use axum::http::StatusCode;
use holdfast_protocol::problem::Code;

use crate::support::{TestApp, generation, new_key};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bar_1_fifty_refreshes_with_one_key_are_one_rotation() {
    let one = TestApp::start().await;
    let two = one.second_instance(&[1]);
    let tokens = one.sign_up("ada").await;
    let key = new_key();
    let calls = (0..50).map(|n| if n % 2 == 0 { &one } else { &two });
    let answers = futures::future::join_all(calls.map(|app| app.refresh(&tokens, &key))).await;
    let mut successors: Vec<_> = answers
        .iter()
        .map(|answer| answer.tokens(200).refresh_token)
        .collect();
    successors.dedup();
    assert_eq!(successors.len(), 1);
    assert_eq!(one.row(tokens.session_id).await.unwrap().0, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bar_1_bar_14_of_fifty_different_keys_one_wins_and_the_rest_conflict() {
    let one = TestApp::start().await;
    let two = one.second_instance(&[1]);
    let tokens = one.sign_up("ada").await;
    let calls = (0..50).map(|n| {
        let app = if n % 2 == 0 { &one } else { &two };
        async { app.refresh(&tokens, &new_key()).await }
    });
    let answers = futures::future::join_all(calls).await;
    let mut statuses: HashMap<StatusCode, usize> = HashMap::new();
    for answer in &answers {
        *statuses.entry(answer.status).or_default() += 1;
        if answer.status != 200 {
            answer.is(Code::RefreshConflict);
        }
    }
    assert_eq!(
        statuses,
        HashMap::from([(StatusCode::OK, 1), (StatusCode::CONFLICT, 49)])
    );
    let winner = answers
        .iter()
        .find(|answer| answer.status == 200)
        .unwrap()
        .tokens(200);
    assert_eq!(generation(&one.renew(&winner).await), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bar_10_a_logout_wins_against_refreshes_under_way() {
    let app = TestApp::start().await;
    for round in 0..10 {
        let tokens = app.sign_up(&format!("ada{round}")).await;
        let key = new_key();
        let refreshes = (0..4).map(|_| app.refresh(&tokens, &key));
        let (_, logout) =
            futures::join!(futures::future::join_all(refreshes), app.log_out(&tokens));
        assert_eq!(logout.status, 204);
        assert!(!app.is_alive(tokens.session_id).await);
        app.refresh(&tokens, &key).await.is(Code::SessionEnded);
    }
}
