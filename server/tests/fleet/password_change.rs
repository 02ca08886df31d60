//! A sign-in with the old password during a change of the password.

use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::{KNOWN_BROWSER_HEADER, paths};
use serde_json::json;

use crate::support::{Fleet, PASSWORD, new_key};

const ANOTHER: &str = "seven lanterns above the harbour";

#[tokio::test(flavor = "multi_thread")]
async fn bar_30_a_sign_in_that_has_verified_the_old_password_gets_no_session() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    // Both have to wait for the account's row, first the change and then the sign-in.
    let mut transaction = fleet.pool().begin().await.unwrap();
    sqlx::query("select from accounts for update")
        .execute(&mut *transaction)
        .await
        .unwrap();
    let (http, server, old) = (fleet.http.clone(), fleet.at(0), tokens.clone());
    let change = tokio::spawn(async move { http.change_password(server, &old, ANOTHER).await });
    fleet.until_waiting_for_locks(1).await;
    let (http, server) = (fleet.http.clone(), fleet.at(1));
    let sign_in = tokio::spawn(async move { http.log_in(server, "ada", PASSWORD).await });
    fleet.until_waiting_for_locks(2).await;
    transaction.commit().await.unwrap();

    let new = change.await.unwrap().tokens(200);
    // If the sign-in came after the change, it is refused. If it came before, its session was
    // ended.
    let sign_in = sign_in.await.unwrap();
    if sign_in.status == 200 {
        let old = sign_in.tokens(200);
        let renewal = fleet.http.refresh(fleet.at(0), &old, &new_key()).await;
        renewal.is(Code::SessionEnded);
    } else {
        sign_in.is(Code::InvalidCredentials);
    }
    let sessions: Vec<uuid::Uuid> = sqlx::query_scalar("select session_id from sessions")
        .fetch_all(fleet.pool())
        .await
        .unwrap();
    assert_eq!(sessions, [new.session_id]);
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_30_no_session_of_a_sign_in_during_a_password_change_outlives_it() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    // These are known browsers, because strangers would have to wait for each other.
    let mut known = Vec::new();
    for _ in 0..16 {
        known.extend(fleet.log_in("ada").await.known_browser);
    }
    let sign_ins = known.iter().enumerate().map(async |(n, known)| {
        let body = json!({"username": "ada", "password": PASSWORD});
        let headers = [(KNOWN_BROWSER_HEADER, known.expose())];
        // Two attempts of one account may be under way at each server. The others try again, and
        // so do those for which a busy server has no place.
        for _ in 0..20 {
            let sent = fleet
                .http
                .post_with(fleet.at(n), paths::LOGIN, &headers, &body);
            let answer = sent.await.unwrap();
            match answer.code() {
                Some(Code::TooManyAttempts | Code::TemporarilyUnavailable) => {}
                _ => return Some(answer),
            }
        }
        None
    });
    let (changed, answers) = tokio::join!(
        fleet.http.change_password(fleet.at(0), &tokens, ANOTHER),
        futures::future::join_all(sign_ins)
    );
    let new = changed.tokens(200);
    let answered = answers.iter().flatten();
    assert!(answered.clone().count() > 2, "there were no sign-ins");
    for (n, answer) in answered.enumerate() {
        if answer.status == 200 {
            let old = answer.tokens(200);
            let renewal = fleet.http.refresh(fleet.at(n + 1), &old, &new_key()).await;
            renewal.is(Code::SessionEnded);
        } else {
            answer.is(Code::InvalidCredentials);
        }
    }
    fleet.http.renew(fleet.at(1), &new).await;
}
