//! Where the private Postgres keeps its data, its socket, its log and its locks.
//!
//! A security duty: this database has no passwords. The directory of its socket protects it: it has
//! mode 0700, the account that Postgres runs as owns it, and it is in a directory that only the
//! account of this program can change. If root runs this program, the data directory stays root's
//! own (it may also contain secrets of the program), and the group of Postgres's account may pass
//! through it but not list it. So that account cannot replace `postgres/`, the log or a lock by a
//! link, and root need not trust what is there. Inside `postgres/` that account can forge
//! everything: root only reads small regular files there, follows no link, and signals no process
//! that a file names there.

use std::ffi::OsString;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use nix::fcntl::OFlag;
use nix::unistd::{Gid, Uid};
use sha2::{Digest, Sha256};

use crate::account::UnixAccount;
use crate::error::LocalPostgresError;
use crate::name::Name;

/// Root keeps data here if Postgres's account cannot reach the data directory, for example in
/// /root.
const SHARED_BASES: &str = "/var/lib";

/// The directory for the socket if the path of the data is too long for a socket.
const SHORT_BASE: &str = "/tmp";

/// Postgres names its socket by the port.
pub(crate) const PORT: u16 = 5432;
const SOCKET_NAME: &str = ".s.PGSQL.5432";

/// The longest path that fits into `sockaddr_un` with its final NUL.
const SOCKET_PATH_LIMIT: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// The start of the names of unfinished clusters.
pub(crate) const UNFINISHED: &str = "postgres.unfinished-";

const START_LOCK: &str = "postgres-start.lock";
const USE_LOCK: &str = "postgres-use.lock";

/// A data directory, and the account that runs Postgres in it.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    pub(crate) name: Name,
    /// Files of the program that may be in the directory before Postgres is.
    companions: &'static [&'static str],
    pub(crate) data_dir: PathBuf,
    pub(crate) account: UnixAccount,
}

/// What is in `postgres/`.
pub(crate) enum Contents {
    Nothing,
    /// A cluster of this major version.
    Cluster(u32),
}

impl Place {
    /// Finds the directory of the data. Normally this is `wanted`; if root runs this program, it
    /// may be a directory below `/var/lib`. Creates nothing.
    pub(crate) fn find(
        name: &Name,
        wanted: &Path,
        companions: &'static [&'static str],
    ) -> Result<Self, LocalPostgresError> {
        let wanted = resolve(wanted).map_err(LocalPostgresError::io("find", wanted))?;
        let here = Self {
            name: name.clone(),
            companions,
            account: UnixAccount::for_cluster(&wanted.join("postgres"))?,
            data_dir: wanted,
        };
        if !here.account.is_another {
            return Ok(here);
        }
        let parent = here.data_dir.parent().unwrap_or(&here.data_dir);
        let within_reach = here.account.reaches(nearest_existing(parent))?
            && (!here.data_dir.exists()
                || here.is_ours_alone()
                || here.account.reaches(&here.data_dir)?);
        let has_cluster = |place: &Self| place.cluster().symlink_metadata().is_ok();
        if within_reach && has_cluster(&here) {
            return Ok(here);
        }
        let data_dir = shared_base(name).join(short_hash(here.data_dir.as_os_str().as_bytes()));
        let there = Self {
            name: name.clone(),
            companions,
            account: UnixAccount::for_cluster(&data_dir.join("postgres"))?,
            data_dir,
        };
        // Existing data stay in their directory, even if the permissions have changed since.
        if has_cluster(&there) {
            return Ok(there);
        }
        if within_reach {
            return Ok(here);
        }
        if has_cluster(&here) {
            return Err(here.unreachable());
        }
        Ok(there)
    }

    /// Creates the data directory, or checks that it is ours.
    pub(crate) fn prepare(&self) -> Result<(), LocalPostgresError> {
        if self.data_dir.starts_with(shared_base(&self.name)) && self.account.is_another {
            make_shared_base(&self.name)?;
        }
        let directory = &self.data_dir;
        if let Some(parent) = directory.parent() {
            std::fs::create_dir_all(parent).map_err(LocalPostgresError::io("create", parent))?;
        }
        create_private(directory)?;
        check_owner(directory)?;
        // Only a directory without other files gets other permissions, because the caller may
        // have named `/srv`.
        if self.is_ours_alone() {
            let mode = if self.account.is_another {
                0o710
            } else {
                0o700
            };
            let group = self.account.gid.as_raw();
            if self.account.is_another {
                std::os::unix::fs::lchown(directory, None, Some(group))
                    .map_err(|e| self.account.refused(e, "change the group of", directory))?;
            }
            std::fs::set_permissions(directory, Permissions::from_mode(mode))
                .map_err(LocalPostgresError::io("change the mode of", directory))?;
        }
        if !self.account.reaches(directory)? {
            return Err(self.unreachable());
        }
        Ok(())
    }

    /// What is in `postgres/`; an error if another account owns it.
    pub(crate) fn contents(&self) -> Result<Contents, LocalPostgresError> {
        let cluster = self.cluster();
        let metadata = match cluster.symlink_metadata() {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Contents::Nothing),
            Err(error) => return Err(LocalPostgresError::io("look at", &cluster)(error)),
        };
        if !metadata.is_dir() {
            return Err(not_ours(&cluster, "is not a directory"));
        }
        let owner = Uid::from_raw(metadata.uid());
        let is_empty = std::fs::read_dir(&cluster)
            .map_err(LocalPostgresError::io("list", &cluster))?
            .next()
            .is_none();
        if is_empty && (owner == Uid::effective() || owner == self.account.uid) {
            return Ok(Contents::Nothing);
        }
        if owner != self.account.uid {
            let reason = format!(
                "belongs to the user id {owner}, not to {}",
                self.account.name
            );
            return Err(not_ours(&cluster, &reason));
        }
        let version = read_untrusted(&cluster.join("PG_VERSION"));
        match version.ok().and_then(|text| text.trim().parse().ok()) {
            Some(major) => Ok(Contents::Cluster(major)),
            None => Err(not_ours(
                &cluster,
                "holds files, but no data of Postgres 10 or newer",
            )),
        }
    }

    /// The directory that Postgres calls its data directory.
    pub(crate) fn cluster(&self) -> PathBuf {
        self.data_dir.join("postgres")
    }

    /// The directory of an unfinished cluster; it is renamed when it is complete. The initdb of a
    /// killed start goes on for a moment, so each process uses another directory.
    pub(crate) fn unfinished_cluster(&self) -> PathBuf {
        self.data_dir
            .join(format!("{UNFINISHED}{}", std::process::id()))
    }

    /// The log of Postgres.
    pub(crate) fn log(&self) -> PathBuf {
        self.data_dir.join("postgres.log")
    }

    /// The lock that a process holds while it starts or stops Postgres.
    pub(crate) fn open_start_lock(&self) -> Result<File, LocalPostgresError> {
        self.open_lock(START_LOCK)
    }

    /// The shared lock of every process that uses Postgres. The system releases it when the
    /// process ends in any way.
    pub(crate) fn open_use_lock(&self) -> Result<File, LocalPostgresError> {
        self.open_lock(USE_LOCK)
    }

    /// The directory of the socket: beside the data, or a short directory of its own.
    pub(crate) fn socket_directory(&self) -> Result<PathBuf, LocalPostgresError> {
        let cluster = self.cluster();
        if fits_socket(&cluster) {
            return Ok(cluster);
        }
        self.short_socket_directory(Path::new(SHORT_BASE))
    }

    /// Creates the short directory if the socket is there, and checks that no other account made
    /// it.
    pub(crate) fn prepare_socket_directory(&self) -> Result<PathBuf, LocalPostgresError> {
        let directory = self.socket_directory()?;
        if directory == self.cluster() {
            return Ok(directory);
        }
        check_sticky(Path::new(SHORT_BASE))?;
        create_private(&directory)?;
        let metadata = directory
            .symlink_metadata()
            .map_err(LocalPostgresError::io("look at", &directory))?;
        if metadata.is_dir() && metadata.uid() == Uid::effective().as_raw() {
            self.account.give(&directory)?;
        } else if !metadata.is_dir() || metadata.uid() != self.account.uid.as_raw() {
            return Err(not_ours(&directory, "was made by another account"));
        }
        if metadata.mode() & 0o077 != 0 {
            return Err(not_ours(&directory, "is open to other accounts"));
        }
        Ok(directory)
    }

    fn short_socket_directory(&self, base: &Path) -> Result<PathBuf, LocalPostgresError> {
        let hash = short_hash(self.data_dir.as_os_str().as_bytes());
        let directory = base.join(format!("{}-{}-{hash}", self.name, self.account.uid));
        if fits_socket(&directory) {
            return Ok(directory);
        }
        let path = directory.join(SOCKET_NAME);
        Err(LocalPostgresError::SocketPathTooLong {
            path,
            limit: SOCKET_PATH_LIMIT,
        })
    }

    fn open_lock(&self, name: &str) -> Result<File, LocalPostgresError> {
        let path = self.data_dir.join(name);
        open_own(
            &path,
            OpenOptions::new().read(true).write(true).create(true),
        )
        .map_err(LocalPostgresError::io("open", &path))
    }

    /// Whether the directory is for this program only: it contains the lock, or only the
    /// program's own files.
    fn is_ours_alone(&self) -> bool {
        let Ok(metadata) = self.data_dir.symlink_metadata() else {
            return false;
        };
        if metadata.uid() != Uid::effective().as_raw() {
            return false;
        }
        std::fs::read_dir(&self.data_dir).is_ok_and(|entries| {
            let names: Vec<_> = entries.flatten().map(|entry| entry.file_name()).collect();
            let is_companion = |name: &OsString| self.companions.iter().any(|own| name == own);
            names.iter().any(|name| name == START_LOCK) || names.iter().all(is_companion)
        })
    }

    fn unreachable(&self) -> LocalPostgresError {
        LocalPostgresError::Unreachable {
            path: self.data_dir.clone(),
            account: self.account.name.clone(),
        }
    }
}

fn shared_base(name: &Name) -> PathBuf {
    Path::new(SHARED_BASES).join(name.as_str())
}

/// Root's directory for data and programs that Postgres's account must reach.
pub(crate) fn make_shared_base(name: &Name) -> Result<PathBuf, LocalPostgresError> {
    let base = shared_base(name);
    if let Some(parent) = base.parent() {
        std::fs::create_dir_all(parent).map_err(LocalPostgresError::io("create", parent))?;
    }
    create_private(&base)?;
    check_owner(&base)?;
    std::fs::set_permissions(&base, Permissions::from_mode(0o711))
        .map_err(LocalPostgresError::io("change the mode of", &base))?;
    Ok(base)
}

/// Sixteen hexadecimal digits that stand for `bytes` in a file name.
pub(crate) fn short_hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes)[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

/// Reads a small file that another account may have prepared as a trap: it follows no link, reads
/// no pipe, and stops at a limit.
pub(crate) fn read_untrusted(path: &Path) -> io::Result<String> {
    let flags = OFlag::O_NOFOLLOW | OFlag::O_NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits())
        .open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let mut text = String::new();
    file.take(4096).read_to_string(&mut text)?;
    Ok(text)
}

/// Opens a file in the data directory that no other account can read.
pub(crate) fn open_own(path: &Path, options: &mut OpenOptions) -> io::Result<File> {
    options
        .mode(0o600)
        .custom_flags(OFlag::O_NOFOLLOW.bits())
        .open(path)
}

/// An absolute path without symbolic links, also if it does not exist yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let existing = nearest_existing(&path);
    let rest = path.strip_prefix(existing).map_err(io::Error::other)?;
    if rest
        .components()
        .any(|part| part == std::path::Component::ParentDir)
    {
        return Err(io::ErrorKind::NotFound.into());
    }
    let existing = existing.canonicalize()?;
    // If the rest is empty, `join` would add a slash at the end. Then the path would have another
    // hash.
    Ok(if rest.as_os_str().is_empty() {
        existing
    } else {
        existing.join(rest)
    })
}

fn nearest_existing(path: &Path) -> &Path {
    path.ancestors()
        .find(|ancestor| ancestor.exists())
        .unwrap_or(path)
}

fn create_private(directory: &Path) -> Result<(), LocalPostgresError> {
    match DirBuilder::new().mode(0o700).create(directory) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
            Err(LocalPostgresError::io("create", directory)(error))
        }
        _ => Ok(()),
    }
}

fn check_owner(directory: &Path) -> Result<(), LocalPostgresError> {
    let metadata = directory
        .symlink_metadata()
        .map_err(LocalPostgresError::io("look at", directory))?;
    let (owner, us) = (Uid::from_raw(metadata.uid()), Uid::effective());
    if !metadata.is_dir() {
        return Err(not_ours(directory, "is not a directory"));
    }
    if owner != us {
        let reason = format!("belongs to the user id {owner}, and we run as {us}");
        return Err(not_ours(directory, &reason));
    }
    let is_our_group = Gid::from_raw(metadata.gid()) == Gid::effective() && !us.is_root();
    let writable_by_others = if is_our_group { 0o002 } else { 0o022 };
    if metadata.mode() & writable_by_others != 0 {
        return Err(not_ours(
            directory,
            "can be changed by other accounts (chmod go-w)",
        ));
    }
    Ok(())
}

/// Whether no other account can replace files that this program makes in this directory.
fn check_sticky(directory: &Path) -> Result<(), LocalPostgresError> {
    // This follows links, because on macOS /tmp is a link.
    let metadata = directory
        .metadata()
        .map_err(LocalPostgresError::io("look at", directory))?;
    let is_trusted = [Uid::from_raw(0), Uid::effective()].contains(&Uid::from_raw(metadata.uid()));
    if is_trusted && (metadata.mode() & 0o022 == 0 || metadata.mode() & 0o1000 != 0) {
        return Ok(());
    }
    Err(not_ours(
        directory,
        "lets other accounts replace our files (chmod +t)",
    ))
}

fn fits_socket(directory: &Path) -> bool {
    directory.as_os_str().len() + 1 + SOCKET_NAME.len() <= SOCKET_PATH_LIMIT
}

fn not_ours(path: &Path, reason: &str) -> LocalPostgresError {
    LocalPostgresError::NotOurs {
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(data_dir: &str) -> Place {
        let account = UnixAccount {
            name: "postgres".to_owned(),
            uid: Uid::from_raw(101),
            gid: Gid::from_raw(104),
            is_another: true,
        };
        Place {
            name: "holdfast".parse().unwrap(),
            companions: &[],
            data_dir: data_dir.into(),
            account,
        }
    }

    #[test]
    fn the_socket_lies_beside_the_data_while_its_path_fits() {
        // 107 bytes with `/postgres/.s.PGSQL.5432`, or 103.
        let longest = "/".to_owned() + &"d".repeat(SOCKET_PATH_LIMIT - 24);
        let beside = place(&longest).socket_directory().unwrap();
        assert_eq!(beside, Path::new(&longest).join("postgres"));

        let short = place(&(longest + "d")).socket_directory().unwrap();
        assert!(short.starts_with(SHORT_BASE), "{}", short.display());
        assert!(fits_socket(&short));
    }

    #[test]
    fn two_long_paths_get_two_socket_directories() {
        let long = "/".to_owned() + &"d".repeat(120);
        let one = place(&format!("{long}1")).socket_directory().unwrap();
        assert_ne!(one, place(&format!("{long}2")).socket_directory().unwrap());
    }

    #[test]
    fn a_socket_path_that_fits_nowhere_is_an_error() {
        let long = "/".to_owned() + &"d".repeat(120);
        let error = place("/data")
            .short_socket_directory(Path::new(&long))
            .unwrap_err();
        assert!(
            matches!(error, LocalPostgresError::SocketPathTooLong { .. }),
            "{error}"
        );
    }

    #[test]
    fn a_path_is_the_same_whether_it_exists_or_not() {
        let absent = resolve(Path::new("/usr/../usr/./no/such")).unwrap();
        assert_eq!(absent, Path::new("/usr/no/such"));
        assert_eq!(resolve(Path::new("/usr/")).unwrap(), Path::new("/usr"));
        assert!(resolve(Path::new("/no/such/../../etc")).is_err());
    }
}
