//! `POST /api/v1/login`: username and password for tokens.
//!
//! A security duty: an unknown account, a wrong password and a disabled account get the same
//! answer in the same time. So there is always one query and one password computation, and
//! the answer waits for no work that only one of these cases needs. An instance that makes no
//! tokens, or whose database is read-only, checks no password. Otherwise its answers would tell
//! which password is right.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{EventKind, LoginRequest};
use uuid::Uuid;

use super::to_the_end::to_the_end;
use crate::client_address::ClientAddress;
use crate::error::read_only;
use crate::http::{ApiError, Json, TokenAnswer};
use crate::keys::Obstacle;
use crate::limits::failures::{self, EnteredIn, FailureKey};
use crate::limits::known_browsers::{self, Known, KnownBrowser, Passwords};
use crate::limits::{BrowserKeys, Limits, PasswordTurn};
use crate::password_hash::Verdict;
use crate::sessions::{self, PreparedSession, VerifiedPassword, note_failure};
use crate::state::Holdfast;
use crate::store::accounts::Credentials;
use crate::store::{self, ClientInfo, sign_in_notices};

pub(super) async fn log_in(
    State(state): State<Holdfast>,
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
    /// The key under which failures of this name are counted.
    name: FailureKey,
    /// The tokens of known browsers that the request has for this name, and the keys under which
    /// their failures are counted.
    browsers: Vec<(KnownBrowser, BrowserKeys)>,
    /// The tokens for other names. The account may have changed its name since they were made.
    of_other_names: Vec<(KnownBrowser, BrowserKeys)>,
    address: ClientAddress,
}

/// Where a failure is counted.
#[derive(Debug, Clone, Copy)]
enum CountedUnder {
    /// Under the name, for a stranger.
    Name(FailureKey),
    /// Under a known browser.
    Browser(FailureKey),
    /// Under one key for all browsers that signed in with the previous password.
    PasswordBefore(FailureKey),
}

impl CountedUnder {
    fn key(self) -> FailureKey {
        let (Self::Name(key) | Self::Browser(key) | Self::PasswordBefore(key)) = self;
        key
    }

    /// Where the activity says that the password was entered. A browser of the previous password may be
    /// that of a thief, so its failures are not counted together with those of the person.
    fn entered_in(self) -> EnteredIn {
        match self {
            Self::Browser(_) => EnteredIn::KnownBrowser,
            Self::Name(_) | Self::PasswordBefore(_) => EnteredIn::StrangeBrowser,
        }
    }
}

async fn try_log_in(
    state: &Holdfast,
    client: ClientInfo,
    address: ClientAddress,
    headers: &HeaderMap,
    request: LoginRequest,
) -> Result<TokenAnswer, ApiError> {
    sessions::may_mint(state)?;
    let keys = &state.keys;
    let username = Username::parse(&request.username).ok();
    let found = username
        .as_ref()
        .map(|username| known_browsers::find(keys, headers, username, state.clock.now()));
    let found = found.unwrap_or_default();
    let with_keys = |browsers: Vec<KnownBrowser>| {
        let with_keys = |browser| Ok((browser, Limits::browser_keys(keys, &browser)?));
        let browsers = browsers.into_iter().map(with_keys);
        browsers.collect::<Result<Vec<_>, Obstacle>>()
    };
    let attempt = Attempt {
        name: Limits::name_key(keys, &request.username)?,
        username,
        password: request.password,
        remember: request.remember,
        browsers: with_keys(found.of_name)?,
        of_other_names: with_keys(found.of_other_names)?,
        address,
    };
    let browsers = attempt.browsers.iter().map(|(_, keys)| *keys);
    let place = state.limits.sign_in(address, attempt.name, browsers)?;
    // If the client hangs up while it waits for its turn, the server computes no password. After
    // its turn has come, the attempt goes on without the client.
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
        state: &Holdfast,
        turn: PasswordTurn,
        client: &ClientInfo,
    ) -> Result<TokenAnswer, ApiError> {
        let (account, counted_under, known_browser) = self.find(state, &turn).await?;
        let stored = account.as_ref().and_then(Credentials::hash_to_compare);
        let verdict = state
            .passwords
            .verify(&turn, &self.password, stored)
            .await?;
        drop(turn);
        // While the password was computed, the instance may have learnt that it must not make
        // tokens. Then the answer must not depend on the password.
        sessions::may_mint(state)?;
        let (account, rehashed, username) = match (account, verdict, self.username) {
            (Some(account), Verdict::Right { rehashed }, Some(username)) => {
                (account, rehashed, username)
            }
            (account, ..) => {
                let (key, entered_in) = (counted_under.key(), counted_under.entered_in());
                note_failure(state, key, account.as_ref(), entered_in, client);
                return Err(ApiError::InvalidCredentials);
            }
        };

        let Credentials {
            account_id,
            password_hash,
            password_changed_at,
            ..
        } = account;
        let new = PreparedSession::prepare(state, account_id, EventKind::SignIn).await?;
        let new = new.in_known_browser(known_browser);
        let mut connection = state.pool.acquire().await?;
        let mut transaction = connection.begin().await?;
        if let Some(new) = rehashed {
            store::accounts::rehash(&mut transaction, account_id, &password_hash, &new).await?;
        }
        let verified = VerifiedPassword {
            account_id,
            password_changed_at,
        };
        let has_code = store::recovery_codes::is_confirmed(&mut transaction, account_id).await?;
        let remember = self.remember;
        let opened =
            sessions::open(state, &mut transaction, new, verified, remember, client).await?;
        let opened = opened.ok_or(ApiError::InvalidCredentials)?;
        let leaves_surplus = opened.leaves_surplus();
        let browser_id = opened.browser_id();
        if !opened.is_in_known_browser() {
            // The account does not know this browser, so its other sessions tell the person.
            let session_id = opened.session_id();
            sign_in_notices::insert(&mut transaction, session_id, account_id, client).await?;
        }
        let mut tokens = opened.commit(state, transaction).await?;
        connection.release();
        if leaves_surplus {
            end_surplus_later(state, account_id, client);
        }
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
        tokens.recovery_code_confirmed = Some(has_code);
        // The right password resets the failures of the name and of this browser. The failures
        // that all browsers of the previous password have together stay, because a thief's
        // may be among them.
        state.limits.failures().clear(self.name);
        if let CountedUnder::Browser(key) = counted_under {
            state.limits.failures().clear(key);
        }
        Ok(TokenAnswer(StatusCode::OK, tokens))
    }

    /// The account of this name, where a failure will be counted, and the id of the browser if the
    /// account knows it. Strangers may have to wait; browsers that the account knows need not wait.
    async fn find(
        &self,
        state: &Holdfast,
        turn: &PasswordTurn,
    ) -> Result<(Option<Credentials>, CountedUnder, Option<Uuid>), ApiError> {
        let failures = state.limits.failures();
        let mut keys = vec![self.name];
        let mut browser_ids = Vec::new();
        for (browser, of_browser) in self.browsers.iter().chain(&self.of_other_names) {
            keys.extend([of_browser.browser, of_browser.password]);
            browser_ids.push(browser.browser_id());
        }
        // The server also makes the query for a name that no account can have, so that it takes as
        // long as for a name without an account.
        let username_key = self.username.as_ref().map(Username::key);
        let username_key = username_key.as_deref().unwrap_or_default();
        let lookup = || async {
            let mut connection = state.pool.acquire().await?;
            let candidate = store::accounts::find_candidate(
                &mut connection,
                username_key,
                &self.name,
                &keys[1..],
                &browser_ids,
            )
            .await?;
            connection.release();
            Ok::<_, ApiError>(candidate)
        };
        let (candidate, unwritten) = failures.read(&keys, lookup).await?;
        if candidate.is_read_only {
            return Err(read_only());
        }
        if candidate.forgiven {
            failures.clear(self.name);
        }
        let passwords = candidate.account.as_ref().map(|account| Passwords {
            account_id: account.account_id,
            changed_at: account.password_changed_at,
            previous_changed_at: candidate.previous_password_changed_at,
        });
        // The first of the browser's tokens that the account knows, that was not revoked, and whose
        // failures are not used up.
        let known = passwords.and_then(|passwords| {
            let browsers = self.browsers.iter().chain(&self.of_other_names);
            let mut browsers = browsers.enumerate();
            browsers.find_map(|(n, (browser, of_browser))| {
                if candidate.revoked.get(n) != Some(&false) {
                    return None;
                }
                let (at, counted_under) = match browser.known_to(&passwords, state.clock.now())? {
                    Known::ByPassword => (2 * n, CountedUnder::Browser(of_browser.browser)),
                    Known::ByPasswordBefore => {
                        (2 * n + 1, CountedUnder::PasswordBefore(of_browser.password))
                    }
                };
                let count = unwritten[1 + at].count(candidate.others[at]);
                (!failures::is_spent(count)).then_some((counted_under, browser.browser_id()))
            })
        });
        if let Some((counted_under, browser_id)) = known {
            return Ok((candidate.account, counted_under, Some(browser_id)));
        }
        if !self.browsers.is_empty() {
            state
                .limits
                .pay_as_stranger(turn, self.address, self.name)?;
        }
        failures::allow_stranger(unwritten[0].with(candidate.strangers))
            .map_err(|refusal| state.limits.refused_for_failures(refusal))?;
        Ok((candidate.account, CountedUnder::Name(self.name), None))
    }
}

/// Ends the sessions beyond the limit. The answer does not wait for this: the new session is open,
/// and the sign-in must not fail because there are many older sessions. A server that stops waits
/// for this work.
fn end_surplus_later(state: &Holdfast, account_id: Uuid, client: &ClientInfo) {
    let (state, client) = (state.clone(), client.clone());
    let under_way = state.stopping.under_way();
    tokio::spawn(async move {
        if let Err(error) = sessions::end_surplus(&state, account_id, &client).await {
            tracing::warn!(account.id = %account_id, %error, "Some sessions beyond the limit were not ended. The next sign-in ends them.");
        }
        drop(under_way);
    });
}
