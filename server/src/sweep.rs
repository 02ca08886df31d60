//! Deletes rows that are not needed any more: expired and idle sessions, old endings, old
//! events.
//!
//! The sweep works in small batches that skip locked rows. So it can run on all instances
//! at the same time and never delays a request. No rule depends on it: the server refuses a
//! session that is over, whether its row is still there or not.
//!
//! Rows that an index finds cost time in proportion to their number. Idle sessions have no
//! index, because every rotation would have to write to it. So the sweep walks along the
//! primary key, a bounded number of steps in each round, and goes on in the next round
//! where it stopped.

use std::time::Duration;

use holdfast_protocol::wire::{EndReason, EventKind};
use uuid::Uuid;

use crate::endings;
use crate::error::{ApiError, timed_out};
use crate::limits::failures::FEW;
use crate::random;
use crate::state::Holdfast;
use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo};

/// How often the sweep runs.
const EVERY: Duration = Duration::from_secs(60);

/// How long one purge may take; what it has committed by then stays deleted.
const PATIENCE: Duration = Duration::from_secs(2 * 60);

/// The most rows that one transaction deletes.
const BATCH: i64 = 500;

/// How many sessions one step of the walk reads. This takes a few milliseconds.
const STEP: i64 = 2_000;

/// How many steps one round walks: 40,000 sessions a minute, so 10,000,000 sessions take
/// four hours.
const STEPS: usize = 20;

/// The sweep of one instance, and how far it has walked along the sessions.
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
    /// How many sessions were checked for idleness.
    pub looked_at: u64,
    /// Which purges could not be finished, with the reason.
    pub failed: Vec<(&'static str, ApiError)>,
}

/// Sweeps for ever.
pub async fn run(state: Holdfast) {
    let mut sweep = Sweep::from_anywhere(&state);
    loop {
        // The jitter keeps instances that were started together from sweeping together.
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

    /// A sweep that begins at a random place among the sessions. If instances restart before
    /// a walk ends, the later sessions are still reached.
    fn from_anywhere(state: &Holdfast) -> Self {
        let lifetime = state.config.refresh_token_ttl.as_secs().max(1);
        let age = u64::from_le_bytes(crate::random::bytes()) % lifetime;
        let opened = state.clock.now().saturating_sub(age);
        Self {
            // Ids are UUIDv7, so their order is the order in which sessions were opened.
            walked_to: uuid::Builder::from_unix_timestamp_millis(opened * 1000, &[0; 10])
                .into_uuid(),
            failures_walked_to: Vec::new(),
        }
    }

    /// Runs every purge once. If one fails, the others still run.
    pub async fn round(&mut self, state: &Holdfast) -> Round {
        let mut round = Round::default();
        round.add("expired sessions", within(expired_sessions(state)).await);
        round.add("endings", within(old_endings(state)).await);
        round.add("events", within(old_events(state)).await);
        round.add("reset links", within(old_reset_codes(state)).await);
        round.add("former usernames", within(old_usernames(state)).await);
        round.add("sign-in notices", within(old_notices(state)).await);
        round.add("revoked browsers", within(old_revocations(state)).await);
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

    /// Walks on along the failures in a row and deletes old ones.
    async fn walk_failures(&mut self, state: &Holdfast) -> Result<(), ApiError> {
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

    /// Walks on along the sessions and ends those that were idle for too long. Returns how
    /// many were read, and how many were ended.
    async fn walk(&mut self, state: &Holdfast) -> Result<(u64, u64), ApiError> {
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
                // This was the end of the table. The next round starts at the beginning.
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
        .unwrap_or_else(|_| Err(timed_out(PATIENCE)))
}

async fn expired_sessions(state: &Holdfast) -> Result<u64, ApiError> {
    let mut total = 0;
    loop {
        let ended = end(state, Over::Expired).await?;
        total += ended;
        if ended < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn old_reset_codes(state: &Holdfast) -> Result<u64, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::reset_codes::forget_old(&mut connection, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn old_usernames(state: &Holdfast) -> Result<u64, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::former_usernames::forget_old(&mut connection, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

/// A notice that nobody reads is kept as long as the activity.
async fn old_notices(state: &Holdfast) -> Result<u64, ApiError> {
    let kept = state.config.activity_kept.as_secs_f64();
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::sign_in_notices::forget_old(&mut connection, kept, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

/// A revoked browser is kept until each of its tokens has expired.
async fn old_revocations(state: &Holdfast) -> Result<u64, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut total = 0;
    loop {
        let deleted = store::revoked_browsers::forget_old(&mut connection, BATCH).await?;
        total += deleted;
        if deleted < BATCH.unsigned_abs() {
            return Ok(total);
        }
    }
}

async fn old_endings(state: &Holdfast) -> Result<u64, ApiError> {
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

async fn old_events(state: &Holdfast) -> Result<u64, ApiError> {
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

async fn events_of_deleted_accounts(state: &Holdfast) -> Result<u64, ApiError> {
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

/// Which sessions are over.
enum Over<'a> {
    /// Those that have expired; the index finds them.
    Expired,
    /// Those that were idle for too long when the walk read them.
    Idle(&'a [Uuid]),
}

/// Ends one batch. The access tokens of these sessions have expired as well, so the other
/// instances need no notification.
async fn end(state: &Holdfast, over: Over<'_>) -> Result<u64, ApiError> {
    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    let ended = match over {
        Over::Expired => store::sessions::delete_expired(&mut transaction, BATCH).await?,
        Over::Idle(ids) => store::sessions::delete_idle(&mut transaction, ids).await?,
    };
    // While the database is young, only an ending shows that such a session was in this
    // database.
    let young_until = endings::smallest_id_at(state.database.young_until());
    let young = ended.iter().map(|deleted| deleted.session_id);
    let young: Vec<_> = young
        .filter(|session_id| *session_id < young_until)
        .collect();
    store::session_ends::insert(&mut transaction, &young, EndReason::Expired).await?;
    for deleted in &ended {
        let event = NewEvent {
            event_id: random::id(&state.clock),
            account_id: deleted.account_id,
            session_id: Some(deleted.session_id),
            kind: EventKind::SessionEnded,
            client: &ClientInfo::default(),
            detail: Some(EndReason::Expired.as_str()),
            ended_user_agent: deleted.user_agent.as_deref(),
        };
        store::events::insert(&mut transaction, event).await?;
    }
    transaction.commit().await?;
    Ok(u64::try_from(ended.len()).unwrap_or(u64::MAX))
}
