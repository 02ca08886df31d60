//! Opening a session.

use std::time::Duration;

use holdfast_protocol::refresh_token::ChainSecret;
use holdfast_protocol::wire::{EndReason, EventKind, Tokens};
use sqlx::PgTransaction;
use time::OffsetDateTime;
use uuid::Uuid;

use super::end::{BATCH, ids_of, is_full_batch, note_ended};
use super::tokens::{may_mint, tokens};
use crate::error::ApiError;
use crate::hooks::NewAccessToken;
use crate::keys::added_claims::AddedClaims;
use crate::random;
use crate::security_log;
use crate::state::Holdfast;
use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo};

/// What a sign-in has verified.
#[derive(Debug, Clone, Copy)]
pub struct VerifiedPassword {
    /// The account.
    pub account_id: Uuid,
    /// When its password was set.
    pub password_changed_at: OffsetDateTime,
}

/// A session that will be opened.
#[derive(Debug)]
pub struct PreparedSession {
    session_id: Uuid,
    kind: EventKind,
    claims: AddedClaims,
    /// The browser of the token that the client has presented.
    known_browser: Option<Uuid>,
    name: Option<String>,
}

impl PreparedSession {
    /// Asks the application for the claims of the first access token. Call this before the
    /// transaction begins: the application may take some time, and it uses connections of its own.
    ///
    /// # Errors
    /// 503 when the application does not answer.
    pub async fn prepare(
        state: &Holdfast,
        account_id: Uuid,
        kind: EventKind,
    ) -> Result<Self, ApiError> {
        let session_id = random::id(&state.clock);
        let token = NewAccessToken {
            account_id,
            session_id,
            is_sign_up: kind == EventKind::SignUp,
        };
        Ok(Self {
            session_id,
            kind,
            claims: state.hooks.access_token_claims(token).await?,
            known_browser: None,
            name: None,
        })
    }

    /// The account knows the browser of the session under this id. If there is none, the browser is a new
    /// one, and its id is that of the session.
    #[must_use]
    pub fn in_known_browser(mut self, browser_id: Option<Uuid>) -> Self {
        self.known_browser = browser_id;
        self
    }

    /// The browser keeps the name that it had in an earlier session.
    #[must_use]
    pub fn with_name(mut self, name: Option<String>) -> Self {
        self.name = name;
        self
    }
}

/// Opens a session in this transaction. `None` if the account is gone, is disabled, or has
/// another password by now: a sign-in in flight does not survive a change of the password.
///
/// If the account has too many sessions, the transaction ends the surplus, at most 500 sessions. If
/// there are more, because an operator has lowered the limit, `end_surplus` ends the rest.
pub async fn open(
    state: &Holdfast,
    transaction: &mut PgTransaction<'_>,
    new: PreparedSession,
    verified: VerifiedPassword,
    remember: bool,
    client: &ClientInfo,
) -> Result<Option<Opened>, ApiError> {
    may_mint(state)?;
    let PreparedSession {
        session_id,
        kind,
        claims,
        known_browser,
        name,
    } = new;
    let account_id = verified.account_id;
    if !store::accounts::lock(transaction, account_id, verified.password_changed_at).await? {
        return Ok(None);
    }
    // While the server computed the password, the person may have ended the browser's other session. The
    // ending has locked the account's row, too.
    let is_revoked = match known_browser {
        Some(id) => store::revoked_browsers::contains(transaction, account_id, id).await?,
        None => false,
    };
    let known_browser = known_browser.filter(|_| !is_revoked);
    let browser_id = known_browser.unwrap_or(session_id);
    let most = i64::from(state.config.sessions_per_account) - 1;
    let beyond = store::sessions::delete_beyond(transaction, account_id, most, BATCH).await?;
    note_ended(
        &state.clock,
        transaction,
        account_id,
        &beyond,
        EndReason::EndedElsewhere,
        client,
    )
    .await?;

    let config = &state.config;
    let lifetime = if remember {
        config.refresh_token_ttl
    } else {
        config.session_ttl_short
    };
    let secret = ChainSecret::from_random(random::bytes());
    let new = store::sessions::NewSession {
        session_id,
        account_id,
        token_hash: secret.hash(),
        lifetime_seconds: seconds(lifetime),
        idle_seconds: seconds(config.refresh_idle),
        remember,
        browser_id,
        name: name.as_deref(),
        client,
    };
    let limits = store::sessions::insert(transaction, new).await?;
    let event = NewEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id: Some(session_id),
        kind,
        client,
        detail: None,
        ended_user_agent: None,
    };
    store::events::insert(transaction, event).await?;
    let tokens = tokens(state, session_id, 0, &secret, limits, claims);
    Ok(Some(Opened {
        tokens,
        ended: ids_of(&beyond),
        browser_id,
        is_known: known_browser.is_some(),
        kind,
        client: client.clone(),
    }))
}

/// A session that was opened, once its transaction has been committed.
#[derive(Debug)]
pub struct Opened {
    tokens: Tokens,
    ended: Vec<Uuid>,
    browser_id: Uuid,
    is_known: bool,
    kind: EventKind,
    client: ClientInfo,
}

impl Opened {
    /// The session.
    pub fn session_id(&self) -> Uuid {
        self.tokens.session_id
    }

    /// The id for the token of this known browser.
    pub fn browser_id(&self) -> Uuid {
        self.browser_id
    }

    /// Whether the account knew the browser before.
    pub fn is_in_known_browser(&self) -> bool {
        self.is_known
    }

    /// Whether the account may still have too many sessions after the commit.
    pub fn leaves_surplus(&self) -> bool {
        is_full_batch(&self.ended)
    }

    /// Commits, tells this instance which surplus sessions the transaction has ended, and returns the
    /// tokens.
    ///
    /// # Errors
    /// When the commit fails.
    pub async fn commit(
        self,
        state: &Holdfast,
        transaction: PgTransaction<'_>,
    ) -> Result<Tokens, ApiError> {
        transaction.commit().await?;
        state.ended.announce(self.ended, EndReason::EndedElsewhere);
        security_log::opened(self.kind, &self.tokens, &self.client);
        Ok(self.tokens)
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
