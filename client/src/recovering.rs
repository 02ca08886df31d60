//! The request that sets a new password with a recovery code, and the one that confirms a code.

use gloo_net::http::Method;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{ConfirmRecoveryCode, RecoverRequest, Recovered, paths};

use super::address::of_holdfast;
use super::calls::Api;
use super::changes::{self, Form};
use super::driver::{Driver, Whose};
use super::new_code;
use super::transport::{self, Call, CallError};

/// What a person needs after a recovery.
#[derive(Debug, Clone)]
pub struct BackIn {
    /// The account's present name, with which the person signs in. Another person may have changed it, so
    /// it may be another name than the one that the person has typed.
    pub username: String,
    /// The next recovery code.
    pub recovery_code: Secret,
}

/// Sets a new password. If the page waits for its reload, because another person has signed in, a message
/// tells what became of this.
pub(super) async fn recover(request: RecoverRequest) -> Result<BackIn, CallError> {
    // The page does not reload for another person before the answer.
    let driver = Driver::current().ok_or(CallError::SILENCE)?;
    let _expectation = driver.expect_session();
    let outcome = send(request).await;
    if driver.is_for_another() {
        let became = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        changes::tell_what_became(&driver, Form::Recovery, &became, false);
    }
    outcome
}

async fn send(request: RecoverRequest) -> Result<BackIn, CallError> {
    let call = Call::to_holdfast(Method::POST, paths::RECOVER).with_json(&request);
    let send = || async { transport::send(&call, None).await };
    let is_whole = |body: &str| transport::parse::<Recovered>(body).is_ok();
    let (outcome, _) = changes::with_repetitions_of(is_whole, send, || None).await;
    let recovered: Recovered = transport::parse(&outcome?)?;
    // A server of the release before does not say the name, and finds the account by no other one.
    let username = recovered.username.unwrap_or(request.username);
    let recovery_code = recovered.recovery_code;
    new_code::recovered_here(
        username.clone(),
        recovery_code.clone(),
        recovered.known_browser,
    );
    Ok(BackIn {
        username,
        recovery_code,
    })
}

/// Confirms that the person keeps this code.
pub(super) async fn confirm(whose: Whose, request: ConfirmRecoveryCode) -> Result<(), CallError> {
    let path = of_holdfast(paths::RECOVERY_CODE_CONFIRMED);
    Api(whose).post_without_answer(&path, &request).await
}
