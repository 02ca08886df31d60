//! A copied token, used at another server than the browser's own.

use std::time::Duration;

use axum::http::Method;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{ActivityPage, EventKind, paths};

use crate::support::{Fleet, new_key, until};

#[tokio::test]
async fn bar_3_reuse_is_in_the_activity_and_ends_one_session_on_every_server() {
    let fleet = Fleet::start(2).await;
    let stolen = fleet.sign_up("ada").await;
    let other = fleet.log_in("ada").await;
    let thief = fleet.http.renew(fleet.at(0), &stolen).await;
    fleet.let_pass(stolen.session_id, 31).await;
    let found = fleet.http.refresh(fleet.at(1), &stolen, &new_key()).await;
    found.is(Code::RefreshTokenReused);

    // The ending was committed, so it takes effect for the thief at the other server.
    let thiefs_next = fleet.http.refresh(fleet.at(0), &thief, &new_key()).await;
    thiefs_next.is(Code::SessionEnded);
    until("refused", Duration::from_secs(1), async || {
        !fleet.http.accepts(fleet.at(0), &thief).await
    })
    .await;
    // Only one session ended, and the person can read it in the activity.
    fleet.http.renew(fleet.at(0), &other).await;
    let activity = fleet
        .http
        .call_as(&other, Method::GET, fleet.at(1), paths::ACTIVITY, None)
        .await
        .unwrap();
    let page: ActivityPage = serde_json::from_slice(&activity.body).unwrap();
    let reused: Vec<_> = page
        .events
        .iter()
        .filter(|event| event.kind == EventKind::RefreshTokenReused)
        .map(|event| event.session_id)
        .collect();
    assert_eq!(reused, [Some(stolen.session_id)]);
}

#[tokio::test]
async fn a_thief_who_hangs_up_does_not_stop_the_ending_of_the_session() {
    use crate::support::{Fault, FaultProxy};
    let fleet = Fleet::start(2).await;
    let stolen = fleet.sign_up("ada").await;
    let owner = fleet.http.renew(fleet.at(0), &stolen).await;
    fleet.let_pass(stolen.session_id, 31).await;
    let hangs_up = FaultProxy::with(vec![fleet.at(1)], vec![Fault::DropAnswer]).await;
    let token = &stolen.refresh_token;
    let key = new_key();
    let answer = fleet.http.try_refresh(hangs_up.address(), token, &key);
    assert!(answer.await.is_err());
    let next = fleet.http.refresh(fleet.at(0), &owner, &new_key()).await;
    next.is(Code::SessionEnded);
    assert_eq!(fleet.events("refresh_token_reused").await, 1);
}

#[tokio::test]
async fn bar_28_a_thief_with_the_pending_attempt_key_is_signed_out_when_the_browser_signs_out() {
    let fleet = Fleet::start(2).await;
    let copied = fleet.sign_up("ada").await;
    let pending = new_key();
    // Both send the same request, so both get the same successor.
    let thief = fleet
        .http
        .refresh(fleet.at(0), &copied, &pending)
        .await
        .tokens(200);
    let owner = fleet
        .http
        .refresh(fleet.at(1), &copied, &pending)
        .await
        .tokens(200);
    assert_eq!(thief.refresh_token, owner.refresh_token);
    // The thief sends the next request first. The browser gets a conflict …
    let ahead = fleet.http.renew(fleet.at(0), &thief).await;
    let conflict = fleet.http.refresh(fleet.at(1), &owner, &new_key()).await;
    conflict.is(Code::RefreshConflict);
    // … which becomes final, so the browser signs out with the token that it has.
    fleet.http.log_out(fleet.at(1), &owner).await;
    let next = fleet.http.refresh(fleet.at(0), &ahead, &new_key()).await;
    next.is(Code::SessionEnded);
}
