//! `GET /api/v1/account/notices`: sign-ins from browsers that the account did not know, until the person
//! has read them. `POST …/{session_id}/read` says that the person has read one, in all sessions.
//!
//! A security duty: only a session that is older than the sign-in sees its notice and deletes it. The
//! session that the sign-in has opened does not, and a newer session does not. Otherwise a thief could
//! sign in twice, and hide the first sign-in in the second session.

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use holdfast_protocol::wire::{SignInNotice, SignInNotices};
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::device;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::sessions;
use crate::state::Holdfast;
use crate::store::sign_in_notices;

/// How many notices one answer has. A person reads one after the other.
const MOST: i64 = 3;

pub(super) async fn list(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
) -> Result<Json<SignInNotices>, ApiError> {
    let (account_id, own) = (current.account_id, current.session_id);
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let unread = sign_in_notices::list_for(&mut connection, account_id, own, MOST).await?;
    connection.release();
    if unread.is_empty() {
        sessions::must_have_row(&state, own).await?;
    }
    let unread = unread.into_iter().map(|notice| SignInNotice {
        session_id: notice.session_id,
        at: notice.signed_in_at.unix_timestamp(),
        ip: notice.ip,
        device: device::name(notice.user_agent.as_deref()),
    });
    Ok(Json(SignInNotices {
        notices: unread.collect(),
    }))
}

pub(super) async fn read(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
    session_id: Result<Path<Uuid>, PathRejection>,
) -> Result<StatusCode, ApiError> {
    let (account_id, own) = (current.account_id, current.session_id);
    let Ok(Path(session_id)) = session_id else {
        return Err(ApiError::NoSuchSession);
    };
    if session_id == own {
        return Err(ApiError::NoSuchSession);
    }
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let was_there =
        sign_in_notices::delete_read(&mut connection, account_id, session_id, own).await?;
    connection.release();
    if !was_there {
        // The person may have read it in another session. This is no error.
        sessions::must_have_row(&state, own).await?;
    }
    Ok(StatusCode::NO_CONTENT)
}
