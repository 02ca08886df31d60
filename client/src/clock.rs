//! The browser's clocks and random numbers. Only this file uses them in the client.

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::renewal::Moment;
use js_sys::Reflect;
use leptos::prelude::window;
use uuid::Uuid;
use web_sys::AbortSignal;

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
        jitter: (js_sys::Math::random() * f64::from(u32::MAX)) as u32,
    }
}

/// A new attempt key. `None` if the browser has no generator of secrets.
pub(super) fn fresh_attempt_key() -> Option<AttemptKey> {
    random().map(AttemptKey::from_random)
}

/// A new random id for the present content of the browser's storage (its life). If the data are
/// deleted, the next content gets another id. Nil if the browser has no generator of secrets: then
/// lives cannot be distinguished.
pub(super) fn fresh_life() -> Uuid {
    random().map_or(Uuid::nil(), Uuid::from_bytes)
}

/// Random bytes that an attacker cannot guess. The random number of [`now`] is not sufficient for
/// this.
fn random() -> Option<[u8; 16]> {
    let mut random = [0; 16];
    let crypto = window().crypto().ok()?;
    crypto.get_random_values_with_u8_array(&mut random).ok()?;
    Some(random)
}

/// A signal that comes after this time. `None` in browsers from before 2022. They do not have this
/// function, and a call of it would end the client.
pub(super) fn signal_after(ms: u32) -> Option<AbortSignal> {
    let class = Reflect::get(&js_sys::global(), &"AbortSignal".into()).ok()?;
    let has_it = Reflect::has(&class, &"timeout".into()).ok()?;
    has_it.then(|| AbortSignal::timeout_with_u32(ms))
}
