//! Transactions that need the same rows at the same moment. In each test, a third transaction
//! locks a row in the middle while two others lock as many rows as they can. If the two locked
//! the rows in two orders, they would deadlock, and Postgres would end one of them.

use holdfast_protocol::wire::EventKind;
use holdfast_server::random;
use holdfast_server::store::events::{self, NewEvent};
use holdfast_server::store::{ClientInfo, sessions};
use sqlx::{Postgres, Transaction};
use uuid::Uuid;

use crate::support::TestApp;

/// A transaction of the service, on a task of its own: `in_a_transaction!(app, |it| …)`.
macro_rules! in_a_transaction {
    ($app:expr, |$connection:ident| $work:expr) => {{
        let pool = $app.state.pool.clone();
        tokio::spawn(async move {
            let mut connection = pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            let $connection = &mut *transaction;
            let done = $work.await?;
            transaction.commit().await?;
            Ok::<_, sqlx::Error>(done)
        })
    }};
}

/// An account with its session of the sign-up, and twenty more, the oldest first.
async fn sessions_of_one_account(app: &TestApp) -> (Uuid, Vec<Uuid>) {
    let first = app.sign_up("ada").await;
    let mut ids = vec![first.session_id];
    for _ in 0..20 {
        ids.push(app.log_in("ada").await.session_id);
    }
    (first.account_id, ids)
}

/// Locks a session's row until the transaction ends.
async fn holding(app: &TestApp, session_id: Uuid) -> Transaction<'static, Postgres> {
    let mut transaction = app.pool().begin().await.unwrap();
    sqlx::query("select from sessions where session_id = $1 for update")
        .bind(session_id)
        .execute(&mut *transaction)
        .await
        .unwrap();
    transaction
}

#[tokio::test]
async fn two_endings_of_an_accounts_sessions_do_not_deadlock() {
    let app = TestApp::start().await;
    let (account_id, ids) = sessions_of_one_account(&app).await;
    // The first ending locks some sessions, and waits for the next.
    let blocker = holding(&app, ids[5]).await;
    let all = in_a_transaction!(app, |it| sessions::delete_all(it, account_id, None));
    app.until_waiting(1).await;
    // The other must not have locked a session that the first still needs.
    let beyond = in_a_transaction!(app, |it| sessions::delete_beyond(it, account_id, 1, 500));
    app.until_waiting(2).await;
    blocker.commit().await.unwrap();
    assert_eq!(all.await.unwrap().unwrap().len(), 21);
    assert_eq!(beyond.await.unwrap().unwrap().len(), 0);
}

#[tokio::test]
async fn the_endings_beyond_the_most_recent_sessions_do_not_deadlock_with_the_others() {
    let app = TestApp::start().await;
    let (account_id, ids) = sessions_of_one_account(&app).await;
    let newest = ids[20];
    let blocker = holding(&app, ids[5]).await;
    let all = in_a_transaction!(app, |it| sessions::delete_all(it, account_id, Some(newest)));
    app.until_waiting(1).await;
    let some = in_a_transaction!(app, |it| {
        sessions::delete_some_beyond(it, account_id, newest, 10)
    });
    app.until_waiting(2).await;
    blocker.commit().await.unwrap();
    assert_eq!(all.await.unwrap().unwrap().len(), 20);
    assert_eq!(some.await.unwrap().unwrap().len(), 0);
}

#[tokio::test]
async fn the_endings_after_a_leak_do_not_deadlock_with_a_persons() {
    let app = TestApp::start().await;
    let (account_id, ids) = sessions_of_one_account(&app).await;
    sqlx::query(
        "insert into secrets (fingerprint, state, forbidden_at)
         values ('\\x01', 'forbidden', now())",
    )
    .execute(app.pool())
    .await
    .unwrap();
    let blocker = holding(&app, ids[10]).await;
    let all = in_a_transaction!(app, |it| sessions::delete_all(it, account_id, None));
    app.until_waiting(1).await;
    let dead = in_a_transaction!(app, |it| {
        sessions::delete_of_forbidden_secrets(it, Uuid::nil(), 500)
    });
    app.until_waiting(2).await;
    blocker.commit().await.unwrap();
    assert_eq!(all.await.unwrap().unwrap().len(), 21);
    assert_eq!(dead.await.unwrap().unwrap().len(), 0);
}

#[tokio::test]
async fn two_instances_that_write_the_same_events_in_two_orders_do_not_deadlock() {
    let app = TestApp::start().await;
    let account_id = app.sign_up("ada").await.account_id;
    let ids: [Uuid; 3] = std::array::from_fn(|_| random::id(&app.state.clock));
    let insert = "insert into events (event_id, account_id, kind) values ($1, $2, 'sign_in')";
    let mut blocker = app.pool().begin().await.unwrap();
    sqlx::query(insert)
        .bind(ids[1])
        .bind(account_id)
        .execute(&mut *blocker)
        .await
        .unwrap();
    let write = |order: [usize; 3]| {
        in_a_transaction!(app, |it| async {
            let client = ClientInfo::default();
            let event = |n: usize| NewEvent {
                event_id: ids[n],
                account_id,
                session_id: None,
                kind: EventKind::RefreshRepeated,
                client: &client,
                detail: None,
                ended_user_agent: None,
            };
            events::insert_all(it, &order.map(event)).await
        })
    };
    let one = write([0, 1, 2]);
    app.until_waiting(1).await;
    let two = write([2, 1, 0]);
    app.until_waiting(2).await;
    blocker.commit().await.unwrap();
    one.await.unwrap().unwrap();
    two.await.unwrap().unwrap();
    assert_eq!(app.events("ada", 4).await.len(), 4);
}
