//! How slow a client may be, and how many connections there may be.

use std::time::Duration;

/// How slow a client may be, and how many connections there may be.
#[derive(Debug, Clone, Copy)]
pub struct ConnectionLimits {
    /// How many connections may be open.
    pub most: usize,
    /// The time from the first byte of a request until its header is complete.
    pub header: Duration,
    /// The time from the header until the body is complete.
    pub body: Duration,
    /// The time without a request.
    pub idle: Duration,
    /// The time until a client takes the next bytes of an answer.
    pub write: Duration,
    /// The time from the header of a request until the client has taken the answer.
    pub exchange: Duration,
}

impl ConnectionLimits {
    /// The shortest time that any of them gives a client.
    pub(super) fn shortest(&self) -> Duration {
        let Self {
            most: _,
            header,
            body,
            idle,
            write,
            exchange,
        } = *self;
        header.min(body).min(idle).min(write).min(exchange)
    }
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self {
            most: 4096,
            header: Duration::from_secs(10),
            body: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(20),
            exchange: Duration::from_secs(300),
        }
    }
}
