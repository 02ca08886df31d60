//! Deletes what time has made useless: expired sessions, old endings, old events.
//!
//! Small batches that skip locked rows, so that it can run on every instance at once
//! and never stands in a request's way. Nothing depends on it: a session that is over
//! is refused whether its row is still there or not.

use std::time::Duration;

use holdfast_protocol::wire::{EndReason, EventKind};

use crate::ended_sessions::EndedSessions;
use crate::http::ApiError;
use crate::sessions::note;
use crate::state::AppState;
use crate::store::{self, ClientInfo};

/// How often everything is looked through.
const EVERY: Duration = Duration::from_secs(60);

/// The most rows that one transaction deletes.
const BATCH: i64 = 500;

/// Sweeps for ever.
pub async fn run(state: AppState) {
    loop {
        // Instances that were started together do not sweep together.
        let jitter = u64::from(crate::random::bytes::<1>()[0]);
        tokio::time::sleep(EVERY + Duration::from_millis(jitter * 40)).await;
        match sweep(&state).await {
            Ok(0) => {}
            Ok(rows) => tracing::info!(rows, "Swept."),
            Err(error) => tracing::warn!(%error, "The sweep was broken off."),
        }
    }
}

/// Deletes everything that is over. Answers how many rows.
///
/// # Errors
/// While the database is away.
pub async fn sweep(state: &AppState) -> Result<u64, ApiError> {
    let mut total = 0;
    loop {
        let swept = expired_sessions(state).await?;
        total += swept;
        if swept < BATCH.unsigned_abs() {
            break;
        }
    }
    let ends_kept = EndedSessions::kept_for(state.config.access_token_ttl).as_secs_f64();
    let events_kept = state.config.activity_kept.as_secs_f64();
    let mut connection = state.pool.acquire().await?;
    loop {
        let ends = store::session_ends::forget_old(&mut connection, ends_kept, BATCH).await?;
        let events = store::events::forget_old(&mut connection, events_kept, BATCH).await?;
        total += ends + events;
        if ends.max(events) < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn expired_sessions(state: &AppState) -> Result<u64, ApiError> {
    let nobody = ClientInfo::default();
    let mut transaction = state.pool.begin().await?;
    let expired = store::sessions::delete_expired(&mut transaction, BATCH).await?;
    for (session_id, account_id) in &expired {
        let (kind, detail) = (EventKind::SessionEnded, Some(EndReason::Expired.as_str()));
        note(
            &state.clock,
            &mut transaction,
            *account_id,
            Some(*session_id),
            kind,
            &nobody,
            detail,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(u64::try_from(expired.len()).unwrap_or(u64::MAX))
}
