//! Events that the server writes after it has answered.

use holdfast_protocol::wire::EventKind;
use uuid::Uuid;

use crate::events::QueuedEvent;
use crate::limits::failures::{self, FailureKey};
use crate::random;
use crate::security_log;
use crate::state::Holdfast;
use crate::store::ClientInfo;

/// Writes an event. The answer does not wait for it.
pub fn note_later(
    state: &Holdfast,
    account_id: Uuid,
    session_id: Option<Uuid>,
    kind: EventKind,
    client: &ClientInfo,
) {
    state.events.add(QueuedEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id,
        kind,
        client: client.clone(),
    });
}

/// Counts a failed sign-in, or a failed confirmation, and notes it in the activity and
/// in the log. The answer does not wait for it.
pub fn note_failure(
    state: &Holdfast,
    counted_under: FailureKey,
    account_id: Option<Uuid>,
    session_id: Option<Uuid>,
    client: &ClientInfo,
) {
    security_log::password_was_wrong(account_id, session_id, client);
    // An instance whose secret is forbidden will stop, so it writes no more events.
    let key = state.keys.current_for_purpose::<32>(b"holdfast event ids");
    let event = account_id.zip(key.ok()).map(|(account_id, key)| {
        failures::event(&*key, state.clock.now(), account_id, session_id, client)
    });
    state.limits.failures().count(counted_under, event);
}
