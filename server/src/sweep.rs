//! Deletes what time has made useless: expired sessions, old endings, old events.
//!
//! Small batches that skip locked rows, so that it can run on every instance at once
//! and never stands in a request's way. Nothing depends on it: a session that is over
//! is refused whether its row is still there or not.

use std::time::Duration;

use holdfast_protocol::wire::{EndReason, EventKind};

use crate::endings;
use crate::http::ApiError;
use crate::sessions::note;
use crate::state::AppState;
use crate::store::{self, ClientInfo};

/// How often what an index finds is looked for.
const EVERY: Duration = Duration::from_secs(60);

/// Every how many times the whole table is looked through for idle sessions.
const WHOLE_TABLE: u32 = 60;

/// How long a sweep may take; what it has committed by then stays swept.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// The most rows that one transaction deletes.
const BATCH: i64 = 500;

/// What is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sweep {
    /// What an index finds.
    Indexed,
    /// Idle sessions as well, which takes a look at every session.
    Everything,
}

/// Sweeps for ever.
pub async fn run(state: AppState) {
    for round in (0..WHOLE_TABLE).cycle() {
        // Instances that were started together do not sweep together.
        let jitter = u64::from(crate::random::bytes::<1>()[0]);
        tokio::time::sleep(EVERY + Duration::from_millis(jitter * 40)).await;
        let what = if round == 0 {
            Sweep::Everything
        } else {
            Sweep::Indexed
        };
        match tokio::time::timeout(PATIENCE, sweep(&state, what)).await {
            Ok(Ok(0)) => {}
            Ok(Ok(rows)) => tracing::info!(rows, "Swept."),
            Ok(Err(error)) => tracing::warn!(%error, "The sweep was broken off."),
            Err(_) => tracing::warn!("The sweep took too long, and goes on next time."),
        }
        state.pool.close_idle().await;
    }
}

/// Deletes what is over. Answers how many rows.
///
/// # Errors
/// While the database is away.
pub async fn sweep(state: &AppState, what: Sweep) -> Result<u64, ApiError> {
    let mut total = 0;
    loop {
        let swept = sessions(state, what).await?;
        total += swept;
        if swept == 0 {
            break;
        }
    }
    let ends_kept = endings::KEPT.as_secs_f64();
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

/// One batch of sessions. Their access tokens are over as well, so no instance has
/// to hear of it.
async fn sessions(state: &AppState, what: Sweep) -> Result<u64, ApiError> {
    let nobody = ClientInfo::default();
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let mut over = store::sessions::delete_expired(&mut transaction, BATCH).await?;
    if what == Sweep::Everything && over.is_empty() {
        over = store::sessions::delete_idle(&mut transaction, BATCH).await?;
    }
    let (kind, detail) = (EventKind::SessionEnded, Some(EndReason::Expired.as_str()));
    for (session_id, account_id) in &over {
        let (account_id, session_id) = (*account_id, Some(*session_id));
        note(
            &state.clock,
            &mut transaction,
            account_id,
            session_id,
            kind,
            &nobody,
            detail,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(u64::try_from(over.len()).unwrap_or(u64::MAX))
}
