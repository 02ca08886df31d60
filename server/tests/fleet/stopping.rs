//! Servers that are told to stop.

use std::time::Duration;

use crate::support::{Fleet, Instance, Renewal, Settings, generation, new_key, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_server_is_not_ready_for_some_time_before_it_closes_its_listener() {
    let mut fleet = Fleet::start_told(1, vec![("HOLDFAST_SHUTDOWN_DELAY", "10m".to_owned())]).await;
    let server = fleet.at(0);
    let browser = fleet.browsers(1).await.remove(0);
    fleet.instances[0].tell_to_stop();
    until("not ready", Duration::from_secs(10), async || {
        fleet.http.get(server, "/readyz").await.unwrap().status == 503
    })
    .await;
    // The server answers requests that a balancer still sends on new connections.
    assert_eq!(browser.renew(server).await, Renewal::Renewed);
    // A second signal ends the delay.
    fleet.instances[0].stop().await;
    assert!(fleet.http.get(server, "/healthz").await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_finishes_the_refresh_that_is_under_way() {
    let mut fleet = Fleet::start(1).await;
    let tokens = fleet.sign_up("ada").await;
    // The update waits for its row.
    let mut transaction = fleet.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(tokens.session_id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    let (http, server) = (fleet.http.clone(), fleet.at(0));
    let refresh = tokio::spawn(async move { http.refresh(server, &tokens, &new_key()).await });
    fleet.until_waiting_for_locks(1).await;
    fleet.instances[0].tell_to_stop();
    until("closed", Duration::from_secs(10), async || {
        fleet.http.get(server, "/healthz").await.is_err()
    })
    .await;
    transaction.commit().await.unwrap();
    assert_eq!(generation(&refresh.await.unwrap().tokens(200)), 1);
    fleet.instances[0].stop().await;
    assert!(!fleet.instances[0].log().contains("did not finish in time"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_holds_its_connection_does_not_keep_a_server_from_stopping() {
    let mut fleet = Fleet::start(1).await;
    let server = fleet.at(0);
    let held = tokio::net::TcpStream::connect(server).await.unwrap();
    // After the answer to another call, this connection was accepted, too.
    fleet.http.get(server, "/healthz").await.unwrap();
    fleet.instances[0].stop().await;
    assert!(!fleet.instances[0].log().contains("did not finish in time"));
    drop(held);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_stops_with_its_private_postgres_logs_no_warning() {
    let number = u64::from_le_bytes(holdfast_server::random::bytes());
    let directory = std::env::temp_dir().join(format!("holdfast-stopping-{number:016x}"));
    let settings = Settings {
        more: vec![
            ("HOLDFAST_PRIVATE_POSTGRES", "true".to_owned()),
            ("HOLDFAST_DATA_DIR", directory.display().to_string()),
        ],
        ..Settings::on(String::new())
    };
    let mut instance = Instance::start(&settings, None).await;
    instance.stop().await;
    let log = instance.log();
    let (_, stopping) = log.split_once("Stopping").unwrap();
    assert!(!stopping.contains("WARN"), "{stopping}");
    std::fs::remove_dir_all(&directory).unwrap();
}
