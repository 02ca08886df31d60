//! How easy a new password is to guess.

use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{PasswordEstimate, PasswordEstimateRequest};

use super::engine;
use super::session::Session;
use super::transport::CallError;

impl Session {
    /// Asks the server how easy this password is to guess, as it does at a sign-up. This needs no session.
    /// The server neither keeps nor logs the text. `username` is the name of the account, as far as it is
    /// known: a password must not be like it.
    ///
    /// Ask when the person pauses, and not at every key: the server limits how many estimates one address
    /// may ask for.
    ///
    /// # Errors
    /// [`CallError`]; with the code `too_many_attempts` the address has asked for too many.
    pub async fn estimate_password(
        self,
        username: Option<String>,
        password: Secret,
    ) -> Result<PasswordEstimate, CallError> {
        engine::estimate_password(PasswordEstimateRequest { username, password }).await
    }
}
