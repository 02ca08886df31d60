//! The lifetimes that no setting changes.

use std::time::Duration;

/// The longest lifetime that an access token may have. Instances may have different
/// lifetimes in their settings, and each instance accepts the tokens of all of them.
pub const LONGEST_ACCESS_TOKEN: Duration = Duration::from_secs(60 * 60);
