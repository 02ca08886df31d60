//! Who Postgres runs as.
//!
//! SECURITY: root never runs a program of Postgres as itself, and never follows what the
//! unprivileged account can change. Every program is started as that account, with an
//! environment of its own: ours may hold secrets, and every process of the same account can
//! read a process's environment.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User};

use crate::error::LocalPostgresError;

/// Candidates, first come first served. Debian's and most images' packages make `postgres`.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// What the programs of Postgres get to see of our environment.
const PASSED_ON: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The account that Postgres runs as and that owns the cluster.
#[derive(Clone, Debug)]
pub(crate) struct Account {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// Whether this is another account than ours, which only root can arrange.
    pub(crate) is_another: bool,
}

impl Account {
    /// Ourselves, or for root an unprivileged account: the owner of the cluster if there
    /// is one, so that an account created later does not lock the data away.
    pub(crate) fn for_cluster(cluster: &Path) -> Result<Self, LocalPostgresError> {
        let uid = Uid::effective();
        if !uid.is_root() {
            let name = match User::from_uid(uid) {
                Ok(Some(user)) => user.name,
                _ => uid.to_string(),
            };
            return Ok(Self {
                name,
                uid,
                gid: Gid::effective(),
                is_another: false,
            });
        }
        let owner = cluster
            .symlink_metadata()
            .ok()
            .map(|metadata| Uid::from_raw(metadata.uid()));
        let owner = owner.and_then(|uid| User::from_uid(uid).ok().flatten());
        let named = UNPRIVILEGED
            .iter()
            .filter_map(|name| User::from_name(name).ok().flatten());
        let Some(user) = owner
            .into_iter()
            .chain(named)
            .find(|user| !user.uid.is_root())
        else {
            return Err(LocalPostgresError::NoAccount);
        };
        Ok(Self {
            name: user.name,
            uid: user.uid,
            gid: user.gid,
            is_another: true,
        })
    }

    /// A command that runs as this account. (The standard library drops root's
    /// supplementary groups along with the user id.)
    pub(crate) fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().env("LC_ALL", "C").env("TZ", "UTC");
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        if self.is_another {
            command.gid(self.gid.as_raw()).uid(self.uid.as_raw());
        }
        command
    }

    /// Whether this account can get into `directory`. It is tried, not computed: access
    /// lists and mount options decide too.
    pub(crate) fn reaches(&self, directory: &Path) -> Result<bool, LocalPostgresError> {
        if !self.is_another {
            return Ok(true);
        }
        let shell = Path::new("/bin/sh");
        match self
            .command(shell)
            .args(["-c", ":"])
            .current_dir(directory)
            .status()
        {
            Ok(_) => Ok(true),
            Err(error) if is(&error, Errno::EACCES) => Ok(false),
            Err(error) => Err(self.refused(error, "enter", directory)),
        }
    }

    /// Makes `path` this account's. It must lie in a directory that only root can change.
    pub(crate) fn give(&self, path: &Path) -> Result<(), LocalPostgresError> {
        if !self.is_another {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(|error| self.refused(error, "change the owner of", path))
    }

    /// The error for a program that did not even start, or a refused change of owner.
    pub(crate) fn refused(
        &self,
        source: io::Error,
        action: &'static str,
        path: &Path,
    ) -> LocalPostgresError {
        if self.is_another && is(&source, Errno::EPERM) {
            return LocalPostgresError::CannotDropPrivileges {
                account: self.name.clone(),
                source,
            };
        }
        LocalPostgresError::io(action, path)(source)
    }
}

/// Whether the system's answer was this one. `ErrorKind` does not tell EPERM from EACCES.
pub(crate) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
