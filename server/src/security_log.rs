//! Log lines about successful and refused sign-ins (OWASP ASVS 5.0 §16.3.1).
//!
//! A security duty: no line contains text that a person typed. A person may type a password
//! into the field for the name. So a line names an account by its id, and does not contain
//! an unknown name.

use holdfast_protocol::wire::{EventKind, Tokens};
use uuid::Uuid;

use crate::store::ClientInfo;
use crate::store::recovery_codes::Presented;

/// A session was opened: a person signed up, signed in or changed their password.
pub fn opened(kind: EventKind, tokens: &Tokens, client: &ClientInfo) {
    tracing::info!(
        event.kind = kind.as_str(),
        account.id = %tokens.account_id,
        session.id = %tokens.session_id,
        client.address = client.ip,
        "A session was opened."
    );
}

/// A password was wrong: at a sign-in, or where a session confirms it. Without an account
/// id, it was tried under a name that has no account.
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

/// A recovery code was wrong. Without an account id, it was tried under a name that has no
/// account.
pub fn recovery_code_was_wrong(account_id: Option<Uuid>, client: &ClientInfo) {
    tracing::info!(
        account.id = account_id.map(tracing::field::display),
        client.address = client.ip,
        "A recovery code was wrong."
    );
}

/// A person set a new password with the recovery code or an operator's link.
pub fn recovered(account_id: Uuid, with: Presented, client: &ClientInfo) {
    let with = match with {
        Presented::RecoveryCode => "recovery_code",
        Presented::ResetLink { .. } => "reset_link",
    };
    tracing::info!(
        event.kind = EventKind::Recovered.as_str(),
        account.id = %account_id,
        recovered.with = with,
        client.address = client.ip,
        "A lost password was replaced. All sessions of the account ended."
    );
}

/// A person changed the username. The activity has both names.
pub fn renamed(account_id: Uuid, session_id: Uuid, client: &ClientInfo) {
    tracing::info!(
        event.kind = EventKind::UsernameChanged.as_str(),
        account.id = %account_id,
        session.id = %session_id,
        client.address = client.ip,
        "A username was changed."
    );
}

/// A spent refresh token came back, and its session was ended. Both endpoints that take
/// refresh tokens log this line.
pub fn reused(session_id: Uuid, client: &ClientInfo) {
    tracing::warn!(
        event.kind = EventKind::RefreshTokenReused.as_str(),
        session.id = %session_id,
        client.address = client.ip,
        "A spent refresh token came back. Its session was ended."
    );
}
