//! The browser's clocks and dice: the one place where the client asks for them.

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::renewal::Moment;
use leptos::prelude::window;
use uuid::Uuid;

/// This moment, for the renewal machine.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "whole milliseconds are enough, and a cast from float saturates"
)]
pub(super) fn now() -> Moment {
    let running = window().performance().map_or(0.0, |clock| clock.now());
    Moment {
        wall_ms: js_sys::Date::now() as i64,
        running_ms: running as u64,
        dice: (js_sys::Math::random() * f64::from(u32::MAX)) as u32,
    }
}

/// A fresh attempt key. `None` where the browser has no generator of secrets.
pub(super) fn fresh_attempt_key() -> Option<AttemptKey> {
    random().map(AttemptKey::from_random)
}

/// What tells one life of the browser's storage from the next. Nil where the browser has no
/// generator of secrets: then they cannot be told apart.
pub(super) fn fresh_life() -> Uuid {
    random().map_or(Uuid::nil(), Uuid::from_bytes)
}

/// Random bytes that nobody can guess; the dice of [`now`] would not do.
fn random() -> Option<[u8; 16]> {
    let mut random = [0; 16];
    let crypto = window().crypto().ok()?;
    crypto.get_random_values_with_u8_array(&mut random).ok()?;
    Some(random)
}
