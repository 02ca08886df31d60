//! Why an attempt was refused.

/// The answer of a limit that refuses an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The caller has made too many attempts; it may make the next one after this time.
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
