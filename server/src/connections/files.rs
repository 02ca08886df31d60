//! How many connections the limit of open files allows.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Files that are not connections of clients: the log, the files of pages, sockets of
/// the runtime.
const OTHERS: u64 = 128;

/// How many connections the server may accept: `wanted`, or fewer if the limit of open files is too
/// low. The connections to the database and the rest of the server need files too, so their number
/// is subtracted from the limit. The function raises the soft limit for this, as far as the hard
/// limit allows.
pub fn most_connections(wanted: u32, database_connections: u32) -> usize {
    let reserved = OTHERS + u64::from(database_connections);
    let needed = u64::from(wanted) + reserved;
    let allowed = match getrlimit(Resource::RLIMIT_NOFILE) {
        Ok((soft, _)) if soft >= needed => soft,
        Ok((soft, hard)) => {
            let raised = needed.min(hard).max(soft);
            setrlimit(Resource::RLIMIT_NOFILE, raised, hard).map_or(soft, |()| raised)
        }
        // The limit is not known, so the wanted number is used.
        Err(_) => needed,
    };
    let possible = allowed.saturating_sub(reserved).max(16);
    if possible < u64::from(wanted) {
        tracing::warn!(
            connections.wanted = wanted,
            connections.possible = possible,
            files.limit = allowed,
            "The limit of open files allows fewer connections than the setting for connections."
        );
    }
    usize::try_from(possible.min(u64::from(wanted))).unwrap_or(usize::MAX)
}
