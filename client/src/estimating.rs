//! The request that asks how easy a new password is to guess.

use gloo_net::http::Method;
use holdfast_protocol::wire::{PasswordEstimate, PasswordEstimateRequest, paths};

use super::transport::{self, Call, CallError};

/// See [`super::Session::estimate_password`].
pub(super) async fn estimate(
    request: PasswordEstimateRequest,
) -> Result<PasswordEstimate, CallError> {
    let call = Call::to_holdfast(Method::POST, paths::PASSWORD_ESTIMATE).with_json(&request);
    transport::parse(&transport::send(&call, None).await?)
}
