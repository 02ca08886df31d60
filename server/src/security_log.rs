//! Log lines about who got in and who did not (OWASP ASVS 5.0 §16.3.1).
//!
//! A security duty: what was typed stands in none of them. A name that somebody typed may
//! be their password, so an account is named by its id, and an unknown name by nothing.

use holdfast_protocol::wire::{EventKind, Tokens};
use uuid::Uuid;

use crate::store::ClientInfo;

/// A session was opened: somebody signed up, signed in or changed their password.
pub fn opened(kind: EventKind, tokens: &Tokens, client: &ClientInfo) {
    tracing::info!(
        event.kind = kind.as_str(),
        account.id = %tokens.account_id,
        session.id = %tokens.session_id,
        client.address = client.ip,
        "A session was opened."
    );
}

/// A password was wrong: at a sign-in, or where a session confirms it. Without an account,
/// it was tried under a name that has none.
pub fn password_was_wrong(account_id: Option<Uuid>, session_id: Option<Uuid>, client: &ClientInfo) {
    let kind = EventKind::SignInFailed.as_str();
    let Some(account_id) = account_id else {
        tracing::info!(
            event.kind = kind,
            client.address = client.ip,
            "A password was tried under an unknown name."
        );
        return;
    };
    tracing::info!(
        event.kind = kind,
        account.id = %account_id,
        session.id = session_id.map(tracing::field::display),
        client.address = client.ip,
        "A password was wrong."
    );
}

/// A spent refresh token came back, on whichever endpoint, and its session was ended.
pub fn reused(session_id: Uuid, client: &ClientInfo) {
    tracing::warn!(
        event.kind = EventKind::RefreshTokenReused.as_str(),
        session.id = %session_id,
        client.address = client.ip,
        "A spent refresh token came back. Its session was ended."
    );
}
