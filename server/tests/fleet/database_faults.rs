//! Databases that crash, stop, and cut connections.

use std::time::Duration;

use axum::http::Method;
use futures::future::join;
use holdfast_protocol::problem::Code;
use holdfast_protocol::wire::paths;

use holdfast_server::config::MasterSecret;
use tokio::net::TcpListener;

use crate::support::{Cluster, Fleet, Load, Random, new_key, until};

/// The answers that a browser may get while the database has a fault.
const PASSING: [&str; 2] = ["renewed", "503 temporarily_unavailable"];

#[tokio::test(flavor = "multi_thread")]
async fn terminated_backends_under_load_sign_nobody_out() {
    let mut random = Random::seeded("terminated backends");
    let fleet = Fleet::start(2).await;
    let browsers = fleet.browsers(40).await;
    let pause = Duration::from_millis(20);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    for _ in 0..10 {
        load.renews(100).await;
        let terminated: Vec<bool> = sqlx::query_scalar(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where datname = current_database() and application_name = 'holdfast'",
        )
        .fetch_all(fleet.pool())
        .await
        .unwrap();
        assert!(!terminated.is_empty());
    }
    load.renews(200).await;
    let said = load.stop().await;
    println!("{said:?}");
    said.is_only(&PASSING);
    fleet.assert_nobody_was_signed_out(&browsers).await;
    an_ending_is_heard_everywhere(&fleet).await;
}

async fn crash_under_load(settings: &[&str], told: &[(&'static str, &str)]) -> i64 {
    let mut random = Random::seeded("crashed database");
    let cluster = Cluster::start(settings).await;
    let fleet = Fleet::start_told_on(2, told, &cluster).await;
    let browsers = fleet.browsers(40).await;
    let pause = Duration::from_millis(20);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    for _ in 0..3 {
        load.renews(400).await;
        tokio::task::block_in_place(|| cluster.restart_immediately());
    }
    load.renews(200).await;
    let said = load.stop().await;
    until(
        "the database answers",
        Duration::from_secs(10),
        async || sqlx::query("select 1").execute(fleet.pool()).await.is_ok(),
    )
    .await;
    let forward = fleet.events("refreshed_forward").await;
    println!("{settings:?}: {said:?}, forward rotations: {forward}");
    said.is_only(&PASSING);
    fleet.assert_nobody_was_signed_out(&browsers).await;
    an_ending_is_heard_everywhere(&fleet).await;
    forward
}

#[tokio::test(flavor = "multi_thread")]
async fn an_immediate_restart_of_the_database_under_load_signs_nobody_out() {
    crash_under_load(&[], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_that_loses_asynchronous_rotations_signs_nobody_out() {
    let written_late = ["wal_writer_delay=10s"];
    let asynchronous = [("HOLDFAST_ROTATION_COMMIT", "asynchronous")];
    let forward = crash_under_load(&written_late, &asynchronous).await;
    // Otherwise nothing was lost, and the test has shown nothing.
    assert!(forward > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ending_beside_asynchronous_rotations_outlives_a_crash() {
    let cluster = Cluster::start(&["wal_writer_delay=10s"]).await;
    let asynchronous = [("HOLDFAST_ROTATION_COMMIT", "asynchronous")];
    let fleet = Fleet::start_told_on(1, &asynchronous, &cluster).await;
    let stays = fleet.sign_up("ada").await;
    let leaves = fleet.log_in("ada").await;
    let stays = fleet.http.renew(fleet.at(0), &stays).await;
    let leaves = fleet.http.renew(fleet.at(0), &leaves).await;
    assert_eq!(fleet.http.log_out(fleet.at(0), &leaves).await.status, 204);
    tokio::task::block_in_place(|| cluster.restart_immediately());
    until(
        "the database answers",
        Duration::from_secs(10),
        async || sqlx::query("select 1").execute(fleet.pool()).await.is_ok(),
    )
    .await;
    assert!(fleet.row(leaves.session_id).await.is_none());
    assert!(fleet.row(stays.session_id).await.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn bar_22_a_crash_that_loses_the_last_commits_signs_nobody_out() {
    // Commits are answered before they are on the disk, and a crash loses the last of them.
    let forward = crash_under_load(&["synchronous_commit=off", "wal_writer_delay=10s"], &[]).await;
    // Otherwise no commit was lost, and the test has shown nothing.
    assert!(forward > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn while_the_database_is_stopped_refreshes_wait_and_access_tokens_stay_valid() {
    let cluster = Cluster::start(&[]).await;
    let fleet = Fleet::start_on(2, &cluster).await;
    let tokens = fleet.sign_up("ada").await;
    let key = new_key();
    let account = async |server| {
        let call = fleet
            .http
            .call_as(&tokens, Method::GET, server, paths::ACCOUNT, None);
        call.await.unwrap().status
    };
    for server in fleet.addresses() {
        assert_eq!(account(server).await, 200);
    }
    tokio::task::block_in_place(|| cluster.stop("fast"));
    for server in fleet.addresses() {
        for _ in 0..3 {
            let answer = fleet.http.refresh(server, &tokens, &key).await;
            answer.is(Code::TemporarilyUnavailable);
            assert_eq!(answer.header("retry-after"), "2");
            assert!(fleet.http.accepts(server, &tokens).await);
            assert_eq!(account(server).await, 200);
        }
        // Every server has the same problem, so none leaves the balancer.
        for path in ["/readyz", "/healthz"] {
            assert_eq!(fleet.http.get(server, path).await.unwrap().status, 200);
        }
    }
    tokio::task::block_in_place(|| cluster.run_again());
    // The servers recover by themselves.
    for server in fleet.addresses() {
        until("ready again", Duration::from_secs(10), async || {
            fleet.http.get(server, "/readyz").await.unwrap().status == 200
        })
        .await;
        fleet.http.refresh(server, &tokens, &key).await.tokens(200);
    }
    an_ending_is_heard_everywhere(&fleet).await;
}

/// Waits until the servers learn of endings again. (The first ending may take until the
/// listener has noticed that its connection is gone.)
async fn an_ending_is_heard_everywhere(fleet: &Fleet) {
    let tokens = fleet.sign_up("eve").await;
    assert!(fleet.http.accepts(fleet.at(1), &tokens).await);
    assert_eq!(fleet.http.log_out(fleet.at(0), &tokens).await.status, 204);
    until("heard of", Duration::from_secs(10), async || {
        !fleet.http.accepts(fleet.at(1), &tokens).await
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_vanish_without_a_close_are_given_up_and_refreshes_go_on() {
    let mut random = Random::seeded("black hole");
    let (fleet, link) = Fleet::start_behind_link(1).await;
    let browsers = fleet.browsers(20).await;
    let pause = Duration::from_millis(20);
    let load = Load::start(&browsers, &fleet.addresses(), pause, &mut random);
    // Every connection of the pool is open, and then no bytes get through.
    load.renews(400).await;
    link.lose_connections_silently();
    load.renews(400).await;
    println!("{:?}", load.stop().await);
    fleet.assert_nobody_was_signed_out(&browsers).await;
}

/// For example, a balancer without a member does this, or a machine whose disk is frozen.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_accepts_a_connection_and_never_answers_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("postgres://ada@{}/ada", listener.local_addr().unwrap());
    let silent = tokio::spawn(async move {
        let mut kept = Vec::new();
        loop {
            kept.push(listener.accept().await);
        }
    });
    let secret = MasterSecret::generate().encode().to_string();
    let variables = [
        ("DATABASE_URL", url.as_str()),
        ("HOLDFAST_SECRET", secret.as_str()),
        ("HOLDFAST_LISTEN", "127.0.0.1:0"),
        ("HOLDFAST_ISSUER", "https://id.example"),
    ];
    let serve = Fleet::run_command(&["serve"], &variables);
    let doctor = Fleet::run_command(&["doctor"], &variables);
    let (served, doctor) = join(serve, doctor).await;
    silent.abort();
    assert!(!served.success && !doctor.success);
    // The server has tried more than once.
    assert!(served.said.contains("trying again"), "{}", served.said);
    let sentence = "The tables could not be brought up to date";
    assert!(served.said.contains(sentence), "{}", served.said);
    let sentence = "the database cannot be reached";
    assert!(doctor.said.contains(sentence), "{}", doctor.said);
}
