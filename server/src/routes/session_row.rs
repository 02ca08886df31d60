//! `GET /api/v1/sessions/current/stored`: what the database holds of the caller's own session.
//!
//! A security duty: the access token names the session, and the caller cannot name another one. What a
//! renewal changes is only answered to a caller that holds the current refresh token. Otherwise a thief
//! with a copied access token would see each renewal at once, and would know when to act
//! (`docs/decisions/0032-what-a-renewal-changes-is-shown-to-the-holder.md`).

use axum::extract::State;
use axum::http::HeaderMap;
use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::wire::{SessionRow, StoredLink, TOKEN_HASH_HEADER};
use subtle::ConstantTimeEq as _;

use super::sessions::last_used_at;
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::sessions;
use crate::state::Holdfast;
use crate::store;

pub(super) async fn show(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
    headers: HeaderMap,
) -> Result<Json<SessionRow>, ApiError> {
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let row = store::sessions::lookup_row(&mut connection, current.session_id).await?;
    connection.release();
    let Some(row) = row else {
        return Err(sessions::gone(&state, current.session_id).await);
    };
    let token_hash = in_hexadecimal(&row.token_hash);
    let is_holder = headers
        .get(TOKEN_HASH_HEADER)
        .is_some_and(|presented| presented.as_bytes().ct_eq(token_hash.as_bytes()).into());
    Ok(Json(SessionRow {
        session_id: current.session_id,
        created_at: row.created_at.unix_timestamp(),
        last_used_at: last_used_at(row.rotated_at),
        expires_at: row.expires_at.unix_timestamp(),
        idle_seconds: row.idle_seconds,
        link: is_holder.then(|| StoredLink {
            generation: row.generation,
            token_hash,
            attempt_marks: marks_of_keys(&row.attempt_keys),
        }),
    }))
}

fn marks_of_keys(stored: &[AttemptMark]) -> Vec<String> {
    let is_of_a_key =
        |mark: &&AttemptMark| ![AttemptMark::BLANK, AttemptMark::WITHOUT_KEY].contains(mark);
    let marks = stored.iter().filter(is_of_a_key);
    marks.map(|mark| in_hexadecimal(mark.as_bytes())).collect()
}
