//! Whether Postgres accepts as many connections as an instance opens.

use crate::setting::Setting;
use crate::store::diagnosis;

/// How many connections a server opens in addition to those that its settings name: two for the
/// reads of every second (while one replaces the other), one for notifications, and one for
/// counts of failed sign-ins. The connection of a migration does not count, because it is closed
/// before these are opened.
const OTHER_CONNECTIONS: i64 = 4;

/// How many connections an instance with these settings opens at most.
pub(crate) fn connections_wanted(connections: u32, lanes: u32) -> i64 {
    i64::from(connections) + i64::from(lanes) + OTHER_CONNECTIONS
}

/// A sentence if one instance alone may open more connections than Postgres accepts.
pub(crate) fn too_many(wanted: i64, server: &diagnosis::Server) -> Option<String> {
    let most = server.most_connections;
    (wanted > i64::from(most)).then(|| {
        format!(
            "The connections of each server ({}, {}, and {OTHER_CONNECTIONS} others) can be {wanted} together, but Postgres accepts {most} connections from all clients together (max_connections without the reserved ones).",
            Setting::DatabaseConnections,
            Setting::RotationLanes
        )
    })
}
