//! `GET /api/v1/account/data`: everything that is stored about an account, as a file for its person.
//!
//! A security duty: the answer has no hash of a password, a code or a token. It needs no password:
//! most of it is on the pages of the account, too, and the threat model names the rest.
//!
//! An account may have a million events, and a client may take the answer slowly. So the events are
//! read and sent in pieces, and each piece waits for its turn as a call that reads a list.

use std::fmt::Write as _;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures::{StreamExt as _, stream};
use holdfast_protocol::wire::{
    Account, AccountData, ActivityData, FailedSignIns, FormerUsernameData, RecoveryCodeData,
    ResetLinkData, SessionData, SignInNoticeData,
};
use uuid::Uuid;

use super::{activity, sessions as list};
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount};
use crate::lifetimes::USERNAME_RESERVED;
use crate::limits::Limits;
use crate::sessions;
use crate::state::Holdfast;
use crate::store::{
    self, events, former_usernames, recovery_codes, reset_codes, sign_in_failures, sign_in_notices,
};

/// How many events are read and sent at once.
const EVENTS_AT_ONCE: usize = 250;

pub(super) async fn show(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
) -> Result<Response, ApiError> {
    let data = without_events(&state, &current, from).await?;
    let head = serde_json::to_string(&data).map_err(|error| ApiError::Internal(error.into()))?;
    // The list of events is the last member, and still empty.
    let Some(head) = head.strip_suffix("]}") else {
        let why = anyhow::anyhow!("the list of events is not the last member");
        return Err(ApiError::Internal(why));
    };
    let head = stream::iter([Ok(Bytes::from(head.to_owned()))]);
    let body = Body::from_stream(head.chain(stream::try_unfold(
        Rest {
            state,
            current,
            from,
            before: Before::Nothing,
        },
        Rest::next,
    )));
    let headers = [
        (header::CONTENT_TYPE, "application/json"),
        (
            header::CONTENT_DISPOSITION,
            "attachment; filename=\"holdfast-data.json\"",
        ),
    ];
    Ok((headers, body).into_response())
}

/// The part of the answer that is still to be sent.
struct Rest {
    state: Holdfast,
    current: CurrentAccount,
    from: ClientAddress,
    before: Before,
}

/// What was sent so far.
enum Before {
    Nothing,
    /// The events up to this one.
    Event(Uuid),
    Everything,
}

impl Rest {
    /// The next piece of the answer.
    async fn next(self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let next = self.try_next().await;
        next.inspect_err(|error| tracing::warn!(%error, "A copy of an account's data broke off."))
    }

    async fn try_next(mut self) -> Result<Option<(Bytes, Self)>, ApiError> {
        let before = match self.before {
            Before::Nothing => None,
            Before::Event(last) => Some(last),
            Before::Everything => return Ok(None),
        };
        let _turn = self.current.turn_to_read(&self.state, self.from).await?;
        let mut connection = self.state.pool.acquire().await?;
        let limit = i64::try_from(EVENTS_AT_ONCE).unwrap_or(i64::MAX);
        let account_id = self.current.account_id;
        let events = events::list(&mut connection, account_id, before, limit).await?;
        connection.release();
        let last = events.last().map(|event| event.event_id);
        let is_whole_piece = events.len() == EVENTS_AT_ONCE;
        let mut piece = String::new();
        for (at, event) in events.into_iter().enumerate() {
            let comma = if at == 0 && before.is_none() { "" } else { "," };
            let event = ActivityData {
                user_agent: event.user_agent.clone(),
                ended_user_agent: event.ended_user_agent.clone(),
                event: activity::shown(event),
            };
            let event =
                serde_json::to_string(&event).map_err(|error| ApiError::Internal(error.into()))?;
            // Each event has a line of its own, because a person may read it.
            let _ = write!(piece, "{comma}\n{event}");
        }
        self.before = match last {
            Some(last) if is_whole_piece => Before::Event(last),
            _ => {
                piece.push_str("\n]}\n");
                Before::Everything
            }
        };
        Ok(Some((piece.into(), self)))
    }
}

/// What is stored about the account, with an empty list of events.
async fn without_events(
    state: &Holdfast,
    current: &CurrentAccount,
    from: ClientAddress,
) -> Result<AccountData, ApiError> {
    let _turn = current.turn_to_read(state, from).await?;
    let (account_id, own) = (current.account_id, current.session_id);
    let mut connection = state.pool.acquire().await?;
    let db = &mut connection;
    let Some(facts) = store::accounts::lookup_facts(db, account_id).await? else {
        return Err(sessions::gone(state, own).await);
    };
    let codes = recovery_codes::list(db, account_id).await?;
    let link = reset_codes::lookup(db, account_id).await?;
    let former = former_usernames::list(db, account_id).await?;
    let name = Limits::name_key(&state.keys, &facts.username)?;
    let failures = sign_in_failures::lookup(db, &name).await?;
    let live = store::sessions::list(db, account_id).await?;
    let unread = sign_in_notices::list(db, account_id).await?;
    connection.release();
    if !live.iter().any(|session| session.session_id == own) {
        sessions::must_have_row(state, own).await?;
    }
    let codes = codes.into_iter().map(|code| RecoveryCodeData {
        made_at: code.made_at.unix_timestamp(),
        confirmed_at: code.confirmed_at.map(|at| at.unix_timestamp()),
    });
    let former = former.into_iter().map(|former| FormerUsernameData {
        username: former.username_key,
        given_up_at: former.given_up_at.unix_timestamp(),
        reserved_until: (former.given_up_at + USERNAME_RESERVED).unix_timestamp(),
    });
    let unread = unread.into_iter().map(|notice| SignInNoticeData {
        session_id: notice.session_id,
        at: notice.signed_in_at.unix_timestamp(),
        ip: notice.ip,
        user_agent: notice.user_agent,
    });
    let live = live.into_iter().map(|session| SessionData {
        remember: session.remember,
        idle_seconds: u64::try_from(session.idle_seconds).unwrap_or_default(),
        session: list::info(session, own),
    });
    Ok(AccountData {
        read_at: i64::try_from(state.clock.now()).unwrap_or(i64::MAX),
        account: Account {
            account_id,
            username: facts.username,
            created_at: facts.created_at.unix_timestamp(),
        },
        password_changed_at: facts.password_changed_at.unix_timestamp(),
        previous_password_changed_at: facts
            .previous_password_changed_at
            .map(|at| at.unix_timestamp()),
        former_usernames: former.collect(),
        failed_sign_ins: failures.map(|failures| FailedSignIns {
            times: u64::try_from(failures.failures).unwrap_or_default(),
            last_at: failures.last_at.unix_timestamp(),
        }),
        failures_forgiven_at: facts.failures_forgiven_at.map(|at| at.unix_timestamp()),
        recovery_codes: codes.collect(),
        reset_link: link.map(|link| ResetLinkData {
            made_at: link.made_at.unix_timestamp(),
            expires_at: link.expires_at.unix_timestamp(),
            used_at: link.used_at.map(|at| at.unix_timestamp()),
        }),
        sessions: live.collect(),
        sign_in_notices: unread.collect(),
        activity: Vec::new(),
    })
}
