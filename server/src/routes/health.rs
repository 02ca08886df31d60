//! `/healthz`: the process answers. `/readyz`: so does the database, migrated, and
//! the ended sessions are known.

use axum::extract::State;

use crate::http::ApiError;
use crate::state::AppState;
use crate::store;

pub(super) async fn alive() -> &'static str {
    "alive\n"
}

pub(super) async fn ready(State(state): State<AppState>) -> Result<&'static str, ApiError> {
    if state.stopping.is_told() {
        return Err(ApiError::Unavailable(anyhow::anyhow!(
            "the server is stopping"
        )));
    }
    let mut connection = state.pool.acquire().await?;
    if !store::is_migrated(&mut connection).await? {
        return Err(ApiError::Unavailable(anyhow::anyhow!(
            "the database is not migrated"
        )));
    }
    if !state.ended.is_trusted() {
        return Err(ApiError::Unavailable(anyhow::anyhow!(
            "which sessions have ended was not read for too long"
        )));
    }
    Ok("ready\n")
}
