//! Why an attempt was not made.

/// What a limit answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The caller has made too many; the next one may come after so many seconds.
    TooMany {
        /// Seconds.
        retry_after: u32,
    },
    /// Too many wrong passwords were tried under this name.
    TooManyFailures {
        /// Seconds.
        retry_after: u32,
    },
    /// The server as a whole has too much to do.
    Busy,
}
