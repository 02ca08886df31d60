//! `/api/v1/sessions`: lists the sessions of the account, names their browsers, and ends them.
//!
//! A security duty: a call that ends another session than the caller's own asks for the password.
//! Otherwise a thief of an access token could sign the person out everywhere. A name asks for none,
//! because it decides about nothing. But a thief can choose it, so the list always has the device, too.

use axum::body::Body;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{FromRequest as _, Path, Query, Request, State};
use axum::http::StatusCode;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::session_name::SessionName;
use holdfast_protocol::wire::{
    EndReason, EndSessions, EndedCount, NameSession, SessionInfo, SessionList,
};
use serde::Deserialize;
use time::OffsetDateTime;
use uuid::Uuid;

use super::password::confirmed;
use super::to_the_end::to_the_end;
use crate::client_address::ClientAddress;
use crate::device;
use crate::http::json::read_body;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::sessions::{self, Caller};
use crate::state::Holdfast;
use crate::store::sessions::Listed;
use crate::store::{self, ClientInfo};

/// The last use is rounded down to this many seconds, so that a thief cannot see when the
/// person renews.
const LAST_USED_GRAIN: i64 = 5 * 60;

/// The last use, as the API tells it.
pub(super) fn last_used_at(rotated_at: OffsetDateTime) -> i64 {
    rotated_at.unix_timestamp() / LAST_USED_GRAIN * LAST_USED_GRAIN
}

pub(super) async fn list(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
) -> Result<Json<SessionList>, ApiError> {
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let sessions = store::sessions::list(&mut connection, current.account_id).await?;
    connection.release();
    let own = current.session_id;
    if !sessions.iter().any(|session| session.session_id == own) {
        sessions::must_have_row(&state, own).await?;
    }
    let sessions = sessions.into_iter().map(|session| info(session, own));
    Ok(Json(SessionList {
        sessions: sessions.collect(),
    }))
}

/// A session as its person sees it, from the session `own`.
pub(super) fn info(session: Listed, own: Uuid) -> SessionInfo {
    SessionInfo {
        session_id: session.session_id,
        current: session.session_id == own,
        created_at: session.created_at.unix_timestamp(),
        last_used_at: last_used_at(session.rotated_at),
        expires_at: session.expires_at.unix_timestamp(),
        ip: session.ip,
        device: device::name(session.user_agent.as_deref()),
        user_agent: session.user_agent,
        name: session.name,
    }
}

/// `PUT …/{session_id}/name`.
pub(super) async fn name(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
    session_id: Result<Path<Uuid>, PathRejection>,
    Json(request): Json<NameSession>,
) -> Result<StatusCode, ApiError> {
    let (account_id, own) = (current.account_id, current.session_id);
    let Ok(Path(session_id)) = session_id else {
        return Err(ApiError::NoSuchSession);
    };
    let name = request.name.as_deref().map(SessionName::parse);
    let name = name.transpose()?;
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let is_named =
        store::sessions::set_name(&mut connection, account_id, session_id, own, name.as_ref())
            .await?;
    connection.release();
    if !is_named {
        sessions::must_have_row(&state, own).await?;
        return Err(ApiError::NoSuchSession);
    }
    Ok(StatusCode::NO_CONTENT)
}

pub(super) async fn end_one(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    session_id: Result<Path<Uuid>, PathRejection>,
    request: Request,
) -> Result<StatusCode, ApiError> {
    let Ok(Path(session_id)) = session_id else {
        return Err(ApiError::NoSuchSession);
    };
    let (verified, reason) = if session_id == current.session_id {
        // This is a sign-out, which needs no password and no body.
        (None, EndReason::Logout)
    } else {
        let password = password_in(request, &state).await?;
        let verified = verify(&state, &current, &password, &client, address).await?;
        (Some(verified), EndReason::EndedElsewhere)
    };
    let slot = state
        .limits
        .end_sessions(current.account_id, current.session_id)?;
    let stopping = state.stopping.clone();
    let ending = async move {
        let caller = caller(&current, verified, &client);
        let ended = sessions::end_one_of(&state, caller, session_id, reason).await;
        drop(slot);
        ended
    };
    if to_the_end(&stopping, ending).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(ApiError::NoSuchSession)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EndAll {
    #[serde(default = "yes")]
    keep_current: bool,
}

fn yes() -> bool {
    true
}

pub(super) async fn end_all(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    query: Result<Query<EndAll>, QueryRejection>,
    request: Request,
) -> Result<Json<EndedCount>, ApiError> {
    let Ok(Query(EndAll { keep_current })) = query else {
        return Err(ApiError::MalformedRequest(
            "The only parameter of this call is keep_current, true or false.".to_owned(),
        ));
    };
    let password = password_in(request, &state).await?;
    let verified = verify(&state, &current, &password, &client, address).await?;
    let slot = state
        .limits
        .end_sessions(current.account_id, current.session_id)?;
    let stopping = state.stopping.clone();
    // If the client hangs up, the slot stays taken, because the work goes on.
    let ending = async move {
        let caller = caller(&current, Some(verified), &client);
        let ended = sessions::end_others(&state, caller, keep_current).await;
        drop(slot);
        ended
    };
    let ended = to_the_end(&stopping, ending).await?;
    Ok(Json(EndedCount { ended }))
}

/// The password in the body. Some proxies remove the body of a `DELETE`, and the page shows the answer to
/// the person.
async fn password_in(request: Request, state: &Holdfast) -> Result<Secret, ApiError> {
    let (parts, body) = request.into_parts();
    let body = read_body(Request::from_parts(parts.clone(), body), state).await?;
    if body.is_empty() {
        return Err(ApiError::MalformedRequest(
            "Your password did not reach the server. A program between this browser and the server \
             has perhaps removed it from the request. Try again on another network, or tell the \
             operator of this site."
                .to_owned(),
        ));
    }
    let whole = Request::from_parts(parts, Body::from(body));
    let Json(EndSessions { password }) = Json::from_request(whole, state).await?;
    Ok(password)
}

/// Confirms the password, and gives back the turn in which it was computed. Returns when this
/// password was set.
async fn verify(
    state: &Holdfast,
    current: &CurrentAccount,
    password: &Secret,
    client: &ClientInfo,
    address: ClientAddress,
) -> Result<OffsetDateTime, ApiError> {
    let (account, _) = confirmed(state, current, password, client, address).await?;
    Ok(account.password_changed_at)
}

fn caller<'a>(
    current: &CurrentAccount,
    verified: Option<OffsetDateTime>,
    client: &'a ClientInfo,
) -> Caller<'a> {
    Caller {
        account_id: current.account_id,
        own: current.session_id,
        verified,
        client,
    }
}
