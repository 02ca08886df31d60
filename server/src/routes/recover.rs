//! `POST /api/v1/recover`: sets a new password with the recovery code, for a person who lost
//! the password. Every session ends, and the answer has the next code.
//!
//! The code of an operator's link (`holdfast account reset-link`) does the same, within an hour and
//! once. The account's recovery codes are void then, because the person has lost them.
//!
//! A security duty: an unknown name, a wrong code and a disabled account get the same answer
//! after the same work: a place in the queue and one query. The server computes a password
//! only after the right code.
//!
//! A name that the account has given up lately works as well. A thief with the password may have changed
//! the name, and the person only knows the one before.
//!
//! Failures are not counted. A code cannot be guessed, and with a count a stranger could keep the
//! person from recovering the account.
//!
//! A request may be repeated, because its answer may have been lost. The next code follows
//! from the used one, so a repeated request gets the same answer and changes nothing more. It
//! does not end the sessions that the person has opened since.

use axum::extract::State;
use holdfast_protocol::password;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EndReason, EventKind, RecoverRequest, Recovered};
use time::OffsetDateTime;
use uuid::Uuid;

use crate::client_address::ClientAddress;
use crate::http::{ApiError, Json};
use crate::limits::{Limits, known_browsers};
use crate::password_hash::Verdict;
use crate::random;
use crate::security_log;
use crate::sessions::{self, BATCH, ids_of, note_ended};
use crate::state::Holdfast;
use crate::store::accounts::Credentials;
use crate::store::events::NewEvent;
use crate::store::recovery_codes::{Presented, Recoverable};
use crate::store::{self, ClientInfo};

/// The purpose of the key from which the next codes are derived.
const PURPOSE: &[u8] = b"holdfast recovery codes";

/// How often a recovery is tried if another request changes the account meanwhile.
const TRIES: usize = 3;

pub(super) async fn recover(
    State(state): State<Holdfast>,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<RecoverRequest>,
) -> Result<Json<Recovered>, ApiError> {
    let answer = try_recover(&state, &client, address, request).await;
    let how = answer.as_ref().map(|(_, how)| *how);
    state.metrics.recovered(how);
    let (recovered, _) = answer?;
    Ok(Json(recovered))
}

/// Makes the recovery. Returns the answer, and the word for the metrics.
async fn try_recover(
    state: &Holdfast,
    client: &ClientInfo,
    address: ClientAddress,
    request: RecoverRequest,
) -> Result<(Recovered, &'static str), ApiError> {
    sessions::may_mint(state)?;
    let mut turn = Some(state.limits.recover(address)?.turn().await?);
    // This check tells nothing about any account. So the server refuses a mistyped code without a
    // query.
    let code = RecoveryCode::parse(request.recovery_code.expose());
    let code = code.map_err(|_| ApiError::WrongRecoveryCode)?;
    let username = Username::parse(&request.username).ok();
    let new_password = &request.new_password;
    let mut new_hash = None;
    for _ in 0..TRIES {
        let turn = match turn.take() {
            Some(turn) => turn,
            None => state.limits.recover(address)?.turn().await?,
        };
        let Found {
            username,
            account,
            presented,
            unconfirmed,
        } = find(state, username.as_ref(), &code, client).await?;
        let account_id = account.account_id;
        // The account already has the new password if an earlier request with this code has set it, and
        // the answer to that request was lost.
        let answered_before = answered_before(state, &code, account_id, unconfirmed.as_deref());
        let was_used = presented == (Presented::ResetLink { used: true });
        if was_used && answered_before.is_none() {
            return Err(used_link(account_id, client));
        }
        password::check(new_password.expose(), username.as_str())?;
        let stored = Some(account.password_hash.clone());
        let verdict = state.passwords.verify(&turn, new_password, stored).await?;
        sessions::may_mint(state)?;
        if let Verdict::Right { .. } = verdict {
            let next = answered_before.ok_or(ApiError::PasswordUnchanged)?;
            let changed_at = account.password_changed_at;
            let answer = answer(state, &next, account_id, &username, changed_at);
            return Ok((answer, "repeated"));
        }
        if was_used {
            // A repeated request has the same password. So this is another one, perhaps by a person who
            // has found the link and guesses, and there is no second guess.
            let mut connection = state.pool.acquire().await?;
            store::reset_codes::void(&mut connection, account_id).await?;
            connection.release();
            return Err(used_link(account_id, client));
        }
        let hash = match new_hash.take() {
            Some(hash) => hash,
            None => {
                let hashed = state
                    .passwords
                    .hash_new(&turn, new_password, username.as_str());
                hashed.await??
            }
        };
        // The transaction may wait for the account's row, and others need the turn meanwhile.
        drop(turn);
        sessions::may_mint(state)?;
        let next = code.next(&*state.keys.current_for_purpose(PURPOSE)?, account_id);
        let recovery = Recovery {
            account: &account,
            code: &code,
            presented,
            next: &next,
            password_hash: &hash,
            client,
        };
        if let Some(changed_at) = recovery.make(state).await? {
            security_log::recovered(account_id, presented, client);
            // Resets the count of strangers' failures, so that they do not keep the person out.
            let name = Limits::name_key(&state.keys, username.as_str())?;
            state.limits.failures().clear(name);
            let answer = answer(state, &next, account_id, &username, changed_at);
            return Ok((answer, "recovered"));
        }
        // Another request has changed the account meanwhile, perhaps a repetition of this one.
        new_hash = Some(hash);
    }
    Err(ApiError::Unavailable(anyhow::anyhow!(
        "other requests changed the account at every try"
    )))
}

/// The answer to a link that was used. It is that to a wrong code.
fn used_link(account_id: Uuid, client: &ClientInfo) -> ApiError {
    security_log::recovery_code_was_wrong(Some(account_id), client);
    ApiError::WrongRecoveryCode
}

/// The account with this name and code.
struct Found {
    /// Its present name. The person may have typed a name that the account has given up lately.
    username: Username,
    account: Credentials,
    presented: Presented,
    /// The hash of the account's newest code, if that is not confirmed.
    unconfirmed: Option<Vec<u8>>,
}

async fn find(
    state: &Holdfast,
    username: Option<&Username>,
    code: &RecoveryCode,
    client: &ClientInfo,
) -> Result<Found, ApiError> {
    // The server also makes the query for a name that no account can have, so that it takes as long
    // as for a name without an account.
    let username_key = username.map(Username::key).unwrap_or_default();
    let mut connection = state.pool.acquire().await?;
    let found = store::recovery_codes::find(&mut connection, &username_key, &code.hash()).await?;
    connection.release();
    let account_id = found.as_ref().map(|found| found.account.account_id);
    match (username, found) {
        (
            Some(_),
            Some(Recoverable {
                account,
                username,
                presented: Some(presented),
                unconfirmed,
            }),
        ) if account.disabled_at.is_none() => Ok(Found {
            username: Username::parse(&username)
                .map_err(|error| ApiError::Internal(error.into()))?,
            account,
            presented,
            unconfirmed,
        }),
        _ => {
            security_log::recovery_code_was_wrong(account_id, client);
            Err(ApiError::WrongRecoveryCode)
        }
    }
}

/// The next code that the answer to an earlier request with this code had, if the person has not
/// confirmed or used that next code. This tries each accepted secret, because the instance that
/// answered may have had another current one.
fn answered_before(
    state: &Holdfast,
    code: &RecoveryCode,
    account_id: Uuid,
    unconfirmed: Option<&[u8]>,
) -> Option<RecoveryCode> {
    let unconfirmed = unconfirmed?;
    let mut keys = state.keys.for_purpose::<32>(PURPOSE);
    keys.find_map(|key| {
        let next = code.next(&key, account_id);
        (next.hash() == unconfirmed).then_some(next)
    })
}

/// The answer, with a token that makes this browser a known one. So the sign-in that follows
/// does not compete with strangers.
fn answer(
    state: &Holdfast,
    next: &RecoveryCode,
    account_id: Uuid,
    username: &Username,
    password_changed_at: OffsetDateTime,
) -> Recovered {
    let (keys, now) = (&state.keys, state.clock.now());
    // The sign-in that follows is in the same browser, so it takes this id over.
    let browser_id = Uuid::from_bytes(random::bytes());
    let made = known_browsers::make(
        keys,
        account_id,
        username,
        password_changed_at,
        browser_id,
        now,
    );
    Recovered {
        recovery_code: next.print(),
        username: Some(username.as_str().to_owned()),
        known_browser: made.ok(),
    }
}

/// A recovery with the right code.
struct Recovery<'a> {
    account: &'a Credentials,
    code: &'a RecoveryCode,
    presented: Presented,
    next: &'a RecoveryCode,
    password_hash: &'a str,
    client: &'a ClientInfo,
}

impl Recovery<'_> {
    /// Sets the password, replaces the code and ends every session, in one transaction. Returns
    /// when the password was set. `None` if the account has another password or another code by
    /// now, is disabled or gone.
    ///
    /// If the account has more than 500 sessions, earlier transactions end all but the 500 most
    /// recently used ones, at most 500 in each. The last transaction ends the rest.
    async fn make(&self, state: &Holdfast) -> Result<Option<OffsetDateTime>, ApiError> {
        let account_id = self.account.account_id;
        let reason = EndReason::PasswordChanged;
        loop {
            let mut connection = state.pool.acquire().await?;
            let mut transaction = connection.begin().await?;
            if !self.lock(&mut transaction).await? {
                return Ok(None);
            }
            let beyond =
                store::sessions::delete_beyond(&mut transaction, account_id, BATCH, BATCH).await?;
            if beyond.is_empty() {
                let changed_at = store::accounts::change_password(
                    &mut transaction,
                    account_id,
                    self.password_hash,
                )
                .await?;
                self.use_code(&mut transaction).await?;
                store::sign_in_notices::delete_all(&mut transaction, account_id).await?;
                let next = self.next.hash();
                store::recovery_codes::insert(&mut transaction, account_id, &next).await?;
                let event = NewEvent {
                    event_id: random::id(&state.clock),
                    account_id,
                    session_id: None,
                    kind: EventKind::Recovered,
                    client: self.client,
                    detail: None,
                    ended_user_agent: None,
                };
                store::events::insert(&mut transaction, event).await?;
                let ended = sessions::end_all(
                    &state.clock,
                    &mut transaction,
                    account_id,
                    None,
                    reason,
                    self.client,
                )
                .await?;
                transaction.commit().await?;
                state.ended.announce(ended, reason);
                return Ok(Some(changed_at));
            }
            note_ended(
                &state.clock,
                &mut transaction,
                account_id,
                &beyond,
                reason,
                self.client,
            )
            .await?;
            transaction.commit().await?;
            state.ended.announce(ids_of(&beyond), reason);
        }
    }

    /// Makes the codes void that must not be used any more. The account's row and the code of a link are
    /// locked.
    async fn use_code(&self, connection: &mut sqlx::PgConnection) -> sqlx::Result<()> {
        let account_id = self.account.account_id;
        match self.presented {
            Presented::RecoveryCode => {
                // A person who uses a code has kept it, so it counts as confirmed.
                let code = self.code.hash();
                store::recovery_codes::confirm(connection, account_id, &code).await?;
            }
            Presented::ResetLink { .. } => {
                store::recovery_codes::delete_all(connection, account_id).await?;
                store::reset_codes::use_up(connection, account_id).await?;
            }
        }
        Ok(())
    }

    /// Locks the account's row until the transaction ends. `false` if something has changed since
    /// the code was read.
    async fn lock(&self, connection: &mut sqlx::PgConnection) -> sqlx::Result<bool> {
        let Credentials {
            account_id,
            password_changed_at,
            ..
        } = *self.account;
        Ok(
            store::accounts::lock(connection, account_id, password_changed_at).await?
                && match self.presented {
                    Presented::RecoveryCode => {
                        let code = self.code.hash();
                        store::recovery_codes::is_right(connection, account_id, &code).await?
                    }
                    Presented::ResetLink { .. } => {
                        let code = self.code.hash();
                        store::reset_codes::lock(connection, account_id, &code).await?
                    }
                },
        )
    }
}
