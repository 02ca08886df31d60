//! Functions of tests for tokens, and the password of their accounts.

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::wire::Tokens;

/// A password that is accepted.
pub const PASSWORD: &str = "velvet anchor drifting northward";

/// The link number of a refresh token.
pub fn generation(tokens: &Tokens) -> u32 {
    UnverifiedRefreshToken::parse(tokens.refresh_token.expose())
        .unwrap()
        .generation()
}

/// A new attempt key.
pub fn new_key() -> AttemptKey {
    AttemptKey::from_random(holdfast_server::random::bytes())
}
