//! `/healthz`: the process answers. `/readyz`: so does the rest, as far as requests need
//! it.
//!
//! A database that is away does not make an instance unready for one lifetime of an
//! access token: the tokens that are on their way are still good, every other instance is
//! in the same place, and a fleet that takes itself out of the balancer helps nobody. The
//! answer says `degraded` then, and `?strict` makes that a 503 for an operator's alarm.

use axum::extract::{RawQuery, State};

use crate::endings::DEGRADED_AFTER;
use crate::http::ApiError;
use crate::state::AppState;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(
    State(state): State<AppState>,
    RawQuery(query): RawQuery,
) -> Result<&'static str, ApiError> {
    let not_ready = |why| Err(ApiError::Unavailable(why));
    if state.stopping.is_told() {
        return not_ready(anyhow::anyhow!("the server is stopping"));
    }
    if let Some(obstacle) = state.keys.obstacle() {
        return not_ready(obstacle.into());
    }
    if let Some(other) = state.database.other_issuer() {
        return not_ready(anyhow::anyhow!(
            "the other instances have the issuer {other}. Name it in HOLDFAST_ISSUER_PREVIOUS to change it"
        ));
    }
    let Some(age) = state
        .ended
        .since_read()
        .filter(|_| state.ended.is_trusted())
    else {
        return not_ready(anyhow::anyhow!(
            "which sessions have ended was not read for too long"
        ));
    };
    let is_strict = query.is_some_and(|query| query.split('&').any(|word| word == "strict"));
    match age >= DEGRADED_AFTER {
        false => Ok("ready\n"),
        true if is_strict => not_ready(anyhow::anyhow!(
            "which sessions have ended was not read for {} seconds",
            age.as_secs()
        )),
        true => Ok("degraded\n"),
    }
}
