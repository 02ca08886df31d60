//! A person deletes the account.

use std::cell::Cell;

use gloo_net::http::Method;
use holdfast_protocol::problem::{Code, Problem};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{DeleteAccount, EndReason, paths};

use super::calls::{call_and_tell, whose};
use super::driver::Driver;
use super::session::Session;
use super::transport::{self, Call, CallError};

impl Session {
    /// Deletes the account of the person whom the page shows. Then this browser is signed out, and
    /// [`Session::ending`] is `AccountDeleted`.
    ///
    /// # Errors
    /// [`CallError`]; with the code `invalid_credentials` the password was wrong. After
    /// [`CallError::Unreachable`], and after a problem with a status of 500 or more, the account may be
    /// deleted: repeat the call to find out.
    pub async fn delete_account(self, password: Secret) -> Result<(), CallError> {
        let whose = whose();
        let driver = Driver::current().ok_or(CallError::SignedOut)?;
        let call = Call::to_holdfast(Method::DELETE, paths::ACCOUNT);
        let call = call.with_json(&DeleteAccount { password });
        let sent_for = Cell::new(None);
        let tell = |of| sent_for.set(Some(of));
        let answer = call_and_tell(&call, whose, true, &tell).await?;
        transport::parse_nothing(&answer)?;
        if let Some(of) = sent_for.get() {
            // The next call would be refused like this. The client need not send it to know.
            let over = Problem {
                reason: Some(EndReason::AccountDeleted),
                ..Problem::new(Code::SessionEnded, "")
            };
            driver.note_outcome(of, &Err(CallError::Problem(over)));
        }
        Ok(())
    }
}
