//! `GET /api/v1/account/data`: everything that is stored about an account, as a file for its person.
//!
//! A security duty: the answer has no hash of a password, a code or a token. Whoever has the access
//! token can read the rest in other ways, too.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use holdfast_protocol::wire::{
    Account, AccountData, ActivityData, RecoveryCodeData, ResetLinkData,
};

use super::{activity, sessions as list};
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount};
use crate::sessions;
use crate::state::Holdfast;
use crate::store::{self, events, recovery_codes, reset_codes};

/// The most events. An entry counts what happens often, so that only few accounts have more.
const MOST_EVENTS: usize = 10_000;

pub(super) async fn show(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
) -> Result<Response, ApiError> {
    let _turn = current.turn_to_read(&state, from).await?;
    let (account_id, own) = (current.account_id, current.session_id);
    let mut connection = state.pool.acquire().await?;
    let db = &mut connection;
    let Some(facts) = store::accounts::lookup_facts(db, account_id).await? else {
        return Err(sessions::gone(&state, own).await);
    };
    let codes = recovery_codes::list(db, account_id).await?;
    let link = reset_codes::lookup(db, account_id).await?;
    let live = store::sessions::list(db, account_id).await?;
    // One more event than the answer has shows whether there are more.
    let limit = i64::try_from(MOST_EVENTS + 1).unwrap_or(i64::MAX);
    let mut events = events::list(db, account_id, None, limit).await?;
    connection.release();
    if !live.iter().any(|session| session.session_id == own) {
        sessions::must_have_row(&state, own).await?;
    }
    let has_more_activity = events.len() > MOST_EVENTS;
    events.truncate(MOST_EVENTS);
    let data = AccountData {
        read_at: i64::try_from(state.clock.now()).unwrap_or(i64::MAX),
        account: Account {
            account_id,
            username: facts.username,
            created_at: facts.created_at.unix_timestamp(),
        },
        password_changed_at: facts.password_changed_at.unix_timestamp(),
        recovery_codes: codes
            .into_iter()
            .map(|code| RecoveryCodeData {
                made_at: code.made_at.unix_timestamp(),
                confirmed_at: code.confirmed_at.map(|at| at.unix_timestamp()),
            })
            .collect(),
        reset_link: link.map(|link| ResetLinkData {
            made_at: link.made_at.unix_timestamp(),
            expires_at: link.expires_at.unix_timestamp(),
            used_at: link.used_at.map(|at| at.unix_timestamp()),
        }),
        sessions: live
            .into_iter()
            .map(|session| list::info(session, own))
            .collect(),
        activity: events
            .into_iter()
            .map(|event| ActivityData {
                user_agent: event.user_agent.clone(),
                event: activity::shown(event),
            })
            .collect(),
        has_more_activity,
    };
    // A person reads it, so each member has a line of its own.
    let text = serde_json::to_vec_pretty(&data);
    let text = text.map_err(|error| ApiError::Internal(error.into()))?;
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"holdfast-data.json\"",
        ),
    ];
    Ok((headers, text).into_response())
}
