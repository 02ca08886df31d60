//! The queries of `holdfast doctor`.

use holdfast_server::store::diagnosis;

use crate::support::TestApp;

#[tokio::test]
async fn a_transaction_that_stays_open_is_found_and_its_own_is_not() {
    let app = TestApp::start().await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let found = diagnosis::long_transactions(&mut connection, 0.0)
        .await
        .unwrap();
    assert!(found.is_empty(), "{found:?}");

    let mut open = app.pool().begin().await.unwrap();
    let pid: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *open)
        .await
        .unwrap();
    let found = diagnosis::long_transactions(&mut connection, 0.0)
        .await
        .unwrap();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].pid, Some(pid));
    let young = diagnosis::long_transactions(&mut connection, 3600.0)
        .await
        .unwrap();
    assert!(young.is_empty(), "{young:?}");
}

#[tokio::test]
async fn every_query_of_the_doctor_works() {
    let app = TestApp::start().await;
    let mut connection = app.state.pool.acquire().await.unwrap();
    let server = diagnosis::server(&mut connection).await.unwrap();
    assert!(!server.is_standby && server.most_connections > 0);
    diagnosis::costly_slots(&mut connection).await.unwrap();
    diagnosis::standbys_with_feedback(&mut connection)
        .await
        .unwrap();
    let updates = diagnosis::session_updates(&mut connection).await.unwrap();
    assert!(updates.is_some_and(|updates| updates.hot <= updates.all));
}
