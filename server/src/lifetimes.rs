//! The lifetimes that no setting changes.

use std::time::Duration;

/// The longest lifetime that an access token may have. Instances may have different
/// lifetimes in their settings, and each instance accepts the tokens of all of them.
pub const LONGEST_ACCESS_TOKEN: Duration = Duration::from_secs(60 * 60);

/// How long the token of a known browser is valid.
pub const BROWSER_KNOWN_FOR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How long a username that an account has given up stays reserved for this account.
pub const USERNAME_RESERVED: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// An account can choose a new username once in this time. It can take back a name that is reserved for
/// it at any time.
pub const USERNAME_CHANGED_ONCE_IN: Duration = Duration::from_secs(24 * 60 * 60);

/// How many names are reserved for one account at most. It could otherwise take each of its names back
/// before the name is free, and so reserve more names for ever.
pub const MOST_USERNAMES_RESERVED: i64 = 30;
