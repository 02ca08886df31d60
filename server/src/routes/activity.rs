//! `GET /api/v1/activity`: what happened to the account, in pages.

use std::cmp::Reverse;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use holdfast_protocol::wire::{ActivityEvent, ActivityPage, EventKind};
use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::Error;
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::device;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::sessions;
use crate::state::Holdfast;
use crate::store;
use crate::store::events::StoredEvent;

/// The number of events of a page if the caller gives no limit.
const DEFAULT_LIMIT: i64 = 25;

/// The most events of a page.
const MAX_LIMIT: i64 = 100;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PageRequest {
    before: Option<Uuid>,
    limit: Option<i64>,
}

pub(super) async fn list(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    from: ClientAddress,
    page: Result<Query<PageRequest>, QueryRejection>,
) -> Result<Json<ActivityPage>, ApiError> {
    let page = page.ok().map(|Query(page)| page);
    let Some(PageRequest { before, limit }) = page.filter(|page| {
        page.limit
            .is_none_or(|limit| (1..=MAX_LIMIT).contains(&limit))
    }) else {
        return Err(ApiError::MalformedRequest(format!(
            "This call has two parameters: limit, from 1 to {MAX_LIMIT}, and before, which is the value of next in the page before."
        )));
    };
    let limit = limit.unwrap_or(DEFAULT_LIMIT);
    let _turn = current.turn_to_read(&state, from).await?;
    let mut connection = state.pool.acquire().await?;
    let account_id = current.account_id;
    // One more event than requested shows whether there is another page.
    let mut events = store::events::list(&mut connection, account_id, before, limit + 1).await?;
    connection.release();
    if events.is_empty() {
        sessions::must_have_row(&state, current.session_id).await?;
    }
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let more = events.len() > limit;
    events.truncate(limit);
    let next = more
        .then(|| events.last().map(|event| event.event_id.to_string()))
        .flatten();
    // The id of an entry with a count begins with its hour, and its last failure was later. So the order
    // of ids is that of the pages, and within a page the time decides.
    events.sort_by_key(|event| Reverse(event.at));
    let events = events.into_iter().map(shown).collect();
    Ok(Json(ActivityPage {
        events,
        next,
        kept_seconds: Some(state.config.activity_kept.as_secs()),
    }))
}

/// An event as its person sees it.
pub(super) fn shown(event: StoredEvent) -> ActivityEvent {
    ActivityEvent {
        event_id: event.event_id,
        kind: kind(&event.kind),
        at: event.at.unix_timestamp(),
        ip: event.ip,
        device: device::name(event.user_agent.as_deref()),
        ended_device: event
            .ended_user_agent
            .as_deref()
            .map(|user_agent| device::name(Some(user_agent))),
        session_id: event.session_id,
        detail: event.detail,
        times: u64::try_from(event.times).unwrap_or(1),
    }
}

fn kind(text: &str) -> EventKind {
    let deserializer = IntoDeserializer::<Error>::into_deserializer(text);
    EventKind::deserialize(deserializer).unwrap_or(EventKind::Unknown)
}
