//! The recovery code as components see it: a new code, the offer of one, and the way back in.

use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{
    ConfirmRecoveryCode, NewRecoveryCode, RecoverRequest, RecoveryCodeState, ReplaceRecoveryCode,
    paths,
};
use leptos::prelude::*;

use super::address::of_holdfast;
use super::calls::Api;
use super::engine;
use super::new_code;
use super::recovering::BackIn;
use super::session::Session;
use super::transport::CallError;

impl Session {
    /// The new recovery code of the person whom the page shows, until they confirm that they keep
    /// it. Only the page that made the account or the code has it. Not reactive.
    pub fn new_recovery_code(self) -> Option<Secret> {
        new_code::of(untrack(|| self.account_id())?)
    }

    /// Whether the person has not confirmed yet that they keep a recovery code, as far as this
    /// browser knows.
    pub fn is_offered_a_recovery_code(self) -> bool {
        self.account_id().is_some_and(new_code::is_offered_to)
    }

    /// Asks the server whether the account has a recovery code. This also updates whether the pages
    /// offer a code, unless a code was made or confirmed in this page since the request was sent.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn recovery_code_state(self) -> Result<RecoveryCodeState, CallError> {
        let (api, account_id) = self.now();
        let before = account_id.and_then(new_code::of);
        let state: RecoveryCodeState = api.get(&of_holdfast(paths::RECOVERY_CODE)).await?;
        if let Some(account_id) = account_id
            && new_code::of(account_id) == before
        {
            new_code::opened(account_id, Some(state.confirmed));
        }
        Ok(state)
    }

    /// Makes a new recovery code. An earlier code that was confirmed is good until the new one was
    /// confirmed or used. An earlier code that was not confirmed is void at once, even if the
    /// answer is lost.
    ///
    /// # Errors
    /// [`CallError`]; with the code `invalid_credentials` the password was wrong.
    pub async fn replace_recovery_code(self, password: Secret) -> Result<Secret, CallError> {
        let (api, account_id) = self.now();
        let request = ReplaceRecoveryCode { password };
        let path = of_holdfast(paths::RECOVERY_CODE);
        let NewRecoveryCode { recovery_code } = api.put(&path, &request).await?;
        if let Some(account_id) = account_id {
            new_code::keep(account_id, recovery_code.clone());
            new_code::offer_to(account_id);
        }
        Ok(recovery_code)
    }

    /// Confirms that the person keeps this code, so the code before is void.
    ///
    /// # Errors
    /// [`CallError`]; with the code `not_found` it is not the newest one any more.
    pub async fn confirm_recovery_code(self, recovery_code: Secret) -> Result<(), CallError> {
        let account_id = untrack(|| self.account_id());
        let request = ConfirmRecoveryCode {
            recovery_code: recovery_code.clone(),
        };
        if let Err(why) = engine::confirm_recovery_code(request).await {
            if why.code() == Some(Code::NotFound) {
                new_code::forget(&recovery_code);
            }
            return Err(why);
        }
        if let Some(account_id) = account_id {
            new_code::confirmed(account_id);
        }
        Ok(())
    }

    /// Sets a new password with the recovery code. Returns the name with which the person signs in, and
    /// the next code. All sessions of the account end; the person signs in afterwards. From the sign-in on,
    /// [`Session::new_recovery_code`] has the next code, until it was confirmed. While no answer
    /// comes, the client repeats the request for up to two minutes: the server answers a repeated
    /// request in the same way.
    ///
    /// # Errors
    /// [`CallError`]; the code says what was wrong with the request. With
    /// [`CallError::NotKnown`] the password may have been set. If the form is gone when the answer
    /// comes, give the result to [`Session::recovery_form_is_gone`].
    pub async fn recover(self, request: RecoverRequest) -> Result<BackIn, CallError> {
        engine::recover(request).await
    }

    /// Whether this page has set a new password with a recovery code, and nobody has signed in here since. Not
    /// reactive.
    pub fn has_recovered(self) -> bool {
        new_code::has_recovered()
    }

    fn now(self) -> (Api, Option<uuid::Uuid>) {
        (self.api(), untrack(|| self.account_id()))
    }
}
