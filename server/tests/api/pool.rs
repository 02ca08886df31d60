//! The connections to the database, and what is left on a connection when a request breaks off.

use futures::FutureExt as _;
use holdfast_server::store::{self, Layout};
use nix::sys::signal::{self, Signal};
use nix::unistd::Pid;

use crate::support::TestApp;

/// A process that is frozen until this is dropped.
struct Frozen(Pid);

impl Frozen {
    fn new(process: i32) -> Self {
        let process = Pid::from_raw(process);
        signal::kill(process, Signal::SIGSTOP).unwrap();
        Self(process)
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        let _ = signal::kill(self.0, Signal::SIGCONT);
    }
}

/// Otherwise the next request would run inside of that transaction. Its time would always be the
/// same, and its changes would not be committed.
#[tokio::test]
async fn a_request_that_breaks_off_while_its_transaction_begins_leaves_no_transaction_open() {
    let app = TestApp::start().await;
    // With one connection, the next caller gets the same one.
    let pool = store::pool(app.state.pool.options().clone(), &Layout::OnThePath, 1);
    let mut connection = pool.acquire().await.unwrap();
    let before: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    // The statement is sent when the future is polled for the first time. Its answer cannot be
    // there then, because Postgres is frozen.
    let frozen = Frozen::new(before);
    assert!(connection.begin().now_or_never().is_none());
    drop(frozen);
    drop(connection);

    let mut connection = pool.acquire().await.unwrap();
    let after: i32 = sqlx::query_scalar("select pg_backend_pid()")
        .fetch_one(&mut *connection)
        .await
        .unwrap();
    assert_eq!(before, after);
    let state: String = sqlx::query_scalar("select state from pg_stat_activity where pid = $1")
        .bind(after)
        .fetch_one(app.pool())
        .await
        .unwrap();
    assert_eq!(state, "idle");
    // A transaction begins and ends on this connection as on any other one.
    let transaction = connection.begin().await.unwrap();
    transaction.commit().await.unwrap();
    connection.release();
}
