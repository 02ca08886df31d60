//! Tells the other instances of endings and learns of theirs, by `NOTIFY` on a connection
//! of its own. A notification is sent after the commit, in a statement of its own. Inside the
//! ending's transaction it would hold a lock of the whole database during the commit, so
//! endings could only be written one after the other.

use std::time::Duration;

use holdfast_protocol::wire::EndReason;
use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use uuid::Uuid;

use super::{EndedSessions, Ending};
use crate::store::{Pool, is_broken, session_ends};

/// How long connecting may take, and how long a statement may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long to wait before connecting again.
const PAUSE: Duration = Duration::from_secs(1);

/// How long a connection is used. If the address leads to another server by then, the new
/// connection goes there, although the old server still runs. If a notification is missed
/// meanwhile, the reader finds the ending in the table within a second.
const RENEWED_EVERY: Duration = Duration::from_secs(60);

/// How many notifications one statement sends.
const BATCH: usize = 500;

/// Listens for ever. It replaces a connection that was lost, and one that is too old.
pub async fn run(pool: Pool, ended: EndedSessions) {
    let mut was_told = false;
    loop {
        let mut listening = false;
        let Err(error) = listen(pool.options(), &ended, &mut listening).await else {
            was_told = false;
            continue;
        };
        // The event that cut this connection may have cut the others. A connection that was
        // not made, or that is slow, says nothing about the others.
        if listening && error.downcast_ref().is_some_and(is_broken) {
            pool.doubt();
        }
        // This is logged once, not every second, because it does not change.
        if !std::mem::replace(&mut was_told, true) || listening {
            tracing::warn!(%error, "Notifications of ended sessions cannot be received; trying again every second.");
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// Listens until the connection is to be renewed.
async fn listen(
    options: &PgConnectOptions,
    ended: &EndedSessions,
    listening: &mut bool,
) -> anyhow::Result<()> {
    // A pool of one connection, which is dropped with the listener.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone());
    let mut listener = tokio::time::timeout(PATIENCE, PgListener::connect_with(&pool)).await??;
    // A silent reconnect would hide that notifications were missed.
    listener.eager_reconnect(false);
    let _closed = Closed(pool);
    tokio::time::timeout(PATIENCE, listener.listen(session_ends::CHANNEL)).await??;
    *listening = true;
    let renewal = tokio::time::sleep(RENEWED_EVERY);
    tokio::pin!(renewal);
    loop {
        tokio::select! {
            () = &mut renewal => return Ok(()),
            notification = listener.try_recv() => {
                let Some(notification) = notification? else {
                    let closed = std::io::ErrorKind::ConnectionAborted;
                    return Err(sqlx::Error::Io(closed.into()).into());
                };
                ended.learn(read(notification.payload()));
            }
            news = ended.news(BATCH) => {
                tokio::time::timeout(PATIENCE, tell(&mut listener, &news)).await??;
            }
        }
    }
}

/// Marks a pool as closed when listening ends, before the listener is dropped. Otherwise the
/// pool would ask the connection whether it still works. When the server stops, its private
/// Postgres may stop at the same time, and the log would have a warning about nothing.
struct Closed(PgPool);

impl Drop for Closed {
    fn drop(&mut self) {
        // The call marks the pool. Only the rest is done by the future.
        drop(self.0.close());
    }
}

/// Reads `<session id> <reason>`. An earlier release sends the id alone.
fn read(payload: &str) -> Option<Ending> {
    let (session_id, reason) = payload.split_once(' ').unwrap_or((payload, ""));
    Some(Ending {
        session_id: Uuid::parse_str(session_id).ok()?,
        reason: EndReason::read(reason),
        age: Duration::ZERO,
    })
}

async fn tell(listener: &mut PgListener, news: &[(Uuid, EndReason)]) -> sqlx::Result<()> {
    use sqlx::Acquire as _;
    let connection = listener.acquire().await?;
    session_ends::notify(connection, news).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_of_this_release_and_of_the_one_before_is_understood() {
        let id = Uuid::from_u128(7);
        let told = read(&session_ends::payload(id, EndReason::Reuse)).unwrap();
        assert_eq!((told.session_id, told.reason), (id, EndReason::Reuse));
        let told = read(&id.to_string()).unwrap();
        assert_eq!((told.session_id, told.reason), (id, EndReason::Unknown));
        assert_eq!(read("nonsense"), None);
    }
}
