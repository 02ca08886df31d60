//! What every page uses of the engine, which keeps the session: storage, renewal, other tabs. A page can be
//! shown without the engine's code: with the feature `split`, a browser that has stored nothing for this
//! app does not load it, until a person types a new password, signs in, signs up or recovers an account, or
//! another tab stores something.

use holdfast_protocol::wire::{
    ConfirmRecoveryCode, LoginRequest, PasswordEstimate, PasswordEstimateRequest, RecoverRequest,
    SignupRequest,
};

use super::changes::Form;
use super::config::Config;
use super::engine_code::{
    Controls, begin_confirmation, begin_estimate, begin_recovery, begin_sign_in, begin_sign_up,
    controls,
};
#[cfg(feature = "split")]
use super::late_engine::{load_what_is_needed, until_runs};
use super::recovering::BackIn;
use super::surroundings;
use super::transport::CallError;

/// Starts the engine. From now on `tell` gets every change. An engine that this page does not need yet
/// starts when it is needed.
#[cfg(feature = "split")]
pub(super) use super::late_engine::start;

/// Starts the engine. From now on `tell` gets every change.
#[cfg(not(feature = "split"))]
pub(super) fn start(tell: super::engine_code::Tell) {
    use futures::FutureExt as _;

    let start = super::engine_code::Start { tell, shown: None };
    let _ = super::engine_code::run_engine(start).now_or_never();
}

/// Everything is in one file, so the engine runs from the start.
#[cfg(not(feature = "split"))]
async fn until_runs() -> Result<(), CallError> {
    Ok(())
}

#[cfg(not(feature = "split"))]
async fn load_what_is_needed() -> Result<(), CallError> {
    Ok(())
}

/// See [`super::Session::sign_in`].
pub(super) async fn sign_in(request: LoginRequest) -> Result<(), CallError> {
    until_runs().await?;
    begin_sign_in(request).await?.await
}

/// See [`super::Session::sign_up`].
pub(super) async fn sign_up(request: SignupRequest) -> Result<(), CallError> {
    until_runs().await?;
    begin_sign_up(request).await?.await
}

/// See [`super::Session::recover`].
pub(super) async fn recover(request: RecoverRequest) -> Result<BackIn, CallError> {
    until_runs().await?;
    begin_recovery(request).await?.await
}

/// See [`super::Session::confirm_recovery_code`]. A person is signed in then, so the engine runs.
pub(super) async fn confirm_recovery_code(request: ConfirmRecoveryCode) -> Result<(), CallError> {
    // The call belongs to the account that the page shows before the first `await`.
    let whose = (controls().ok_or(CallError::SignedOut)?.whose)();
    begin_confirmation((whose, request)).await?.await
}

/// See [`super::Session::estimate_password`]. This needs the code of the engine, but no engine that runs.
pub(super) async fn estimate_password(
    request: PasswordEstimateRequest,
) -> Result<PasswordEstimate, CallError> {
    begin_estimate(request).await?.await
}

/// Notes that the person has read why no person is signed in any more.
pub(super) fn ending_was_read() {
    with_controls(|controls| (controls.ending_was_read)());
}

/// Notes that the person has read what became of a form.
pub(super) fn told_was_read() {
    with_controls(|controls| (controls.told_was_read)());
}

/// Tells what became of a form that is gone.
pub(super) fn form_is_gone(form: Form, outcome: &Result<(), CallError>) {
    with_controls(|controls| (controls.form_is_gone)(form, outcome));
}

/// Reloads the page.
pub(super) fn reload() {
    match controls() {
        Some(controls) => (controls.reload)(),
        None => surroundings::reload(),
    }
}

/// Signs out the person whom the page shows.
pub(super) fn sign_out() {
    with_controls(|controls| (controls.sign_out)());
}

/// Without an engine there is no session, so there is nothing to do.
fn with_controls(act: impl FnOnce(Controls)) {
    if let Some(controls) = controls() {
        act(controls);
    }
}

/// Loads the code that this page needs for its session. An app whose build cuts pieces out of the
/// WebAssembly (feature `split`) calls this before it takes over the page, so that a signed-in person
/// never waits for a second time. Without this feature there is nothing to load.
///
/// # Errors
/// [`CallError::NotLoaded`] if the code does not arrive within 20 s.
///
/// # Panics
/// If a value of `config` is not allowed; see [`Config`].
pub async fn load_if_needed(config: &Config) -> Result<(), CallError> {
    config.apply();
    load_what_is_needed().await
}
