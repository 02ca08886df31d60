//! The account that Postgres runs as.
//!
//! A security duty: root never runs a program of Postgres as root, and never follows a path that
//! the unprivileged account can change. Every program is started as that account, with an
//! environment of its own: this program's environment may contain secrets, and every process of the
//! same account can read the environment of a process.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};

use nix::errno::Errno;
use nix::unistd::{Gid, Uid, User};

use crate::error::LocalPostgresError;

/// Candidates; the first one that exists is used. The packages of Debian and of most images make
/// `postgres`.
const UNPRIVILEGED: [&str; 2] = ["postgres", "nobody"];

/// The variables of this program's environment that the programs of Postgres get.
const PASSED_ON: [&str; 3] = ["PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// The account that Postgres runs as and that owns the cluster.
#[derive(Clone, Debug)]
pub(crate) struct UnixAccount {
    pub(crate) name: String,
    pub(crate) uid: Uid,
    pub(crate) gid: Gid,
    /// Whether this is another account than this program's. Only root can start programs as
    /// another account.
    pub(crate) is_another: bool,
}

impl UnixAccount {
    /// The account of this program, or an unprivileged account if root runs this program: the owner
    /// of the cluster if there is one, or else the first account of the list. The owner comes
    /// first, because an account of the list that is created later could not read the data.
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

    /// Whether this account can enter `directory`. This is tried, not computed, because access
    /// lists and mount options decide, too.
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

    /// Makes this account the owner of `path`, which must be in a directory that only root can
    /// change.
    pub(crate) fn give(&self, path: &Path) -> Result<(), LocalPostgresError> {
        if !self.is_another {
            return Ok(());
        }
        std::os::unix::fs::lchown(path, Some(self.uid.as_raw()), Some(self.gid.as_raw()))
            .map_err(|error| self.refused(error, "change the owner of", path))
    }

    /// The error for a program that could not be started, or for a refused change of owner.
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

/// Whether the error has this number. `ErrorKind` does not distinguish EPERM and EACCES.
pub(crate) fn is(error: &io::Error, errno: Errno) -> bool {
    error.raw_os_error() == Some(errno as i32)
}
