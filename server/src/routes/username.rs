//! `PUT /api/v1/account/username`: changes the username. Sessions, the password and the recovery code
//! stay as they are.
//!
//! A security duty: nobody else can get the old name for thirty days, so nobody can pretend to be its
//! former owner. A sign-in with the old name gets the answer for a name without an account. A recovery
//! and an operator still find the account by the old name in this time, because a thief with the
//! password may have changed the name.

use axum::extract::State;
use holdfast_protocol::password::{self, PasswordError};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{Account, ChangeUsername, EventKind};

use super::password::confirmed;
use crate::client_address::ClientAddress;
use crate::http::{ApiError, CurrentAccount, Json};
use crate::lifetimes::{MOST_USERNAMES_RESERVED, USERNAME_CHANGED_ONCE_IN};
use crate::limits::Limits;
use crate::random;
use crate::security_log;
use crate::sessions;
use crate::state::Holdfast;
use crate::store::accounts::Profile;
use crate::store::events::NewEvent;
use crate::store::{self, ClientInfo, former_usernames};

pub(super) async fn change(
    State(state): State<Holdfast>,
    current: CurrentAccount,
    client: ClientInfo,
    address: ClientAddress,
    Json(request): Json<ChangeUsername>,
) -> Result<Json<Account>, ApiError> {
    let (account_id, own) = (current.account_id, current.session_id);
    let wanted = Username::parse(&request.username)?;
    let password = &request.password;
    let (account, turn) = confirmed(&state, &current, password, &client, address).await?;
    drop(turn);
    if is_in_password(password, &wanted) {
        return Err(ApiError::UsernameInPassword);
    }
    // This call waits for the account's row, like a call that ends sessions. So it takes one of the
    // slots for such calls.
    let slot = state.limits.end_sessions(account_id, own)?;

    let mut connection = state.pool.acquire().await?;
    let mut transaction = connection.begin().await?;
    if !store::accounts::lock(&mut transaction, account_id, account.password_changed_at).await? {
        // The account has another password by now, or it was disabled or deleted.
        transaction.rollback().await?;
        return Err(sessions::gone(&state, own).await);
    }
    let remember = store::sessions::lookup_remember(&mut transaction, own).await?;
    let before = store::accounts::lookup_profile(&mut transaction, account_id).await?;
    let (Some(_), Some(before)) = (remember, before) else {
        transaction.rollback().await?;
        return Err(sessions::gone(&state, own).await);
    };
    if before.username == wanted.as_str() {
        // The answer to an earlier request was lost.
        transaction.rollback().await?;
        return Ok(answer(&current, before));
    }
    let (old, new) = (before.username.to_ascii_lowercase(), wanted.key());
    // A change of the spelling alone gives up no name, so it does not count.
    let is_own = old == new
        || former_usernames::reserved_for(&mut transaction, &new).await? == Some(account_id);
    if !is_own {
        let ago = former_usernames::last_given_up_ago(&mut transaction, account_id).await?;
        if let Some(seconds) = left(ago) {
            return Err(ApiError::UsernameChangedLately(seconds));
        }
        let reserved = former_usernames::count(&mut transaction, account_id).await?;
        if reserved >= MOST_USERNAMES_RESERVED {
            return Err(ApiError::TooManyUsernames);
        }
    }
    if !store::accounts::change_username(&mut transaction, account_id, &wanted).await? {
        return Err(ApiError::UsernameTaken);
    }
    let reserved_for = former_usernames::reserved_for(&mut transaction, &new).await?;
    if reserved_for.is_some_and(|owner| owner != account_id) {
        return Err(ApiError::UsernameTaken);
    }
    former_usernames::exchange(&mut transaction, account_id, &new, &old).await?;
    let both_names = format!("from {} to {}", before.username, wanted.as_str());
    let event = NewEvent {
        event_id: random::id(&state.clock),
        account_id,
        session_id: Some(own),
        kind: EventKind::UsernameChanged,
        client: &client,
        detail: Some(&both_names),
        ended_user_agent: None,
    };
    store::events::insert(&mut transaction, event).await?;
    transaction.commit().await?;
    drop(slot);
    state.profiles.forget(account_id);
    // A stranger may have tried passwords under this name before. The person has just confirmed the
    // password, which resets the count of a name.
    let name = Limits::name_key(&state.keys, wanted.as_str())?;
    state.limits.failures().clear(name);
    security_log::renamed(account_id, own, &client);
    let after = Profile {
        username: wanted.as_str().to_owned(),
        ..before
    };
    Ok(answer(&current, after))
}

fn answer(current: &CurrentAccount, profile: Profile) -> Json<Account> {
    Json(Account {
        account_id: current.account_id,
        username: profile.username,
        created_at: profile.created_at.unix_timestamp(),
    })
}

/// Whether the name would make the password easy to guess. The password was accepted with the name
/// until now.
fn is_in_password(password: &Secret, wanted: &Username) -> bool {
    let is_expected =
        |name| password::check(password.expose(), name) == Err(PasswordError::Expected);
    is_expected(wanted.as_str()) && !is_expected("")
}

/// How many seconds the account has to wait, if it gave up its last name this many seconds ago.
fn left(ago: Option<f64>) -> Option<u32> {
    let left = USERNAME_CHANGED_ONCE_IN.as_secs_f64() - ago?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the number is positive, and at most a day"
    )]
    (left > 0.0).then(|| left.ceil() as u32)
}
