//! Rotations that one statement does together.

use futures::FutureExt as _;
use futures::future::join_all;
use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_server::http::ApiError;
use holdfast_server::lanes::{Lanes, RotationCommit, RotationError};
use holdfast_server::random;
use holdfast_server::store::sessions::Rotate;
use holdfast_server::store::{self, ClientInfo, Layout};
use holdfast_testkit::Pooler;

use crate::support::TestApp;

/// A first rotation of each of this many sessions.
async fn first_rotations(app: &TestApp, sessions: usize) -> Vec<Rotate> {
    let mut rotations = Vec::new();
    for n in 0..sessions {
        let session_id = app.sign_up(&format!("person{n}")).await.session_id;
        let (_, token_hash) = app.row(session_id).await.unwrap();
        rotations.push(Rotate {
            session_id,
            from_generation: 0,
            from_hash: token_hash.try_into().unwrap(),
            to_generation: 1,
            to_hash: random::bytes(),
            attempt: AttemptMark::of(None),
            client: ClientInfo::default(),
        });
    }
    rotations
}

/// Another rotation of the same token.
fn other(rotate: &Rotate) -> Rotate {
    Rotate {
        to_hash: random::bytes(),
        ..rotate.clone()
    }
}

fn one_lane(app: &TestApp) -> Lanes {
    Lanes::new(app.state.pool.clone(), 1, RotationCommit::Synchronous)
}

/// Whether exactly this rotation is stored.
async fn is_stored(app: &TestApp, rotate: &Rotate) -> bool {
    let row = app.row(rotate.session_id).await.unwrap();
    row == (1, rotate.to_hash.to_vec())
}

#[tokio::test]
async fn behind_a_pooler_every_rotation_goes_through_the_pooler() {
    let app = TestApp::start().await;
    let pooler = Pooler::before(app.state.pool.options()).await;
    // The direct address leads nowhere, so a lane would have no connection.
    let nowhere = "postgres://nobody@127.0.0.1:1/nothing".parse().unwrap();
    let pool = store::pool_behind_pooler(
        pooler.url().parse().unwrap(),
        nowhere,
        &Layout::OnThePath,
        2,
    );
    let lanes = Lanes::new(pool, 4, RotationCommit::Asynchronous);
    let rotations = first_rotations(&app, 8).await;
    let rotated = join_all(rotations.iter().map(|one| lanes.rotate(one.clone()))).await;
    for (rotated, rotate) in rotated.into_iter().zip(&rotations) {
        assert!(rotated.unwrap().is_some());
        assert!(is_stored(&app, rotate).await);
    }
}

#[tokio::test]
async fn a_lane_whose_connection_has_died_answers_what_it_carries_and_comes_back() {
    let app = TestApp::start().await;
    let lanes = one_lane(&app);
    let rotations = first_rotations(&app, 5).await;
    // The first rotation makes the lane's connection.
    let (first, others) = rotations.split_first().unwrap();
    assert!(lanes.rotate(first.clone()).await.unwrap().is_some());
    let ended: Vec<bool> = sqlx::query_scalar(
        "select pg_terminate_backend(pid, 5000)
         from pg_stat_activity
         where datname = current_database() and application_name = 'holdfast'",
    )
    .fetch_all(app.pool())
    .await
    .unwrap();
    assert!(!ended.is_empty() && ended.iter().all(|has_ended| *has_ended));
    for rotated in join_all(others.iter().map(|one| lanes.rotate(one.clone()))).await {
        let error = rotated.unwrap_err();
        assert!(matches!(error, RotationError::Database(_)), "{error}");
        assert_eq!(ApiError::from(error).status(), 503);
    }
    // Nothing was changed, and each can be rotated now.
    let again = join_all(others.iter().map(|one| lanes.rotate(one.clone()))).await;
    for (rotated, rotate) in again.into_iter().zip(others) {
        assert!(rotated.unwrap().is_some());
        assert!(is_stored(&app, rotate).await);
    }
}

#[tokio::test]
async fn of_two_rotations_of_one_token_at_once_one_is_stored() {
    let app = TestApp::start().await;
    let lanes = one_lane(&app);
    let rotations = first_rotations(&app, 3).await;
    // Each token is presented twice, with two successors.
    let all: Vec<_> = rotations
        .iter()
        .flat_map(|one| [one.clone(), other(one)])
        .collect();
    let rotated = join_all(all.iter().map(|one| lanes.rotate(one.clone()))).await;
    for (rotated, all) in rotated.chunks(2).zip(all.chunks(2)) {
        assert!(rotated[0].as_ref().unwrap().is_some());
        assert!(rotated[1].as_ref().unwrap().is_none());
        assert!(is_stored(&app, &all[0]).await);
    }
}

#[tokio::test]
async fn the_rotation_of_a_caller_that_goes_away_while_it_waits_is_not_made() {
    let app = TestApp::start().await;
    let lanes = one_lane(&app);
    let rotations = first_rotations(&app, 2).await;
    // The only lane waits for a row that another transaction has locked.
    let mut holding = app.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(rotations[0].session_id)
        .execute(&mut *holding)
        .await
        .unwrap();
    let waiting = tokio::spawn({
        let (lanes, rotate) = (lanes.clone(), rotations[0].clone());
        async move { lanes.rotate(rotate).await }
    });
    app.until_waiting(1).await;
    let leaving = lanes.rotate(rotations[1].clone());
    assert!(leaving.now_or_never().is_none());
    holding.rollback().await.unwrap();
    waiting.await.unwrap().unwrap();
    let staying = other(&rotations[1]);
    assert!(lanes.rotate(staying.clone()).await.unwrap().is_some());
    assert!(is_stored(&app, &staying).await);
}
