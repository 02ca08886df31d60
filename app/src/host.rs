//! What a server function finds when it runs: who calls it, and what the server has
//! lent it. The client itself knows no database; the host puts what is needed into
//! the context of each call.
//!
//! On the server only. In the browser a server function has no body.

use std::pin::Pin;

use holdfast_protocol::problem::{Code, Problem};
use leptos::prelude::use_context;
use uuid::Uuid;

use crate::session::ApiError;

/// The account and the session of the access token that came with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// Who signed in.
    pub account_id: Uuid,
    /// With which session.
    pub session_id: Uuid,
}

/// An answer of the host that takes a while.
pub type HostFuture<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>>;

/// Who calls this server function.
///
/// # Errors
/// [`ApiError::SignedOut`] where there is no call, or where the function is public
/// and so nobody has looked at a token.
pub fn caller() -> Result<Caller, ApiError> {
    use_context().ok_or(ApiError::SignedOut)
}

/// Something that the host has lent to this call.
///
/// # Errors
/// A problem with [`Code::Internal`] if the host lends no such thing. Its words reach
/// the log and no client.
pub fn lent<T: Clone + 'static>() -> Result<T, ApiError> {
    use_context().ok_or_else(|| {
        let detail = format!("The host lends no {}.", std::any::type_name::<T>());
        ApiError::Problem(Problem::new(Code::Internal, detail))
    })
}
