//! The server's only source of randomness: the operating system's generator.

use std::cell::RefCell;

use uuid::Uuid;

use crate::clock::Clock;

/// Random bytes, random enough for secrets.
///
/// # Panics
/// When the operating system gives no randomness. The server cannot work safely without
/// it.
#[expect(clippy::disallowed_methods, reason = "this is the one source")]
pub fn bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system gives random bytes");
    bytes
}

/// How many bytes [`bytes_of_no_secret`] takes at once.
const AT_ONCE: usize = 1024;

/// Random bytes that may become known, such as those of a request's id. They come from the same
/// generator, but many at once: a call of the system for each request takes longer than the rest of
/// the id. The bytes that wait for their use are in this thread's memory, so use them for no secret.
pub fn bytes_of_no_secret<const N: usize>() -> [u8; N] {
    const { assert!(N <= AT_ONCE) };
    thread_local! {
        /// The bytes, and how many of them are used.
        static BYTES: RefCell<([u8; AT_ONCE], usize)> = const { RefCell::new(([0; AT_ONCE], AT_ONCE)) };
    }
    BYTES.with_borrow_mut(|(kept, used)| {
        if *used + N > AT_ONCE {
            (*kept, *used) = (bytes(), 0);
        }
        let mut taken = [0; N];
        taken.copy_from_slice(&kept[*used..*used + N]);
        *used += N;
        taken
    })
}

/// A new id (UUIDv7). Its last 62 bits cannot be guessed, and it is greater than every id
/// that was made with this clock before (RFC 9562 §6.2, method 3). So the order of ids is
/// the order in which they were made, even within one instant.
pub fn id(clock: &Clock) -> Uuid {
    let moment = clock.id_moment();
    let mut tail = bytes::<10>();
    // The twelve bits after the milliseconds.
    let fraction = u16::try_from(moment & 0xfff).unwrap_or(0);
    tail[..2].copy_from_slice(&fraction.to_be_bytes());
    uuid::Builder::from_unix_timestamp_millis(moment >> 12, &tail).into_uuid()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn bytes_of_no_secret_are_never_given_twice() {
        let given: HashSet<[u8; 16]> = (0..1000).map(|_| bytes_of_no_secret()).collect();
        assert_eq!(given.len(), 1000);
    }

    #[test]
    fn ids_are_in_the_order_in_which_they_were_made() {
        let clock = Clock::system();
        let ids: Vec<_> = (0..10_000).map(|_| id(&clock)).collect();
        assert!(ids.is_sorted_by(|one, next| one < next));
        assert!(ids.iter().all(|id| id.get_version_num() == 7));
    }
}
