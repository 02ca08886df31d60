//! The packages of the crates that are published: `cargo package`, and a check of the result.
//!
//! A package has only the files of its crate. So a crate may compile in the repository, and its
//! package may lack a file. To find this out, the packages are unpacked into a workspace of their own.
//! `outside.rs` compiles a copy of it outside of the repository. The documentation is built here.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::files::{contents, read, write};
use crate::outside;
use crate::progress;
use crate::template;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// The crates that are published, each after those on which it depends.
const PUBLISHED: &[&str] = &[
    "holdfast-protocol",
    "holdfast-local-postgres",
    "holdfast-client",
    "holdfast-app",
    "holdfast-server",
];

/// The files that every package must have beside its sources.
const IN_EVERY_PACKAGE: &[&str] = &["Cargo.toml", "README.md", "LICENSE-MIT", "LICENSE-APACHE"];

/// Files that a package must have, too, although it compiles without them.
const NEEDED: &[(&str, &[&str])] = &[("holdfast-app", &["style/main.css", "public/favicon.svg"])];

/// Packages the crates, compiles the packages outside of the repository, and builds their
/// documentation.
pub fn check(toolbox: &Toolbox) -> Outcome {
    let packages = unpacked();
    package(toolbox)?;
    let profiles = profiles(&read(&workspace::path("Cargo.toml"))?);
    write_workspace(&packages, &profiles)?;
    template::check(toolbox)?;
    outside::check(toolbox, &packages, PUBLISHED, &profiles)?;
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
    toolbox::quietly(
        &mut toolbox.cargo(&["fetch", "--locked", "--quiet"]),
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
    toolbox::quietly(&mut cargo, "`cargo package`")?;
    for name in PUBLISHED {
        unpack(name, &place.join(archive(name)?))?;
    }
    Ok(())
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
fn unpack(name: &str, archive: &Path) -> Outcome {
    let to = unpacked().join(outside::folder(name));
    let place = TemporaryDirectory::below(&workspace::target(), "unpacked")?;
    let mut tar = Command::new("tar");
    tar.args(["-x", "-z", "-m", "--strip-components=1", "-f"])
        .arg(archive)
        .arg("-C")
        .arg(place.path());
    toolbox::quietly(&mut tar, "`tar`")?;
    let needed = NEEDED.iter().filter(|(needing, _)| *needing == name);
    let needed = needed.flat_map(|(_, files)| files.iter());
    for file in IN_EVERY_PACKAGE.iter().chain(needed) {
        if !place.path().join(file).is_file() {
            let archive = archive.display();
            return Err(Failure::new(format!("{archive} lacks the file {file}.")));
        }
    }
    // It names the commit, so it would be a change after every commit.
    let _ = fs::remove_file(place.path().join(".cargo_vcs_info.json"));
    replace_if_different(place, &to)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", to.display())))
}

/// Puts a folder in the place of another one, unless both have the same files.
fn replace_if_different(new: TemporaryDirectory, old: &Path) -> io::Result<()> {
    if old.exists() {
        if contents(new.path())? == contents(old)? {
            return Ok(());
        }
        fs::remove_dir_all(old)?;
    }
    fs::create_dir_all(old.parent().unwrap_or(old))?;
    fs::rename(new.hand_over(), old)
}

/// Writes the manifest and the lock file of the workspace of the packages. It has the profiles of this
/// workspace, so that cargo uses what clippy has compiled.
fn write_workspace(packages: &Path, profiles: &str) -> Outcome {
    let manifest = outside::workspace_of(PUBLISHED) + profiles;
    write(&packages.join("Cargo.toml"), &manifest)?;
    let lock_file = read(&workspace::path("Cargo.lock"))?;
    write(&packages.join("Cargo.lock"), &lock_file)
}

/// The profiles of a manifest, without those for the example, which is not in that workspace.
fn profiles(manifest: &str) -> String {
    let mut text = String::new();
    let is_ours = |section: &&str| section.starts_with("[profile.") && !section.contains(".notes]");
    for section in sections(manifest).filter(is_ours) {
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

fn document(toolbox: &Toolbox, packages: &Path) -> Command {
    let mut cargo = toolbox.cargo(&["doc", "--release", "--no-deps", "--lib", "--offline"]);
    cargo
        .args(["--features", "holdfast-app/ssr"])
        .args(options(PUBLISHED))
        .current_dir(packages)
        .env("CARGO_TARGET_DIR", workspace::target())
        .env("RUSTDOCFLAGS", "-D warnings")
        .env("SQLX_OFFLINE", "true")
        .env_remove("SQLX_OFFLINE_DIR")
        .env_remove("DATABASE_URL");
    cargo
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
            let manifest = read(&workspace::path(outside::folder(name)).join("Cargo.toml"));
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
                    [profile.release.package.b]\nopt-level = 1\n\n[profile.release.package.notes]\n\
                    opt-level = 1\n\n[[workspace.metadata.leptos]]\n\
                    name = \"c\"\n";
        assert_eq!(
            profiles(ours),
            "\n[profile.release]\n# Why.\nlto = false\n\n[profile.release.package.b]\nopt-level = 1\n"
        );
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
