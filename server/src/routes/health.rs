//! `/healthz` answers while the process runs. `/readyz` answers 200 while the instance can
//! answer requests.
//!
//! If the database does not answer, an instance stays ready for one lifetime of an access
//! token: the access tokens that are in use are still valid, and all other instances usually
//! have the same problem. If they all left the balancer, no request could be answered. During
//! this time the answer is `degraded`, and with `?strict` it is a 503 for an operator's
//! alarm.

use axum::extract::{RawQuery, State};

use crate::endings::DEGRADED_AFTER;
use crate::http::ApiError;
use crate::setting::Setting;
use crate::state::Holdfast;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(
    State(state): State<Holdfast>,
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
            "the other instances have the issuer {other}. To change the issuer, name it in {}",
            Setting::PreviousIssuers
        ));
    }
    if state.database.is_another() {
        return not_ready(anyhow::anyhow!(
            "this is another database than the one in which this instance has entered its master secret. Check {}",
            Setting::Database
        ));
    }
    let Some(age) = state
        .ended
        .since_read()
        .filter(|_| state.ended.is_trusted())
    else {
        return not_ready(anyhow::anyhow!(
            "the ended sessions were not read for too long"
        ));
    };
    // Some clients write a parameter without a value as `strict=`.
    let is_strict = |word: &str| word == "strict" || word == "strict=";
    let is_strict = query.is_some_and(|query| query.split('&').any(is_strict));
    match age >= DEGRADED_AFTER {
        false => Ok("ready\n"),
        true if is_strict => not_ready(anyhow::anyhow!(
            "the ended sessions were not read for {} seconds",
            age.as_secs()
        )),
        true => Ok("degraded\n"),
    }
}
