//! cargo-leptos, which rebuilds and restarts on every change. Only `cargo xtask dev` needs it.

use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use super::prebuilt;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::Toolbox;
use crate::versions::CARGO_LEPTOS;
use crate::workspace;

/// Uses cargo-leptos of the right version: one that is on `PATH` or was set up before, or else a
/// prebuilt one, or else one that it builds.
pub fn ensure(toolbox: &Toolbox) -> Outcome {
    if is_there(toolbox) {
        return Ok(());
    }
    console::begin(&format!(
        "Looking for cargo-leptos {CARGO_LEPTOS} ready-made; usually seconds."
    ));
    if prebuilt::install(&workspace::cargo_leptos_bin()) && is_there(toolbox) {
        return Ok(());
    }

    console::begin(&format!(
        "Building cargo-leptos {CARGO_LEPTOS}; usually 4 to 8 minutes on two cores, once."
    ));
    let started = Instant::now();
    progress::run("cargo-leptos", &mut build_command(toolbox))?;
    if !is_there(toolbox) {
        return Err(Failure::new(format!(
            "cargo-leptos {CARGO_LEPTOS} was built in {}, but does not start.",
            root().display()
        )));
    }
    console::note(&format!(
        "Built cargo-leptos in {}.",
        console::duration(started.elapsed())
    ));
    Ok(())
}

fn root() -> PathBuf {
    workspace::target().join("tools/cargo-leptos")
}

fn is_there(toolbox: &Toolbox) -> bool {
    machine::ask(toolbox.command("cargo-leptos").arg("--version"))
        .is_some_and(|text| version_in(&text) == Some(CARGO_LEPTOS))
}

/// The second word of `cargo-leptos 0.3.11`.
fn version_in(text: &str) -> Option<&str> {
    text.lines().next()?.split_whitespace().nth(1)
}

/// The build is not optimised. Optimising all of it would take three times as long, and
/// cargo-leptos itself only runs for seconds a day. The build directory is a permanent one, so that
/// an interrupted build goes on where it stopped.
fn build_command(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["install", "cargo-leptos", "--locked", "--no-track"]);
    command
        .args(["--version", &format!("={CARGO_LEPTOS}")])
        .arg("--root")
        .arg(root())
        .arg("--target-dir")
        .arg(root().join("build"))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
        .env("CARGO_PROFILE_RELEASE_LTO", "off")
        .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_the_word_behind_the_name() {
        assert_eq!(version_in("cargo-leptos 0.3.11\n"), Some("0.3.11"));
        assert_eq!(version_in("cargo-leptos 0.3.11 (abc)"), Some("0.3.11"));
        assert_eq!(version_in(""), None);
    }
}
