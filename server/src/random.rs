//! The server's one source of randomness: the operating system's generator.

use uuid::Uuid;

use crate::clock::Clock;

/// Random bytes, good enough for secrets.
///
/// # Panics
/// When the operating system has no randomness to give. Nothing safe can be done
/// without it.
#[expect(clippy::disallowed_methods, reason = "this is the one source")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// A new id (UUIDv7): unguessable in its last 74 bits, ordered by time in its first.
pub fn id(clock: &Clock) -> Uuid {
    uuid::Builder::from_unix_timestamp_millis(clock.now_millis(), &bytes()).into_uuid()
}
