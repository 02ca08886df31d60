//! Compiles the packages as an application in another place does.
//!
//! Cargo reads the settings in `.cargo/config.toml` of the current folder and of the folders above it.
//! So each call in this repository has the flags and variables of this repository, and an application
//! has none of them. It may set `DATABASE_URL`, too. To find out what it would miss, a copy of the
//! packages lies outside of the repository, and cargo is called there.
//!
//! What the browser runs is checked without any flag of the repository, in a target directory of its own.
//! For the server this would compile 620 crates once more, which takes four minutes on two cores. So what
//! the server runs is checked with the flags and profiles of the repository, and cargo uses what clippy
//! has checked before. Nothing else of the repository reaches these calls.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::console;
use crate::failure::Outcome;
use crate::files::write;
use crate::progress;
use crate::template;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::versions::WASM;
use crate::workspace;

/// Variables that change what cargo compiles. `cargo xtask` gets some of them from the settings of the
/// repository.
const FORGOTTEN: &[&str] = &[
    "CARGO_BUILD_RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "LEPTOS_OUTPUT_NAME",
    "RUSTFLAGS",
    "SQLX_OFFLINE",
    "SQLX_OFFLINE_DIR",
];

/// The flags of the repository, and the variable that is in the fingerprint of a crate of Leptos. A test
/// compares them with the settings of the repository.
const RUSTFLAGS: &str = "--cfg erase_components";
const OUTPUT_NAME: (&str, &str) = ("LEPTOS_OUTPUT_NAME", "holdfast");

/// The crate of the pages.
const PAGES: &str = "holdfast-app";

/// The database of an application, which does not exist. So a query that asked it would not compile.
const DATABASE: &str = "postgres://nobody@127.0.0.1:1/nothing";

/// Compiles the packages in `packages`, a workspace, and a new project that uses them.
///
/// `profiles` are those of the repository, as a configuration of cargo.
pub fn check(toolbox: &Toolbox, packages: &Path, names: &[&str], profiles: &str) -> Outcome {
    let place = TemporaryDirectory::of_checkout("holdfast-outside")?;
    let holdfast = place.path().join("holdfast");
    copy(packages, &holdfast)?;
    progress::run("the packages", &mut all(toolbox, &holdfast))?;
    progress::run("the pages", &mut pages(toolbox, &holdfast))?;
    console::note(&format!(
        "{} packages compile from their own files, without the settings of this repository.",
        names.len()
    ));
    let project = place.path().join("my-notes");
    template::make(toolbox, &project, &holdfast.display().to_string())?;
    // Cargo has removed what only the examples need from the copy in `holdfast`.
    copy(&packages.join("Cargo.lock"), &project.join("Cargo.lock"))?;
    let patches = patches(&holdfast, names);
    let profiles_file = place.path().join("profiles.toml");
    write(&profiles_file, profiles)?;
    let mut server = server(toolbox, &project, &patches);
    server.arg("--config").arg(&profiles_file);
    progress::run("the new project", &mut server)?;
    progress::run("the new project", &mut browser(toolbox, &project, &patches))?;
    console::note("A new project, made from the example, compiles with these packages.");
    Ok(())
}

fn target() -> PathBuf {
    workspace::target().join("xtask/outside")
}

/// Copies a file or a folder. The files keep their times, so that cargo recognises what it has compiled.
fn copy(from: &Path, to: &Path) -> Outcome {
    let mut copy = Command::new("cp");
    copy.args(["-R", "-p"]).arg(from).arg(to);
    toolbox::quietly(&mut copy, "`cp`")
}

/// The folder of a package: that of its crate in the repository.
pub fn folder(package: &str) -> &str {
    package.strip_prefix("holdfast-").unwrap_or(package)
}

/// The manifest of a workspace of these packages. A package asks the registry for the others, and gets
/// them from here.
pub fn workspace_of(packages: &[&str]) -> String {
    let folders: Vec<String> = packages
        .iter()
        .map(|name| format!("\"{}\"", folder(name)))
        .collect();
    let mut text = format!(
        "[workspace]\nresolver = \"3\"\nmembers = [{}]\n\n[patch.crates-io]\n",
        folders.join(", ")
    );
    for (name, folder) in packages.iter().zip(folders) {
        text.push_str(&format!("{name} = {{ path = {folder} }}\n"));
    }
    text
}

/// All packages for the server.
fn all(toolbox: &Toolbox, holdfast: &Path) -> Command {
    let mut cargo = native(toolbox, holdfast, &["check", "--release", "--workspace"]);
    cargo.args(["--features", "holdfast-app/ssr"]);
    cargo
}

/// The pages for the browser.
fn pages(toolbox: &Toolbox, holdfast: &Path) -> Command {
    let mut cargo = cargo(toolbox, holdfast, &["check", "--target", WASM]);
    cargo.args(["--package=holdfast-app", "--features=holdfast-app/hydrate"]);
    cargo
}

/// The same as the last part of [`workspace_of`], for a project that is not in that workspace. A new
/// project does not depend on the pages, and cargo would warn.
fn patches(holdfast: &Path, packages: &[&str]) -> Vec<String> {
    let patch = |name: &&str| {
        let path = holdfast.join(folder(name));
        format!(
            "--config=patch.crates-io.{name}.path={:?}",
            path.display().to_string()
        )
    };
    let used = packages.iter().filter(|name| **name != PAGES);
    used.map(patch).collect()
}

/// The server of a new project.
fn server(toolbox: &Toolbox, project: &Path, patches: &[String]) -> Command {
    let arguments = ["check", "--release", "--features=ssr", "--bins"];
    let mut cargo = native(toolbox, project, &arguments);
    cargo.args(patches);
    cargo
}

/// What a new project runs in the browser. It is checked and not linked: the journeys run the same example,
/// linked, and to compile 200 crates for it once more takes a minute.
fn browser(toolbox: &Toolbox, project: &Path, patches: &[String]) -> Command {
    let arguments = ["check", "--lib", "--features=hydrate", "--target", WASM];
    let mut cargo = cargo(toolbox, project, &arguments);
    cargo.args(patches);
    cargo
}

/// A call that checks what the server runs. With these two variables, cargo uses what clippy has checked.
/// The second one is in the fingerprint of a crate of Leptos. The server takes the same value without it.
fn native(toolbox: &Toolbox, folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = cargo(toolbox, folder, arguments);
    cargo
        .env("CARGO_TARGET_DIR", workspace::target())
        .env("RUSTFLAGS", RUSTFLAGS)
        .env(OUTPUT_NAME.0, OUTPUT_NAME.1);
    cargo
}

/// A call of cargo in a folder outside of the repository.
fn cargo(toolbox: &Toolbox, folder: &Path, arguments: &[&str]) -> Command {
    let mut cargo = toolbox.cargo(arguments);
    for variable in FORGOTTEN {
        cargo.env_remove(variable);
    }
    cargo
        .arg("--offline")
        .current_dir(folder)
        .env("CARGO_TARGET_DIR", target())
        .env("DATABASE_URL", DATABASE)
        // The result is not debugged, and most of it is never compiled again.
        .env("CARGO_PROFILE_DEV_DEBUG", "false")
        .env("CARGO_INCREMENTAL", "0");
    cargo
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::read;

    #[test]
    fn a_package_gets_the_others_from_the_workspace() {
        assert_eq!(
            workspace_of(&["holdfast-one", "holdfast-two"]),
            "[workspace]\nresolver = \"3\"\nmembers = [\"one\", \"two\"]\n\n[patch.crates-io]\n\
             holdfast-one = { path = \"one\" }\nholdfast-two = { path = \"two\" }\n"
        );
    }

    #[test]
    fn the_calls_for_the_server_have_the_flags_of_the_repository() {
        let settings =
            read(&workspace::path(".cargo/config.toml")).expect("the repository has some");
        let flags: Vec<String> = RUSTFLAGS
            .split(' ')
            .map(|flag| format!("\"{flag}\""))
            .collect();
        assert!(settings.contains(&format!("rustflags = [{}]", flags.join(", "))));
        let (name, value) = OUTPUT_NAME;
        assert!(settings.contains(&format!("{name} = \"{value}\"")));
    }

    /// Otherwise a package could use a setting of the repository, and no check would notice.
    #[test]
    fn no_setting_of_the_repository_reaches_a_call_outside() {
        let settings =
            read(&workspace::path(".cargo/config.toml")).expect("the repository has some");
        let (_, variables) = settings.split_once("[env]\n").expect("there are variables");
        let names: Vec<&str> = variables
            .lines()
            .filter_map(|line| Some(line.split_once(" = ")?.0))
            .collect();
        assert!(names.contains(&"SQLX_OFFLINE"), "{names:?}");
        for name in names {
            assert!(FORGOTTEN.contains(&name), "{name}");
        }
    }
}
