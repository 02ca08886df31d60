//! A person changes the username.

use gloo_net::http::Method;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{Account, ChangeUsername, paths};

use super::calls::{call_and_tell, whose};
use super::changes::with_repetitions_of;
use super::session::Session;
use super::transport::{self, Call, CallError};

impl Session {
    /// Changes the username of the person whom the page shows. No session ends. While no answer comes,
    /// the client repeats the request for up to two minutes: the server answers a repeated request in
    /// the same way.
    ///
    /// # Errors
    /// [`CallError`]; with the code `invalid_credentials` the password was wrong. After
    /// [`CallError::NotKnown`] the name may be changed: repeat the call to find out.
    pub async fn change_username(
        self,
        username: String,
        password: Secret,
    ) -> Result<Account, CallError> {
        let whose = whose();
        let call = Call::to_holdfast(Method::PUT, paths::USERNAME);
        let call = call.with_json(&ChangeUsername { username, password });
        let send = || call_and_tell(&call, whose, true, &|_| ());
        let is_whole = |body: &str| transport::parse::<Account>(body).is_ok();
        let (outcome, _) = with_repetitions_of(is_whole, send, || None).await;
        transport::parse(&outcome?)
    }
}
