//! What a home page shows about an account. A server function calls it with the
//! [`CurrentAccount`] and the [`ClientAddress`] of its context.

use holdfast_protocol::wire::{NewestSignIn, Overview};

use crate::device;
use crate::http::{ApiError, ClientAddress, CurrentAccount};
use crate::sessions;
use crate::state::Holdfast;
use crate::store;

/// The account's name, its number of sessions and its newest sign-in.
///
/// # Errors
/// [`ApiError::SessionEnded`] when the account or its last session has just gone.
pub async fn overview(
    state: &Holdfast,
    current: &CurrentAccount,
    from: ClientAddress,
) -> Result<Overview, ApiError> {
    let Some(profile) = state.profiles.get(&state.pool, current.account_id).await? else {
        return Err(sessions::gone(state, current.session_id).await);
    };
    let _turn = current.turn_to_read(state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let live = store::sessions::list(&mut connection, current.account_id).await?;
    connection.release();
    let newest = live
        .iter()
        .max_by_key(|session| (session.created_at, session.session_id));
    let Some(newest) = newest else {
        return Err(sessions::gone(state, current.session_id).await);
    };
    Ok(Overview {
        username: profile.username,
        sessions: u32::try_from(live.len()).unwrap_or(u32::MAX),
        newest: NewestSignIn {
            at: newest.created_at.unix_timestamp(),
            device: device::name(newest.user_agent.as_deref()),
            current: newest.session_id == current.session_id,
        },
    })
}
