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

/// A new id (UUIDv7): ordered by time down to the microsecond (RFC 9562 §6.2, method
/// 3), unguessable in its last 62 bits.
pub fn id(clock: &Clock) -> Uuid {
    let now = clock.now_micros();
    let mut tail = bytes::<10>();
    // The twelve bits behind the milliseconds.
    let fraction = u16::try_from(now % 1000 * 4096 / 1000).unwrap_or(0);
    tail[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(now / 1000, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn ids_are_ordered_by_time_within_a_millisecond_too() {
        let clock = Clock::system();
        let ids: Vec<_> = (0..200)
            .map(|_| {
                std::thread::sleep(Duration::from_micros(5));
                id(&clock)
            })
            .collect();
        assert!(ids.is_sorted());
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
