//! A database that comes back without its last commits.

use std::time::Duration;

use holdfast_protocol::problem::Code;
use uuid::Uuid;

use crate::support::{
    Browser, Cluster, DatabaseLink, Fleet, Load, Random, Renewal, Settings, generation, new_key,
    until,
};

/// The columns that a rotation writes, at an earlier moment.
type Row = (i64, Vec<u8>, Vec<u8>, time::OffsetDateTime);

async fn remember_row(fleet: &Fleet, session_id: Uuid) -> Row {
    sqlx::query_as(
        "select generation, token_hash, attempt_keys, rotated_at
         from sessions
         where session_id = $1",
    )
    .bind(session_id)
    .fetch_one(fleet.pool())
    .await
    .unwrap()
}

async fn roll_back_to(fleet: &Fleet, session_id: Uuid, row: &Row) {
    sqlx::query(
        "update sessions
         set generation = $2, token_hash = $3, attempt_keys = $4, rotated_at = $5
         where session_id = $1",
    )
    .bind(session_id)
    .bind(row.0)
    .bind(&row.1)
    .bind(&row.2)
    .bind(row.3)
    .execute(fleet.pool())
    .await
    .unwrap();
}

#[tokio::test]
async fn bar_22_after_a_roll_back_of_one_to_three_generations_the_next_refresh_rotates_forward() {
    let fleet = Fleet::start(2).await;
    for (lost, browser) in (1..=3).zip(fleet.browsers(3).await) {
        assert_eq!(browser.renew(fleet.at(0)).await, Renewal::Renewed);
        let row = remember_row(&fleet, browser.session_id()).await;
        for n in 0..lost {
            assert_eq!(browser.renew(fleet.at(n)).await, Renewal::Renewed);
        }
        roll_back_to(&fleet, browser.session_id(), &row).await;
        for n in 0..20 {
            assert_eq!(browser.renew(fleet.at(n)).await, Renewal::Renewed);
        }
        assert_eq!(browser.generation(), 21 + u32::try_from(lost).unwrap());
    }
}

#[tokio::test]
async fn bar_22_a_lost_answer_to_a_lost_commit_is_repeated() {
    let fleet = Fleet::start(2).await;
    let tokens = fleet.sign_up("ada").await;
    let row = remember_row(&fleet, tokens.session_id).await;
    let key = new_key();
    let lost = fleet
        .http
        .refresh(fleet.at(0), &tokens, &key)
        .await
        .tokens(200);
    roll_back_to(&fleet, tokens.session_id, &row).await;
    let repeated = fleet
        .http
        .refresh(fleet.at(1), &tokens, &key)
        .await
        .tokens(200);
    assert_eq!(repeated.refresh_token, lost.refresh_token);
    assert_eq!(
        generation(&fleet.http.renew(fleet.at(0), &repeated).await),
        2
    );
}

/// Waits until the replica streams from the primary and has all its changes.
async fn until_streaming(primary: &Fleet) {
    until(
        "the replica has everything",
        Duration::from_secs(30),
        async || {
            let behind: Option<i64> = sqlx::query_scalar(
                "select (pg_current_wal_lsn() - replay_lsn)::bigint
             from pg_stat_replication
             where state = 'streaming'",
            )
            .fetch_optional(primary.pool())
            .await
            .unwrap();
            behind.is_some_and(|bytes| bytes < 1 << 20)
        },
    )
    .await;
}

/// How many rotations were answered to browsers and are not in the database.
async fn lost_commits(fleet: &Fleet, browsers: &[Browser]) -> (i64, i64) {
    let (mut lost, mut most) = (0, 0);
    for browser in browsers {
        let (row, _) = fleet.row(browser.session_id()).await.unwrap();
        let behind = (i64::from(browser.generation()) - row).max(0);
        lost += behind;
        most = most.max(behind);
    }
    (lost, most)
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_22_an_asynchronous_failover_signs_none_of_two_hundred_browsers_out() {
    let mut random = Random::seeded("failover");
    let primary = Cluster::start(&[]).await;
    let database = primary.create_database().await;
    let replication = DatabaseLink::to(&database).await;
    let replica = primary.replica(&replication.conninfo(&database)).await;
    let link = DatabaseLink::to(&database).await;
    let settings = Settings::on(link.url(&database));
    let mut fleet = Fleet::with(2, settings, database).await;
    let browsers = fleet.browsers(200).await;
    let signing_out = fleet.sign_up("ada").await;
    let pause = Duration::from_millis(150);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    load.renews(1000).await;
    until_streaming(&fleet).await;

    // The replica falls behind, and then the primary is gone.
    replication.cut();
    load.renews(800).await;
    fleet.http.log_out(fleet.at(0), &signing_out).await;
    until("heard of", Duration::from_secs(2), async || {
        !fleet.http.accepts(fleet.at(1), &signing_out).await
    })
    .await;
    link.cut();
    tokio::task::block_in_place(|| {
        primary.stop("immediate");
        replica.promote();
    });
    let database = replica.options("holdfast");
    fleet.look_into(database.clone());
    let (lost, most) = lost_commits(&fleet, &browsers).await;
    println!("lost commits: {lost}, of one session at most {most}");
    assert!(lost >= 400);
    link.point_to(&database);

    load.renews(1000).await;
    let said = load.stop().await;
    println!("{said:?}");
    said.is_only(&["renewed", "no answer", "503 temporarily_unavailable"]);
    fleet.assert_nobody_was_signed_out(&browsers).await;
    println!(
        "forward rotations: {}",
        fleet.events("refreshed_forward").await
    );
    assert!(fleet.events("refreshed_forward").await > 0);

    // A sign-out whose commit was lost still counts at the instance that remembers it.
    assert!(fleet.row(signing_out.session_id).await.is_some());
    let back = fleet
        .http
        .refresh(fleet.at(1), &signing_out, &new_key())
        .await;
    back.is(Code::SessionEnded);
    assert_eq!(fleet.row(signing_out.session_id).await, None);
}
