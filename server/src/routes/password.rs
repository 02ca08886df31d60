//! `PUT /api/v1/account/password`: changes the password. Every session ends, and the answer
//! has the tokens of a new one.

use axum::extract::State;
use axum::http::StatusCode;
use holdfast_protocol::password;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{ChangePassword, EndReason, EventKind};

use crate::client_address::ClientAddress;
use crate::error::read_only;
use crate::http::{ApiError, CurrentAccount, Json, TokenAnswer};
use crate::limits::failures::EnteredIn;
use crate::limits::{Limits, PasswordTurn, failures, known_browsers};
use crate::password_hash::{Verdict, normal};
use crate::sessions::{self, Caller, PreparedSession, VerifiedPassword, note_failure};
use crate::state::Holdfast;
use crate::store::accounts::{Confirmable, Credentials};
use crate::store::sessions::TakenOver;
use crate::store::{self, ClientInfo};

pub(super) async fn change(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<ChangePassword>,
) -> Result<TokenAnswer, ApiError> {
    let account_id = current.account_id;
    let password = &request.current_password;
    let (account, turn) = confirmed(&state, &current, password, &client, address).await?;
    let Some(profile) = state.profiles.get(&state.pool, current.account_id).await? else {
        return Err(sessions::gone(&state, current.session_id).await);
    };
    password::check(request.new_password.expose(), &profile.username)?;
    if normal(&request.new_password) == normal(&request.current_password) {
        return Err(ApiError::PasswordUnchanged);
    }
    let hashed = state
        .passwords
        .hash_new(&turn, &request.new_password, &profile.username);
    let new_hash = hashed.await??;
    drop(turn);
    let new = PreparedSession::prepare(&state, account_id, EventKind::PasswordChanged).await?;
    let reason = EndReason::PasswordChanged;
    // This ends the sessions beyond 500, but not the caller's own: the change may still be refused.
    let caller = Caller {
        account_id,
        own: current.session_id,
        verified: Some(account.password_changed_at),
        client: &client,
    };
    sessions::end_beyond_500(&state, caller, reason).await?;

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    if !store::accounts::lock(&mut transaction, account_id, account.password_changed_at).await? {
        return Err(ApiError::InvalidCredentials);
    }
    let password_changed_at =
        store::accounts::change_password(&mut transaction, account_id, &new_hash).await?;
    let own = current.session_id;
    let before = store::sessions::lookup_taken_over(&mut transaction, own).await?;
    let ended = sessions::end_all(
        &state.clock,
        &mut transaction,
        account_id,
        Some(own),
        reason,
        &client,
    )
    .await?;
    store::sign_in_notices::delete_all(&mut transaction, account_id).await?;
    let verified = VerifiedPassword {
        account_id,
        password_changed_at,
    };
    let has_code = store::recovery_codes::is_confirmed(&mut transaction, account_id).await?;
    let TakenOver { remember, name } = before.ok_or(ApiError::SessionEnded(None))?;
    let new = new.with_name(name);
    let opened = sessions::open(&state, &mut transaction, new, verified, remember, &client).await?;
    let opened = opened.ok_or(ApiError::InvalidCredentials)?;
    // The browser has a new id, so a copy of its earlier token is not a token of this browser.
    let browser_id = opened.browser_id();
    let mut tokens = opened.commit(&state, transaction).await?;
    tokens.recovery_code_confirmed = Some(has_code);
    if let Ok(username) = Username::parse(&profile.username) {
        let (keys, now) = (&state.keys, state.clock.now());
        let made = known_browsers::make(
            keys,
            account_id,
            &username,
            password_changed_at,
            browser_id,
            now,
        );
        tokens.known_browser = made.ok();
    }
    state.ended.announce(ended, reason);
    Ok(TokenAnswer(StatusCode::OK, tokens))
}

/// Confirms the password of the account. Returns the account, and the turn in which the
/// password was computed. Failures count for the session only: a thief with an access token
/// who tries here must not block the person's other sessions or the sign-in.
///
/// An instance that makes no tokens checks no password, as at a sign-in: it may count failures
/// under other keys than the other instances. The same is true while the database is read-only.
pub(super) async fn confirmed(
    state: &Holdfast,
    current: &CurrentAccount,
    password: &Secret,
    client: &ClientInfo,
    address: ClientAddress,
) -> Result<(Credentials, PasswordTurn), ApiError> {
    let (account_id, session_id) = (current.account_id, current.session_id);
    sessions::may_mint(state)?;
    let keys = Limits::session_keys(&state.keys, account_id, session_id)?;
    let turn = state.limits.confirm(address, keys)?.turn().await?;
    let (session, failures) = (keys.session, state.limits.failures());
    let lookup = || async {
        let mut connection = state.pool.acquire().await?;
        let found =
            store::accounts::lookup_candidate(&mut connection, account_id, &session).await?;
        connection.release();
        Ok::<_, ApiError>(found)
    };
    let (found, unwritten) = failures.read(&[session], lookup).await?;
    let Some(found) = found else {
        return Err(sessions::gone(state, session_id).await);
    };
    if found.is_read_only {
        return Err(read_only());
    }
    let Confirmable {
        account, failed, ..
    } = found;
    failures::allow_stranger(unwritten[0].with(failed))
        .map_err(|refusal| state.limits.refused_for_failures(refusal))
        .map_err(|refusal| match ApiError::from(refusal) {
            ApiError::TooManyFailures(seconds) => ApiError::TooManyAttempts(seconds),
            other => other,
        })?;
    let stored = account.hash_to_compare();
    let verdict = state.passwords.verify(&turn, password, stored).await?;
    sessions::may_mint(state)?;
    match verdict {
        Verdict::Right { rehashed } => {
            // The person knows the password, so strangers' failures do not keep them out any
            // more.
            failures.clear(session);
            if let Some(profile) = state.profiles.get(&state.pool, account_id).await? {
                failures.clear(Limits::name_key(&state.keys, &profile.username)?);
            }
            if let Some(new) = rehashed {
                store_hash(state, &account, &new).await;
            }
            Ok((account, turn))
        }
        Verdict::Wrong => {
            let entered_in = EnteredIn::Session(session_id);
            note_failure(state, session, Some(&account), entered_in, client);
            Err(ApiError::WrongPassword)
        }
    }
}

/// Stores the new hash of a password that was right. An error is only logged, because the old hash
/// still works.
async fn store_hash(state: &Holdfast, account: &Credentials, new: &str) {
    let (account_id, old) = (account.account_id, &account.password_hash);
    let storing = async {
        let mut connection = state.pool.acquire().await?;
        let is_stored = store::accounts::rehash(&mut connection, account_id, old, new).await?;
        connection.release();
        Ok::<_, sqlx::Error>(is_stored)
    };
    match storing.await {
        Ok(true) => {}
        Ok(false) => tracing::debug!("A new hash was not stored, because its account is in use."),
        Err(error) => tracing::debug!(%error, "A new hash could not be stored."),
    }
}
