//! What to answer if a session has no row.

use sqlx::PgConnection;
use uuid::Uuid;

use crate::error::ApiError;
use crate::keys::SecretInUse;
use crate::state::Holdfast;
use crate::store;

/// The answer to a genuine token whose session has no row, or whose account is missing.
///
/// Normally the answer is that the session is over, with the reason if the server still knows it.
/// But the session may belong to another database; then the answer is 503. Without a known reason,
/// the server assumes this in two more cases: the database lists a secret that this instance does
/// not accept, or it does not list the secret of this instance. Such a database belongs to another
/// group of servers.
///
/// The function asks all questions on one connection. Otherwise they could reach different
/// databases: `DATABASE_URL` may have begun to lead to another database, while older connections
/// still lead to the first one. For the same reason, it does not only use the facts that the reads
/// of every second have found.
pub async fn gone(state: &Holdfast, session_id: Uuid) -> ApiError {
    let asked = async {
        let mut connection = state.pool.acquire().await?;
        let found = store::session_ends::look_for(&mut connection, session_id).await?;
        let mut is_ours = true;
        if found.reason.is_none() {
            is_ours = is_ours_now(state, &mut connection).await?;
            if is_ours {
                let stored = store::database::lookup(&mut connection).await?;
                state.database.learn(&stored);
            }
        }
        connection.release();
        Ok::<_, sqlx::Error>((found, is_ours))
    };
    let (found, is_ours) = match asked.await {
        Ok(answer) => answer,
        Err(error) => return error.into(),
    };
    if let Some(reason) = found.reason {
        // The ending may have been committed after its answer was lost, so that the instances
        // were not notified.
        if state.ended.get(session_id).is_none() {
            state.ended.announce([session_id], reason);
        }
        return ApiError::SessionEnded(Some(reason));
    }
    if found.lives {
        return ApiError::Unsure("the connections lead to different databases");
    }
    if !found.is_whole {
        return ApiError::Unsure("the tables are being restored");
    }
    if !is_ours || !state.keys.may_mint() || state.keys.obstacle().is_some() {
        return ApiError::Unsure("the secrets of this instance are not those of the database");
    }
    let unheard_of = state.database.never_heard_of(session_id);
    unheard_of.unwrap_or(ApiError::SessionEnded(None))
}

/// Whether the secrets of the database behind this connection are those of this instance.
async fn is_ours_now(state: &Holdfast, connection: &mut PgConnection) -> sqlx::Result<bool> {
    if !state.keys.is_followed() {
        return Ok(true);
    }
    let known = store::secrets::list(connection).await?;
    let known: Vec<_> = known.iter().map(SecretInUse::from).collect();
    Ok(state
        .keys
        .belong_to(&known, state.database.longest_session()))
}

/// Checks that the caller's own session has its row, before the server answers about the account's
/// other sessions. An access token alone does not show this: the session may have just ended, and
/// another database has no sessions of this account.
///
/// # Errors
/// The answer of [`gone`] if the session has no row, and 503 while the database does not answer.
pub async fn must_have_row(state: &Holdfast, session_id: Uuid) -> Result<(), ApiError> {
    let mut connection = state.pool.acquire().await?;
    let row = store::sessions::lookup_remember(&mut connection, session_id).await?;
    connection.release();
    match row {
        Some(_) => Ok(()),
        None => Err(gone(state, session_id).await),
    }
}
