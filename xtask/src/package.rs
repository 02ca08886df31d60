//! The packages of the crates that are published: `cargo package`, and a build of the result.
//!
//! A package has only the files of its crate. So a crate may compile in the repository, and its
//! package may lack a file. To find this out, the packages are unpacked into a workspace of their own
//! and built there. It has the lock file, the profiles and the target directory of this workspace, so
//! that cargo compiles only our own crates again.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::files::{read, write};
use crate::progress;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::versions::WASM;
use crate::workspace;

/// The crates that are published, each after those on which it depends.
const PUBLISHED: &[&str] = &[
    "holdfast-protocol",
    "holdfast-local-postgres",
    "holdfast-client",
    "holdfast-app",
    "holdfast-server",
];

/// The application in `examples`.
const EXAMPLE: &str = "notes";

/// The files that every package must have beside its sources.
const IN_EVERY_PACKAGE: &[&str] = &["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Files that a package must have, too, although its own build does not miss them.
const NEEDED: &[(&str, &[&str])] = &[
    // It tells sqlx not to ask the database of the application; the settings of this repository do the
    // same, so the build here does not miss it.
    ("holdfast-server", &[".env"]),
    ("holdfast-app", &["style/main.css", "public/favicon.svg"]),
];

/// Our own crates are not optimised, because only the compiler's answer counts.
const UNOPTIMISED: &[&str] = &[
    "--config=profile.release.package.holdfast-server.opt-level=0",
    "--config=profile.release.package.holdfast-app.opt-level=0",
];

/// Packages the crates, builds the packages outside of the repository's workspace, and builds their
/// documentation.
pub fn check(toolbox: &Toolbox) -> Outcome {
    let packages = unpacked();
    package(toolbox)?;
    write_workspace(&packages)?;
    progress::run("the packages", &mut build(toolbox, &packages))?;
    console::note(&format!(
        "{} packages build from their own files.",
        PUBLISHED.len()
    ));
    progress::run("the example", &mut example_server(toolbox, &packages))?;
    progress::run("the example", &mut example_browser(toolbox, &packages))?;
    console::note("The example builds on these packages.");
    progress::run("the documentation", &mut document(toolbox, &packages))?;
    console::note("Their documentation has no warning.");
    Ok(())
}

/// The workspace of the unpacked packages, with one folder for each of them.
fn unpacked() -> PathBuf {
    workspace::target().join("xtask/packages")
}

/// Makes the packages and unpacks them.
fn package(toolbox: &Toolbox) -> Outcome {
    // `cargo package` runs offline, because it would otherwise read the registry again for every
    // crate of the lock file. This fetches what a new machine does not have yet.
    quietly(
        &mut toolbox.cargo(&["tree", "--locked", "--quiet"]),
        "Fetching the crates",
    )?;
    let place = workspace::target().join("package");
    for name in PUBLISHED {
        let _ = fs::remove_file(place.join(archive(name)?));
    }
    let mut cargo = toolbox.cargo(&["package", "--no-verify", "--locked", "--offline"]);
    // People test before they commit.
    cargo.arg("--allow-dirty").args(options(PUBLISHED));
    cargo.arg("--target-dir").arg(workspace::target());
    // Cargo warns of each test that a package leaves out.
    quietly(&mut cargo, "`cargo package`")?;
    for name in PUBLISHED {
        unpack(&place.join(archive(name)?), &unpacked().join(name))?;
    }
    copy_example(&unpacked().join(EXAMPLE))
}

/// Copies the example. It names the packages by their version, as an application does.
fn copy_example(to: &Path) -> Outcome {
    let place = TemporaryDirectory::below(&workspace::target(), "unpacked")?;
    let mut copy = Command::new("cp");
    copy.arg("-R")
        .arg(workspace::path("examples/notes/."))
        .arg(place.path());
    quietly(&mut copy, "`cp`")?;
    let manifest = place.path().join("Cargo.toml");
    write(&manifest, &by_version(&read(&manifest)?, &version()?))?;
    replace_if_different(place, to)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", to.display())))
}

/// The manifest of the example, with versions in place of the paths of our crates.
fn by_version(manifest: &str, version: &str) -> String {
    let named = format!("version = \"{version}\"");
    let lines = manifest.lines().map(|line| {
        let path = line.split_once("path = \"../../").map(|(_, rest)| rest);
        match path.and_then(|rest| rest.split_once('"')) {
            Some((folder, _)) => line.replace(&format!("path = \"../../{folder}\""), &named),
            None => line.to_owned(),
        }
    });
    lines.map(|line| line + "\n").collect()
}

fn options(packages: &[&str]) -> Vec<String> {
    packages
        .iter()
        .map(|name| format!("--package={name}"))
        .collect()
}

/// The file name of a package.
fn archive(name: &str) -> Outcome<String> {
    Ok(format!("{name}-{}.crate", version()?))
}

/// All our crates have the version of the workspace.
fn version() -> Outcome<String> {
    let manifest = read(&workspace::path("Cargo.toml"))?;
    let section = sections(&manifest).find(|section| section.starts_with("[workspace.package]"));
    section
        .and_then(|section| {
            section
                .lines()
                .find_map(|line| line.strip_prefix("version = "))
        })
        .map(|version| version.trim_matches('"').to_owned())
        .ok_or_else(|| Failure::new("Cargo.toml names no version of the workspace."))
}

/// Unpacks a package. If it has not changed, its files keep their times, so that cargo does not
/// compile it again. Otherwise every file gets a new time: cargo does not know all files that a macro
/// reads, and the times in the archive are always the same.
fn unpack(archive: &Path, to: &Path) -> Outcome {
    let place = TemporaryDirectory::below(&workspace::target(), "unpacked")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "-z", "-m", "--strip-components=1", "-f"])
        .arg(archive)
        .arg("-C")
        .arg(place.path());
    quietly(&mut tar, "`tar`")?;
    let needed = NEEDED.iter().filter(|(name, _)| to.ends_with(name));
    let needed = needed.flat_map(|(_, files)| files.iter());
    for file in IN_EVERY_PACKAGE.iter().chain(needed) {
        if !place.path().join(file).is_file() {
            let archive = archive.display();
            return Err(Failure::new(format!("{archive} lacks the file {file}.")));
        }
    }
    // It names the commit, so it would be a change after every commit.
    let _ = fs::remove_file(place.path().join(".cargo_vcs_info.json"));
    replace_if_different(place, to)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", to.display())))
}

/// Puts a folder in the place of another one, unless both have the same files.
fn replace_if_different(new: TemporaryDirectory, old: &Path) -> io::Result<()> {
    if old.exists() {
        if files(new.path())? == files(old)? {
            return Ok(());
        }
        fs::remove_dir_all(old)?;
    }
    fs::create_dir_all(old.parent().unwrap_or(old))?;
    fs::rename(new.hand_over(), old)
}

/// The content of each file in a folder.
fn files(folder: &Path) -> io::Result<BTreeMap<OsString, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            let inner = files(&entry.path())?;
            found.extend(inner.into_iter().map(|(name, content)| {
                let path = Path::new(&entry.file_name()).join(name);
                (path.into_os_string(), content)
            }));
        } else {
            found.insert(entry.file_name(), fs::read(entry.path())?);
        }
    }
    Ok(found)
}

/// Writes the manifest and the lock file of the workspace of the packages.
fn write_workspace(packages: &Path) -> Outcome {
    let members: Vec<&str> = PUBLISHED.iter().copied().chain([EXAMPLE]).collect();
    let manifest = manifest(&members, &read(&workspace::path("Cargo.toml"))?);
    write(&packages.join("Cargo.toml"), &manifest)?;
    let lock_file = read(&workspace::path("Cargo.lock"))?;
    write(&packages.join("Cargo.lock"), &lock_file)
}

/// A workspace with these members, each in the folder of its name. A package asks the registry for
/// the others, and gets them from here. The profiles are those of `ours`.
fn manifest(members: &[&str], ours: &str) -> String {
    let quoted: Vec<String> = members.iter().map(|name| format!("\"{name}\"")).collect();
    let mut text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n",
        quoted.join(", ")
    );
    for name in members.iter().filter(|name| **name != EXAMPLE) {
        text.push_str(&format!("{name} = {{ path = \"{name}\" }}\n"));
    }
    for section in sections(ours).filter(|section| section.starts_with("[profile.")) {
        text.push('\n');
        text.push_str(section.trim_end());
        text.push('\n');
    }
    text
}

/// The parts of a manifest, each with its heading.
fn sections(manifest: &str) -> impl Iterator<Item = &str> {
    let starts = manifest.match_indices("\n[").map(|(at, _)| at + 1);
    let starts: Vec<usize> = std::iter::once(0).chain(starts).collect();
    let ends: Vec<usize> = starts
        .iter()
        .copied()
        .skip(1)
        .chain([manifest.len()])
        .collect();
    starts
        .into_iter()
        .zip(ends)
        .map(|(start, end)| &manifest[start..end])
}

/// Builds the packages with the features of all native builds, so that the crates of others are
/// compiled once for both.
fn build(toolbox: &Toolbox, packages: &Path) -> Command {
    let mut cargo = in_workspace(toolbox, packages, &["build", "--release"]);
    cargo
        .args(UNOPTIMISED)
        .args(FEATURES)
        .args(options(PUBLISHED));
    cargo
}

/// The server of the example, which has no pages of Holdfast. So this is a call of its own.
fn example_server(toolbox: &Toolbox, packages: &Path) -> Command {
    let mut cargo = in_workspace(toolbox, packages, &["build", "--release", "--bin=notes"]);
    cargo
        .args(["--package=notes", "--features=notes/ssr"])
        .args(UNOPTIMISED);
    cargo
}

/// The browser's half of the example is only checked, which uses what clippy has compiled.
fn example_browser(toolbox: &Toolbox, packages: &Path) -> Command {
    let mut cargo = in_workspace(
        toolbox,
        packages,
        &["check", "--profile=wasm-release", "--lib"],
    );
    cargo
        .args(["--package=notes", "--features=notes/hydrate"])
        .args(["--target", WASM])
        .env("CARGO_TARGET_DIR", workspace::target().join("front"));
    cargo
}

fn document(toolbox: &Toolbox, packages: &Path) -> Command {
    let mut cargo = in_workspace(
        toolbox,
        packages,
        &["doc", "--release", "--no-deps", "--lib"],
    );
    cargo.args(FEATURES).args(options(PUBLISHED));
    cargo.env("RUSTDOCFLAGS", "-D warnings");
    cargo
}

/// The features of the packages that all native builds have.
const FEATURES: &[&str] = &["--features", "holdfast-app/ssr"];

/// A call of cargo in the workspace of the packages. They must not need a database.
fn in_workspace(toolbox: &Toolbox, packages: &Path, arguments: &[&str]) -> Command {
    let mut cargo = toolbox.cargo(arguments);
    cargo
        .arg("--offline")
        .current_dir(packages)
        .env("CARGO_TARGET_DIR", workspace::target())
        .env("SQLX_OFFLINE", "true")
        .env_remove("SQLX_OFFLINE_DIR")
        .env_remove("DATABASE_URL");
    cargo
}

/// Runs a command that takes a moment. Its output is only shown if it fails.
fn quietly(command: &mut Command, what: &str) -> Outcome {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| toolbox::cannot_start(what, &error))?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Failure::of_program(what, output.status))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The crates of the workspace without `publish = false`.
    fn published() -> Vec<String> {
        let root = read(&workspace::path("Cargo.toml")).expect("the workspace has one");
        let members = root.split_once("members = [").expect("it has members").1;
        let members = members.split_once(']').expect("the list ends").0;
        let members = members.split('"').skip(1).step_by(2);
        let mut names = Vec::new();
        for member in members {
            let manifest = workspace::path(member).join("Cargo.toml");
            let manifest = read(&manifest).expect("a member has one");
            if !manifest.contains("\npublish = false\n") {
                let name = manifest.split('"').nth(1).expect("it has a name");
                names.push(name.to_owned());
            }
        }
        names
    }

    #[test]
    fn every_crate_that_can_be_published_is_packaged() {
        let mut expected = published();
        expected.sort();
        let mut packaged = PUBLISHED.to_vec();
        packaged.sort();
        assert_eq!(packaged, expected);
    }

    /// With an older version, cargo could build a new crate with an old one that lacks a function.
    #[test]
    fn every_crate_needs_the_others_in_its_own_version() {
        let manifest = read(&workspace::path("Cargo.toml")).expect("the workspace has one");
        let version = version().expect("the workspace has one");
        for name in PUBLISHED {
            let line = format!("\n{name} = {{ version = \"{version}\", path = ");
            assert!(manifest.contains(&line), "{name}");
        }
    }

    #[test]
    fn every_package_says_what_it_is() {
        for name in PUBLISHED {
            let folder = name.strip_prefix("holdfast-").expect("a crate of ours");
            let manifest = read(&workspace::path(folder).join("Cargo.toml"));
            let manifest = manifest.expect("a crate has one");
            let package = sections(&manifest).find(|section| section.starts_with("[package]"));
            let package = package.expect("a manifest has one");
            for key in [
                "description = ",
                "license.workspace = true",
                "readme = ",
                "keywords = ",
                "categories = ",
                "include = ",
            ] {
                let has = package.lines().any(|line| line.starts_with(key));
                assert!(has, "{name} lacks `{key}`");
            }
        }
    }

    #[test]
    fn the_workspace_of_the_packages_has_our_profiles_and_nothing_else() {
        let ours = "[workspace]\nmembers = [\"a\"]\n\n[profile.release]\n# Why.\nlto = false\n\n\
                    [profile.release.package.b]\nopt-level = 1\n\n[[workspace.metadata.leptos]]\n\
                    name = \"c\"\n";
        let text = manifest(&["one", "two"], ours);
        assert_eq!(
            text,
            "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n\n[patch.crates-io]\n\
             one = { path = \"one\" }\ntwo = { path = \"two\" }\n\n[profile.release]\n# Why.\n\
             lto = false\n\n[profile.release.package.b]\nopt-level = 1\n"
        );
    }

    #[test]
    fn the_example_names_our_crates_by_their_version() {
        let manifest = "a = { path = \"../../client\" }\nb = { path = \"../../server\", optional = true }\n\
                        c = \"1\"\n";
        assert_eq!(
            by_version(manifest, "0.1.0"),
            "a = { version = \"0.1.0\" }\nb = { version = \"0.1.0\", optional = true }\nc = \"1\"\n"
        );
        let ours = read(&workspace::path("examples/notes/Cargo.toml")).expect("a manifest");
        assert!(!by_version(&ours, "0.1.0").contains("path = \"../"));
    }

    #[test]
    fn a_package_is_replaced_if_a_file_is_new_changed_or_gone() {
        let place = TemporaryDirectory::new("holdfast-packages").expect("a directory");
        let old = place.path().join("old");
        let put = |files: &[(&str, &str)]| {
            let new = TemporaryDirectory::below(place.path(), "new").expect("a directory");
            for (file, text) in files {
                let file = new.path().join(file);
                fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
                fs::write(file, text).expect("a file");
            }
            replace_if_different(new, &old).expect("it can be replaced");
        };
        let mark = old.join("src/lib.rs");
        let long_ago = std::time::UNIX_EPOCH + std::time::Duration::from_secs(1);
        let make_old = || {
            let file = fs::File::options().append(true).open(&mark);
            let file = file.expect("a file");
            file.set_modified(long_ago).expect("a time");
        };
        let is_old = || {
            let modified = fs::metadata(&mark).and_then(|it| it.modified());
            modified.expect("a time") == long_ago
        };

        let first = [("src/lib.rs", ""), ("a/b", "1")];
        put(&first);
        make_old();
        put(&first);
        assert!(is_old(), "equal");
        for (other, what) in [
            (&[("src/lib.rs", ""), ("a/b", "2")][..], "changed"),
            (&[("src/lib.rs", "")], "gone"),
            (&[("src/lib.rs", ""), ("a/c", "2")], "new"),
        ] {
            make_old();
            put(other);
            assert!(!is_old(), "{what}");
        }
        assert!(old.join("a/c").exists() && !old.join("a/b").exists());
    }
}
