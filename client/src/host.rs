//! What a server function can use when it runs: the caller, and the things that the host
//! lends to it. The *host* is the server that runs the function. The crate of a function knows no
//! database, so the host puts these things into the context of each call.
//!
//! This is for the server only. In the browser a server function has no body.

use std::pin::Pin;

use holdfast_protocol::problem::{Code, Problem};
use leptos::prelude::use_context;
use uuid::Uuid;

use crate::transport::CallError;

/// The account and the session of the access token that came with the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The account that is signed in.
    pub account_id: Uuid,
    /// Its session.
    pub session_id: Uuid,
}

/// An answer of the host that takes some time.
pub type HostFuture<T> = Pin<Box<dyn Future<Output = Result<T, CallError>> + Send>>;

/// Who calls this server function.
///
/// # Errors
/// [`CallError::SignedOut`] outside of a call, or if the function is public: then the server
/// has checked no token.
pub fn caller() -> Result<Caller, CallError> {
    use_context().ok_or(CallError::SignedOut)
}

/// Something that the host has lent to this call.
///
/// # Errors
/// A problem with [`Code::Internal`] if the host lends no such thing. Its text is for the log
/// only.
pub fn lent<T: Clone + 'static>() -> Result<T, CallError> {
    use_context().ok_or_else(|| {
        let detail = format!("The host lends no {}.", std::any::type_name::<T>());
        CallError::Problem(Problem::new(Code::Internal, detail))
    })
}
