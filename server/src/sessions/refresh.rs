//! Refreshing a session: the whole table of `protocol/src/rotation.rs`.

use holdfast_protocol::attempt_key::{AttemptKey, AttemptMark};
use holdfast_protocol::refresh_token::{ChainSecret, RefreshToken};
use holdfast_protocol::rotation::{self, Micros, Presented, Rotation};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndReason, EventKind, Tokens};
use tokio::time::Instant;
use uuid::Uuid;

use super::end::{end, expire};
use super::gone::gone;
use super::notes::note_later;
use super::tokens::{genuine, may_mint, tokens};
use crate::error::ApiError;
use crate::events::{self, QueuedEvent};
use crate::hooks::NewAccessToken;
use crate::keys::added_claims::AddedClaims;
use crate::security_log;
use crate::state::Holdfast;
use crate::store::sessions::{Remaining, Rotate, Snapshot};
use crate::store::{self, ClientInfo};

/// How often a refresh is tried if its update changed no row although the rule says rotate. This
/// happens if the row has changed between the two statements, if the row was locked, if another
/// rotation of the session was under way, or if the token is newer than the row.
const TRIES: usize = 3;

/// A refresh as it arrived.
#[derive(Debug)]
pub struct Refresh {
    /// The token as it was sent.
    pub refresh_token: Secret,
    /// The `Idempotency-Key`.
    pub attempt_key: Option<AttemptKey>,
    /// Whether it came to the OAuth endpoint.
    pub plain_client: bool,
    /// When it arrived at this instance.
    pub arrived: Instant,
}

/// Answers a refresh: the whole table of `protocol/src/rotation.rs`.
///
/// # Errors
/// The answer of the case that applies, or 503 while the database does not answer.
pub async fn refresh(
    state: &Holdfast,
    refresh: &Refresh,
    client: &ClientInfo,
) -> Result<Tokens, ApiError> {
    let answer = try_refresh(state, refresh, client).await;
    let how = answer.as_ref().map(|(_, how)| *how);
    state.metrics.refreshed(how);
    answer.map(|(tokens, _)| tokens)
}

/// The tokens, and the word for the metrics.
async fn try_refresh(
    state: &Holdfast,
    refresh: &Refresh,
    client: &ClientInfo,
) -> Result<(Tokens, &'static str), ApiError> {
    let token = genuine(state, &refresh.refresh_token)?;
    may_mint(state)?;
    let session_id = token.session_id;
    state.limits.refresh(session_id, token.generation)?;
    if let Some(reason) = state.ended.get(session_id) {
        // After a failover that lost the ending's commit, the row may exist again.
        let kind = EventKind::SessionEnded;
        let again = match reason {
            EndReason::Unknown => EndReason::EndedElsewhere,
            reason => reason,
        };
        if let Err(error) = end(state, session_id, again, kind, client).await {
            tracing::warn!(session.id = %session_id, %error, "An ended session could not be ended again.");
        }
        return Err(ApiError::SessionEnded(Some(reason)));
    }
    let attempt_key = refresh.attempt_key.as_ref();
    // The last link has no successor; the rule handles this case.
    let successor = token.successor(attempt_key);
    let presented = Presented {
        generation: token.generation,
        token_hash: token.secret.hash(),
        successor_hash: successor.as_ref().map_or([0; 32], ChainSecret::hash),
        attempt: AttemptMark::of(attempt_key),
        plain_client: refresh.plain_client,
    };
    let claims = claims_before_rotation(state, refresh, &presented, session_id).await?;
    let answer = async |mut remaining: Remaining, how| {
        let Some(secret) = &successor else {
            let why = anyhow::anyhow!("the last generation was rotated");
            return Err(ApiError::Internal(why));
        };
        let claims = match claims {
            Some(claims) => claims,
            None => {
                let asked_at = state.clock.now();
                let claims = added_claims(state, remaining.account_id, session_id).await?;
                // The access token must not outlive the session, and the application took its time.
                let waited = state.clock.now().saturating_sub(asked_at);
                let waited = i64::try_from(waited).unwrap_or(i64::MAX);
                remaining.remaining_seconds = remaining.remaining_seconds.saturating_sub(waited);
                remaining.idle_seconds = remaining.idle_seconds.saturating_sub(waited);
                claims
            }
        };
        let generation = token.generation + 1;
        let tokens = tokens(state, session_id, generation, secret, remaining, claims);
        Ok((tokens, how))
    };

    // The common case comes first, without a read: one statement, whose guard is the rule.
    let mut from = (presented.generation, presented.token_hash);
    let mut together = true;
    for _ in 0..TRIES {
        if successor.is_some()
            && let Some(remaining) =
                spend(state, &token, &presented, from, client, together).await?
        {
            let forward = from.0 < presented.generation;
            let how = if forward {
                "rotated_forward"
            } else {
                "rotated"
            };
            return answer(remaining, how).await;
        }
        match look_up(state, refresh, &presented, session_id).await? {
            (Rotation::Rotate | Rotation::RotateForward { .. }, Some(Snapshot { session, .. })) => {
                let row = (session.generation, session.token_hash);
                // If the row is still the same (`row == from`), another transaction has locked it,
                // or another rotation of the session has failed. Then the next try is sent alone
                // and waits for the row. If the row differs, the next try uses the lanes.
                together = row != from;
                from = row;
            }
            (
                Rotation::Repeat { late },
                Some(Snapshot {
                    remaining, session, ..
                }),
            ) => {
                // A client may repeat as often as it wants, so there is one event for each
                // generation.
                if late {
                    let kind = EventKind::RefreshRepeated;
                    let event = QueuedEvent {
                        event_id: events::repeat_id(
                            session_id,
                            token.generation,
                            session.rotated_at,
                        ),
                        account_id: remaining.account_id,
                        session_id: Some(session_id),
                        kind,
                        client: client.clone(),
                    };
                    if state.events.add_once(event) {
                        log_anomaly(session_id, kind);
                    }
                }
                return answer(remaining, "repeated").await;
            }
            (Rotation::Conflict, _) => return Err(ApiError::RefreshConflict),
            (Rotation::Expired(_), Some(Snapshot { session, .. })) => {
                if expire(state, session_id, &session, client).await? {
                    return Err(ApiError::RefreshTokenExpired);
                }
            }
            (Rotation::Reuse, _) => {
                let kind = EventKind::RefreshTokenReused;
                end(state, session_id, EndReason::Reuse, kind, client).await?;
                security_log::reused(session_id, client);
                return Err(ApiError::RefreshTokenReused);
            }
            (Rotation::Ended, _) | (_, None) => return Err(gone(state, session_id).await),
        }
    }
    Err(ApiError::Unavailable(anyhow::anyhow!(
        "the session's row moved at every try"
    )))
}

/// The case of the rule that applies to the session's row, and the row.
async fn look_up(
    state: &Holdfast,
    refresh: &Refresh,
    presented: &Presented,
    session_id: Uuid,
) -> Result<(Rotation, Option<Snapshot>), ApiError> {
    let mut connection = state.pool.acquire().await?;
    let snapshot = store::sessions::lookup(&mut connection, session_id).await?;
    connection.release();
    let waited = Micros::try_from(refresh.arrived.elapsed().as_micros()).unwrap_or(Micros::MAX);
    let session = snapshot.as_ref().map(|snapshot| &snapshot.session);
    let now = snapshot.as_ref().map_or(0, |snapshot| snapshot.now);
    Ok((rotation::decide(presented, session, now, waited), snapshot))
}

/// The claims of the application, for a refresh without an attempt key.
///
/// With an attempt key, the application is asked after the rotation, because the rotation answers
/// which account it is, without another query. If the application fails then, the client repeats the
/// request, and gets the same successor. Without an attempt key, the client could not repeat the
/// request for long. So the application is asked before anything changes.
async fn claims_before_rotation(
    state: &Holdfast,
    refresh: &Refresh,
    presented: &Presented,
    session_id: Uuid,
) -> Result<Option<AddedClaims>, ApiError> {
    if refresh.attempt_key.is_some() || !state.hooks.are_installed() {
        return Ok(None);
    }
    match look_up(state, refresh, presented, session_id).await? {
        (
            Rotation::Rotate | Rotation::RotateForward { .. } | Rotation::Repeat { .. },
            Some(Snapshot { remaining, .. }),
        ) => {
            let claims = added_claims(state, remaining.account_id, session_id).await?;
            Ok(Some(claims))
        }
        _ => Ok(None),
    }
}

async fn added_claims(
    state: &Holdfast,
    account_id: Uuid,
    session_id: Uuid,
) -> Result<AddedClaims, ApiError> {
    let token = NewAccessToken {
        account_id,
        session_id,
        is_sign_up: false,
    };
    state.hooks.access_token_claims(token).await
}

/// The conditional update. It only changes the row if the row is still as it was at the decision.
/// It is sent together with the updates of other requests, or alone if it has to wait for the row.
async fn spend(
    state: &Holdfast,
    token: &RefreshToken,
    presented: &Presented,
    (from_generation, from_hash): (u32, [u8; 32]),
    client: &ClientInfo,
    together: bool,
) -> Result<Option<Remaining>, ApiError> {
    let rotate = Rotate {
        session_id: token.session_id,
        from_generation,
        from_hash,
        to_generation: presented.generation + 1,
        to_hash: presented.successor_hash,
        attempt: presented.attempt,
        client: client.clone(),
    };
    let remaining = if together {
        state.lanes.rotate(rotate).await?
    } else {
        state.lanes.rotate_alone(&rotate).await?
    };
    if let Some(remaining) = remaining.filter(|_| from_generation < presented.generation) {
        note_anomaly(
            state,
            &remaining,
            token.session_id,
            EventKind::RefreshedForward,
            client,
        );
    }
    Ok(remaining)
}

fn note_anomaly(
    state: &Holdfast,
    remaining: &Remaining,
    session_id: Uuid,
    kind: EventKind,
    client: &ClientInfo,
) {
    log_anomaly(session_id, kind);
    note_later(state, remaining.account_id, Some(session_id), kind, client);
}

fn log_anomaly(session_id: Uuid, kind: EventKind) {
    tracing::info!(session.id = %session_id, event.kind = kind.as_str(), "A renewal was unusual.");
}
