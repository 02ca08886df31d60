//! Keeps [`EndedSessions`] up to date: the notification is the speed, the read of
//! `session_ends` every second is the truth.

use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::ended_sessions::EndedSessions;
use crate::store::{Pool, session_ends};

/// How often the table is read.
const EVERY: Duration = Duration::from_secs(1);

/// How long a read may take before the connection counts as dead.
const PATIENCE: Duration = Duration::from_secs(5);

/// By how much reads overlap: an ending is dated when it is written and becomes
/// visible when it commits, at most a statement's time limit later.
const OVERLAP: Duration = Duration::from_secs(60);

/// Listens and reads for ever; a lost connection is made anew.
pub async fn run(pool: Pool, ended: EndedSessions, kept: Duration) {
    let mut read_at = None;
    let mut was_told = false;
    loop {
        let before = read_at;
        let error = match listen(pool.options(), &ended, kept, &mut read_at).await {
            Err(error) => error,
            Ok(never) => match never {},
        };
        // Whatever cut this connection may have cut the others.
        pool.doubt();
        // Once, not every second: a database that is away says nothing new.
        if !std::mem::replace(&mut was_told, true) || read_at != before {
            tracing::warn!(%error, "Lost touch with the ended sessions; trying again every second.");
        }
        tokio::time::sleep(EVERY).await;
    }
}

async fn listen(
    options: &PgConnectOptions,
    ended: &EndedSessions,
    kept: Duration,
    read_at: &mut Option<OffsetDateTime>,
) -> anyhow::Result<std::convert::Infallible> {
    // One that is dropped with the listener, so that nobody waits for a connection that
    // leads nowhere.
    let pool = PgPoolOptions::new()
        .max_connections(1)
        .acquire_timeout(PATIENCE)
        .connect_lazy_with(options.clone());
    let mut listener = tokio::time::timeout(PATIENCE, PgListener::connect_with(&pool)).await??;
    // A silent reconnect would hide that notifications were missed.
    listener.eager_reconnect(false);
    tokio::time::timeout(PATIENCE, listener.listen(session_ends::CHANNEL)).await??;
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            notification = listener.try_recv() => {
                let Some(notification) = notification? else {
                    anyhow::bail!("the connection was closed");
                };
                if let Ok(session_id) = Uuid::parse_str(notification.payload()) {
                    ended.extend([session_id]);
                }
            }
            _ = ticks.tick() => {
                let since = read_at.map(|read_at| read_at - OVERLAP);
                let read = read(&mut listener, since, kept);
                let endings = tokio::time::timeout(PATIENCE, read).await??;
                ended.extend(endings.session_ids);
                ended.forget_old();
                if !ended.is_ready() {
                    ended.set_ready();
                    tracing::info!(sessions = ended.len(), "Know the ended sessions.");
                }
                *read_at = Some(endings.read_at);
            }
        }
    }
}

async fn read(
    listener: &mut PgListener,
    since: Option<OffsetDateTime>,
    kept: Duration,
) -> sqlx::Result<session_ends::Endings> {
    use sqlx::Acquire as _;
    let connection = listener.acquire().await?;
    session_ends::read(connection, since, kept.as_secs_f64()).await
}
