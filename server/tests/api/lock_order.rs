//! Endings of several sessions of one account, at the same moment.

use std::time::Duration;

use holdfast_server::store::sessions;

use crate::support::TestApp;

/// Waits until this many statements wait for somebody else's lock.
async fn until_waiting(app: &TestApp, count: i64) {
    for _ in 0..2000 {
        let waiting: i64 = sqlx::query_scalar(
            "select count(*) from pg_stat_activity
             where datname = current_database() and wait_event_type = 'Lock'",
        )
        .fetch_one(app.pool())
        .await
        .unwrap();
        if waiting == count {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("not {count} statements wait");
}

#[tokio::test]
async fn two_endings_of_an_accounts_sessions_do_not_wait_for_each_other() {
    let app = TestApp::start().await;
    let account_id = app.sign_up("ada").await.account_id;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(app.log_in("ada").await.session_id);
    }
    // The first ending gets the first session, and waits for the second.
    let mut blocker = app.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(ids[1])
        .execute(&mut *blocker)
        .await
        .unwrap();
    let pool = app.state.pool.clone();
    let all = tokio::spawn(async move {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let ended = sessions::delete_all(&mut transaction, account_id, None).await?;
        transaction.commit().await?;
        Ok::<_, sqlx::Error>(ended.len())
    });
    until_waiting(&app, 1).await;
    // The other must not have any session that the first still needs.
    let pool = app.state.pool.clone();
    let beyond = tokio::spawn(async move {
        let mut connection = pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let ended = sessions::delete_beyond(&mut transaction, account_id, 1).await?;
        transaction.commit().await?;
        Ok::<_, sqlx::Error>(ended.len())
    });
    until_waiting(&app, 2).await;
    blocker.commit().await.unwrap();
    assert_eq!(all.await.unwrap().unwrap(), 21);
    assert_eq!(beyond.await.unwrap().unwrap(), 0);
}
