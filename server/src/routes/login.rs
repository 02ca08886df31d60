//! `POST /api/v1/login`: username and password for tokens.
//!
//! A security duty: an unknown account, a wrong password and a disabled account are
//! one answer, in words and in time. So there is always one query and one password
//! computation, and nothing that only one of them does is waited for.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EventKind, LoginRequest};

use super::to_the_end;
use crate::client_address::ClientAddress;
use crate::http::{ApiError, Json, TokenAnswer};
use crate::limits::failures::{self, FailureKey};
use crate::limits::known_browsers::{self, KnownBrowser};
use crate::limits::{Limits, Turn};
use crate::password_hash::Verdict;
use crate::sessions::{self, Verified, note_failure};
use crate::state::AppState;
use crate::store::accounts::Credentials;
use crate::store::{self, ClientInfo};

pub(super) async fn log_in(
    State(state): State<AppState>,
    client: ClientInfo,
    address: ClientAddress,
    headers: HeaderMap,
    Json(request): Json<LoginRequest>,
) -> Result<TokenAnswer, ApiError> {
    let answer = try_log_in(&state, client, address, &headers, request).await;
    state.metrics.signed_in(answer.as_ref().map(|_| ()));
    answer
}

/// A sign-in that waits for its turn, or has it.
struct Attempt {
    username: Option<Username>,
    password: Secret,
    remember: bool,
    /// What failures under this name are counted under.
    name: FailureKey,
    /// The known browser that it comes from, and what its failures are counted under.
    browser: Option<(KnownBrowser, FailureKey)>,
}

async fn try_log_in(
    state: &AppState,
    client: ClientInfo,
    address: ClientAddress,
    headers: &HeaderMap,
    request: LoginRequest,
) -> Result<TokenAnswer, ApiError> {
    let keys = &state.keys;
    let username = Username::parse(&request.username).ok();
    let browser = username
        .as_ref()
        .and_then(|username| known_browsers::find(keys, headers, username, state.clock.now()))
        .map(|browser| (browser, Limits::browser_key(keys, &browser)));
    let attempt = Attempt {
        name: Limits::name_key(keys, &request.username),
        username,
        password: request.password,
        remember: request.remember,
        browser,
    };
    let browser = attempt.browser.map(|(_, key)| key);
    let place = state
        .limits
        .sign_in(address.for_limits(), attempt.name, browser)?;
    // Whoever goes away while waiting costs nothing. From here on it counts.
    let turn = place.turn().await?;
    let stopping = &state.stopping;
    let state = state.clone();
    to_the_end(stopping, async move {
        attempt.make(&state, turn, &client).await
    })
    .await
}

impl Attempt {
    async fn make(
        self,
        state: &AppState,
        turn: Turn,
        client: &ClientInfo,
    ) -> Result<TokenAnswer, ApiError> {
        let (account, counted_under) = self.find(state).await?;
        let stored = account
            .as_ref()
            .map(|account| account.password_hash.clone());
        let verdict = state
            .passwords
            .verify(&turn, &self.password, stored)
            .await?;
        drop(turn);
        let (account, rehashed, username) = match (account, verdict, self.username) {
            (Some(account), Verdict::Right { rehashed }, Some(username))
                if account.disabled_at.is_none() =>
            {
                (account, rehashed, username)
            }
            (account, ..) => {
                let account_id = account.map(|account| account.account_id);
                note_failure(state, counted_under, account_id, None, client);
                return Err(ApiError::InvalidCredentials);
            }
        };

        let mut connection = state.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        let Credentials {
            account_id,
            password_hash,
            password_changed_at,
            ..
        } = account;
        if let Some(new) = rehashed {
            store::accounts::rehash(&mut transaction, account_id, &password_hash, &new).await?;
        }
        let verified = Verified {
            account_id,
            password_changed_at,
        };
        let (remember, kind) = (self.remember, EventKind::SignIn);
        let opened =
            sessions::open(state, &mut transaction, verified, remember, kind, client).await?;
        let opened = opened.ok_or(ApiError::InvalidCredentials)?;
        let mut tokens = opened.commit(state, transaction).await?;
        let (keys, now) = (&state.keys, state.clock.now());
        let made = known_browsers::make(keys, account_id, &username, password_changed_at, now);
        tokens.known_browser = made;
        // Whoever knows the password has had no failures.
        for key in [Some(self.name), self.browser.map(|(_, key)| key)] {
            key.into_iter()
                .for_each(|key| state.limits.failures().clear(key));
        }
        Ok(TokenAnswer(StatusCode::OK, tokens))
    }

    /// The account of this name, and what a failure will be counted under. Strangers may
    /// have to wait; browsers that the account knows need not.
    async fn find(&self, state: &AppState) -> Result<(Option<Credentials>, FailureKey), ApiError> {
        let failures = state.limits.failures();
        let unwritten = failures.unwritten(&self.name);
        let unwritten_of_browser = self.browser.map(|(_, key)| failures.unwritten(&key));
        // A name that nobody can have is looked up as one that nobody has.
        let username_key = self.username.as_ref().map(Username::key);
        let mut connection = state.pool.acquire().await?;
        let candidate = store::accounts::find_candidate(
            &mut connection,
            username_key.as_deref().unwrap_or_default(),
            &self.name,
            self.browser.as_ref().map(|(_, key)| key.as_slice()),
        )
        .await?;
        connection.release();
        if candidate.forgiven {
            failures.clear(self.name);
        }
        let known = self
            .browser
            .zip(unwritten_of_browser)
            .zip(candidate.account.as_ref())
            .filter(|(((browser, _), unwritten), account)| {
                let changed_at = account.password_changed_at;
                browser.is_known_to(account.account_id, changed_at, state.clock.now())
                    && !failures::is_spent(unwritten.with(candidate.browser))
            })
            .map(|(((_, key), _), _)| key);
        let counted_under = match known {
            Some(key) => key,
            None => {
                failures::allow_stranger(unwritten.with(candidate.strangers))
                    .map_err(|refusal| state.limits.refused_for_failures(refusal))?;
                self.name
            }
        };
        Ok((candidate.account, counted_under))
    }
}
