//! Events that the server writes after it has answered.

use holdfast_protocol::wire::EventKind;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::events::QueuedEvent;
use crate::limits::failures::{self, EnteredIn, FailureKey};
use crate::random;
use crate::security_log;
use crate::state::Holdfast;
use crate::store::ClientInfo;
use crate::store::accounts::Credentials;

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
    account: Option<&Credentials>,
    entered_in: EnteredIn,
    client: &ClientInfo,
) {
    let account_id = account.map(|account| account.account_id);
    security_log::password_was_wrong(account_id, entered_in.session_id(), client);
    // An instance whose secret is forbidden will stop, so it writes no more events.
    let key = state.keys.current_for_purpose::<32>(b"holdfast event ids");
    // It is made for a name without an account, too, so that both take the same time.
    let event = key.ok().map(|key| {
        let now = state.clock.now();
        let of = account_id.unwrap_or_default();
        let set = account.map_or(OffsetDateTime::UNIX_EPOCH, |account| {
            account.password_changed_at
        });
        failures::event(&*key, now, of, set, entered_in, client)
    });
    let event = event.filter(|_| account_id.is_some());
    state.limits.failures().count(counted_under, event);
}
