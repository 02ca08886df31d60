//! Servers that die.

use std::time::Duration;

use crate::support::{Fleet, Instance, Load, NoAnswer, Random, generation, new_key, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_in_the_middle_of_a_refresh_has_rotated_and_the_repeat_finds_it() {
    let mut fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let key = new_key();
    // The update is under way, and waits for its row.
    let mut transaction = fleet.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(tokens.session_id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let (http, server) = (fleet.http.clone(), fleet.at(0));
    let (token, same_key) = (tokens.refresh_token.clone(), key.clone());
    let refresh = tokio::spawn(async move { http.try_refresh(server, &token, &same_key).await });
    fleet.until_waiting_for_locks(1).await;
    fleet.instances[0].kill();
    assert_eq!(refresh.await.unwrap().unwrap_err(), NoAnswer);
    transaction.commit().await.unwrap();
    // Postgres finishes the statement of a dead server.
    until("committed", Duration::from_secs(10), async || {
        fleet.row(tokens.session_id).await.unwrap().0 == 1
    })
    .await;

    let repeated = fleet
        .http
        .refresh(fleet.at(1), &tokens, &key)
        .await
        .tokens(200);
    assert_eq!(generation(&repeated), 1);
    assert_eq!(
        generation(&fleet.http.renew(fleet.at(1), &repeated).await),
        2
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_killed_again_and_again_under_load_signs_nobody_out() {
    let mut random = Random::seeded("killed server");
    let mut fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(40).await;
    let pause = Duration::from_millis(40);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    for _ in 0..4 {
        load.renews(100).await;
        let address = fleet.at(0);
        fleet.instances[0].kill();
        load.renews(100).await;
        fleet.instances[0] = Instance::start(&fleet.settings, Some(address)).await;
    }
    load.renews(100).await;
    let said = load.stop().await;
    println!("{said:?}");
    said.is_only(&["renewed", "no answer", "503 temporarily_unavailable"]);
    assert!(said.of("no answer") > 0);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}
