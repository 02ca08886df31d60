//! cargo-leptos and the wasm-bindgen tool.

use std::process::Command;
use std::time::Instant;

use super::prebuilt;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::lock_file;
use crate::machine;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// Builds both halves of the product and their site.
const CARGO_LEPTOS: &str = "0.3.11";

/// A program that we need at one exact version.
pub struct Tool {
    /// The package that holds it.
    pub package: &'static str,
    /// The program's name.
    pub program: &'static str,
    /// The version; another one will not do.
    pub version: String,
    /// How long building it takes on two cores, for a person to read.
    usually: &'static str,
    /// What `cargo install` is told, apart from the name and version.
    build: &'static [&'static str],
    /// How far its build is optimised.
    opt_level: &'static str,
}

/// Takes what is on `PATH` at the right version, else a prebuilt program, else builds it.
pub fn ensure(toolbox: &Toolbox) -> Outcome {
    for tool in [cargo_leptos(), wasm_bindgen()?] {
        if installed_version(toolbox, &tool).as_deref() == Some(tool.version.as_str()) {
            continue;
        }
        install(toolbox, &tool)?;
    }
    Ok(())
}

/// Optimising all of it would take three times as long for what is used for seconds a day. Only
/// the compression of the site does enough work to be worth it.
fn cargo_leptos() -> Tool {
    Tool {
        package: "cargo-leptos",
        program: "cargo-leptos",
        version: CARGO_LEPTOS.to_owned(),
        usually: "8 to 15 minutes",
        build: &[
            "--locked",
            "--config=profile.release.package.brotli.opt-level=3",
            "--config=profile.release.package.libflate.opt-level=3",
            "--config=profile.release.package.libflate_lz77.opt-level=3",
        ],
        opt_level: "0",
    }
}

/// Not `--locked`: the lock file that it was published with names versions that were withdrawn.
fn wasm_bindgen() -> Outcome<Tool> {
    Ok(Tool {
        package: "wasm-bindgen-cli",
        program: "wasm-bindgen",
        version: lock_file::version_of("wasm-bindgen")?,
        usually: "1 to 3 minutes",
        build: &[],
        opt_level: "1",
    })
}

fn installed_version(toolbox: &Toolbox, tool: &Tool) -> Option<String> {
    let text = machine::ask(toolbox.command(tool.program).arg("--version"))?;
    version_in(&text).map(String::from)
}

/// The last word of `cargo-leptos 0.3.11` or `wasm-bindgen 0.2.130`.
fn version_in(text: &str) -> Option<&str> {
    text.lines().next()?.split_whitespace().nth(1)
}

fn install(toolbox: &Toolbox, tool: &Tool) -> Outcome {
    console::begin(&format!(
        "Looking for {} {} ready-made; usually seconds.",
        tool.package, tool.version
    ));
    if prebuilt::install(toolbox, tool) && is_right(toolbox, tool) {
        return Ok(());
    }

    console::begin(&format!(
        "Building {} {}; usually {} on two cores, once.",
        tool.package, tool.version, tool.usually
    ));
    let started = Instant::now();
    toolbox::show(
        &mut build_command(toolbox, tool),
        &format!("Building {}", tool.package),
    )?;
    if !is_right(toolbox, tool) {
        return Err(Failure::new(format!(
            "{} {} was installed, but another one comes first on PATH: {}.",
            tool.program,
            tool.version,
            machine::find_program(&[tool.program])
                .map_or_else(|| "none".to_owned(), |path| path.display().to_string())
        )));
    }
    console::note(&format!(
        "Built {} in {}.",
        tool.package,
        console::duration(started.elapsed())
    ));
    Ok(())
}

fn is_right(toolbox: &Toolbox, tool: &Tool) -> bool {
    installed_version(toolbox, tool).as_deref() == Some(tool.version.as_str())
}

/// The build directory is ours and not a passing one, so that an interrupted build goes on where
/// it stopped.
fn build_command(toolbox: &Toolbox, tool: &Tool) -> Command {
    let mut command = toolbox.cargo(&["install", tool.package, "--quiet"]);
    command
        .args(["--version", &format!("={}", tool.version)])
        .args(tool.build)
        .arg("--target-dir")
        .arg(workspace::target().join("tools").join(tool.package))
        .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", tool.opt_level)
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
        assert_eq!(version_in("wasm-bindgen 0.2.130 (abc)"), Some("0.2.130"));
        assert_eq!(version_in(""), None);
    }
}
