//! Deletes what time has made useless: expired and idle sessions, old endings, old
//! events.
//!
//! Small batches that skip locked rows, so that it can run on every instance at once
//! and never stands in a request's way. Nothing depends on it: a session that is over
//! is refused whether its row is still there or not.
//!
//! What an index finds costs in proportion to what is deleted. Idle sessions have no
//! index, because it would make every rotation write to it. So the sweep walks along
//! the primary key in steps, a bounded number a round, and goes on in the next round
//! where it stopped.

use std::time::Duration;

use holdfast_protocol::wire::{EndReason, EventKind};
use uuid::Uuid;

use crate::endings;
use crate::http::ApiError;
use crate::limits::failures::FEW;
use crate::sessions::note;
use crate::state::AppState;
use crate::store::{self, ClientInfo};

/// How often the sweep runs.
const EVERY: Duration = Duration::from_secs(60);

/// How long one purge may take; what it has committed by then stays deleted.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// The most rows that one transaction deletes.
const BATCH: i64 = 500;

/// How many sessions one step of the walk looks at: a few milliseconds.
const STEP: i64 = 2_000;

/// How many steps one round walks: 40,000 sessions a minute, so that 10,000,000 are
/// looked at in four hours.
const STEPS: usize = 20;

/// The sweep of one instance, and where its walk along the sessions stands.
#[derive(Debug)]
pub struct Sweep {
    walked_to: Uuid,
    failures_walked_to: Vec<u8>,
}

/// What one round did.
#[derive(Debug, Default)]
pub struct Round {
    /// How many rows were deleted.
    pub deleted: u64,
    /// How many sessions were looked at for idleness.
    pub looked_at: u64,
    /// Which purges could not be finished, with the reason.
    pub failed: Vec<(&'static str, ApiError)>,
}

/// Sweeps for ever.
pub async fn run(state: AppState) {
    let mut sweep = Sweep::from_anywhere(&state);
    loop {
        // Instances that were started together do not sweep together.
        let jitter = u64::from(crate::random::bytes::<1>()[0]);
        tokio::time::sleep(EVERY + Duration::from_millis(jitter * 40)).await;
        let round = sweep.round(&state).await;
        for (purge, error) in &round.failed {
            tracing::warn!(sweep.purge = purge, %error, "A purge was broken off and goes on in the next round.");
        }
        if round.deleted > 0 {
            tracing::info!(
                sweep.deleted = round.deleted,
                sweep.looked_at = round.looked_at,
                "Swept."
            );
        }
        state.pool.close_idle().await;
    }
}

impl Sweep {
    /// A sweep that begins with the oldest session.
    pub fn from_the_beginning() -> Self {
        Self {
            walked_to: Uuid::nil(),
            failures_walked_to: Vec::new(),
        }
    }

    /// A sweep that begins somewhere among the sessions: where instances restart more
    /// often than a walk takes, the later sessions have their turn, too.
    fn from_anywhere(state: &AppState) -> Self {
        let lifetime = state.config.refresh_token_ttl.as_secs().max(1);
        let age = u64::from_le_bytes(crate::random::bytes()) % lifetime;
        let opened = state.clock.now().saturating_sub(age);
        Self {
            // Ids are UUIDv7, so they lie in the order in which sessions were opened.
            walked_to: uuid::Builder::from_unix_timestamp_millis(opened * 1000, &[0; 10])
                .into_uuid(),
            failures_walked_to: Vec::new(),
        }
    }

    /// Deletes what is over. A purge that fails does not keep the others from running.
    pub async fn round(&mut self, state: &AppState) -> Round {
        let mut round = Round::default();
        round.add("expired sessions", within(expired_sessions(state)).await);
        round.add("endings", within(old_endings(state)).await);
        round.add("events", within(old_events(state)).await);
        let of_deleted = events_of_deleted_accounts(state);
        round.add("events of deleted accounts", within(of_deleted).await);
        match within(self.walk(state)).await {
            Ok((looked_at, deleted)) => {
                round.looked_at = looked_at;
                round.deleted += deleted;
            }
            Err(error) => round.failed.push(("idle sessions", error)),
        }
        if let Err(error) = within(self.walk_failures(state)).await {
            round.failed.push(("failed sign-ins", error));
        }
        round
    }

    /// Walks on along the failures in a row and forgets those that are old.
    async fn walk_failures(&mut self, state: &AppState) -> Result<(), ApiError> {
        let few = i64::try_from(FEW).unwrap_or(i64::MAX);
        for _ in 0..STEPS {
            let mut connection = state.pool.acquire().await?;
            let from = &self.failures_walked_to;
            let step =
                store::sign_in_failures::forget_old(&mut connection, from, few, STEP).await?;
            connection.release();
            let Some(walked_to) = step else {
                self.failures_walked_to.clear();
                break;
            };
            self.failures_walked_to = walked_to;
        }
        Ok(())
    }

    /// Walks on along the sessions and ends those that were idle for too long. Answers
    /// how many were looked at, and how many ended.
    async fn walk(&mut self, state: &AppState) -> Result<(u64, u64), ApiError> {
        let (mut looked_at, mut ended) = (0, 0);
        for _ in 0..STEPS {
            let mut connection = state.pool.acquire().await?;
            let step = store::sessions::step(&mut connection, self.walked_to, STEP).await?;
            connection.release();
            looked_at += u64::try_from(step.looked_at).unwrap_or(0);
            for idle in step.idle.chunks(usize::try_from(BATCH).unwrap_or(1)) {
                ended += end(state, Over::Idle(idle)).await?;
            }
            if step.looked_at < STEP {
                // The end of the table. The next round begins at its beginning.
                self.walked_to = Uuid::nil();
                break;
            }
            self.walked_to = step.last;
        }
        Ok((looked_at, ended))
    }
}

impl Round {
    fn add(&mut self, purge: &'static str, deleted: Result<u64, ApiError>) {
        match deleted {
            Ok(deleted) => self.deleted += deleted,
            Err(error) => self.failed.push((purge, error)),
        }
    }
}

async fn within<T>(purge: impl Future<Output = Result<T, ApiError>>) -> Result<T, ApiError> {
    tokio::time::timeout(PATIENCE, purge)
        .await
        .unwrap_or_else(|_| Err(crate::http::timed_out(PATIENCE)))
}

async fn expired_sessions(state: &AppState) -> Result<u64, ApiError> {
    let mut total = 0;
    loop {
        let ended = end(state, Over::Expired).await?;
        total += ended;
        if ended < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn old_endings(state: &AppState) -> Result<u64, ApiError> {
    let kept = endings::retention(&state.database);
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::session_ends::forget_old(&mut connection, kept, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn old_events(state: &AppState) -> Result<u64, ApiError> {
    let kept = state.config.activity_kept.as_secs_f64();
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::events::forget_old(&mut connection, kept, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn events_of_deleted_accounts(state: &AppState) -> Result<u64, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::events::forget_deleted_accounts(&mut connection, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

/// Sessions that are over.
enum Over<'a> {
    /// Past their end; the index finds them.
    Expired,
    /// Idle for too long when the walk came by.
    Idle(&'a [Uuid]),
}

/// Ends one batch. The access tokens of these sessions are over as well, so no instance
/// has to hear of it.
async fn end(state: &AppState, over: Over<'_>) -> Result<u64, ApiError> {
    let nobody = ClientInfo::default();
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let ended = match over {
        Over::Expired => store::sessions::delete_expired(&mut transaction, BATCH).await?,
        Over::Idle(ids) => store::sessions::delete_idle(&mut transaction, ids).await?,
    };
    // While the database is young, only an ending tells that such a session was here.
    let young_until = endings::smallest_id_at(state.database.young_until());
    let young = ended.iter().map(|deleted| deleted.session_id);
    let young: Vec<_> = young
        .filter(|session_id| *session_id < young_until)
        .collect();
    store::session_ends::insert(&mut transaction, &young, EndReason::Expired).await?;
    let (kind, detail) = (EventKind::SessionEnded, Some(EndReason::Expired.as_str()));
    for deleted in &ended {
        note(
            &state.clock,
            &mut transaction,
            deleted.account_id,
            Some(deleted.session_id),
            kind,
            &nobody,
            detail,
        )
        .await?;
    }
    transaction.commit().await?;
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}
