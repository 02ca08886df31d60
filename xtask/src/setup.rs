//! Finds what a command needs, and installs what is missing.
//!
//! A part that is already there takes no time. So the other commands begin with this one, and a
//! person never has to run it.

mod browser_library;
mod cargo_leptos;
mod chromium;
mod debian_toolchain;
pub mod firefox;
mod npm;
mod postgres_binaries;
mod prebuilt;
mod toolchain;
pub mod wasm_bindgen;

use std::process::Command;
use std::time::Instant;

use toolchain::Needs;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::Toolbox;

pub use postgres_binaries::find as find_postgres;

pub const SUMMARY: &str = "Install what is missing, and nothing else";

pub const HELP: &str = "
Usage: cargo xtask setup [--test | --dev]

Installs what running Holdfast needs, where it is missing:
  the browser's standard library  by rustup; on Debian, if rustup cannot, by apt and one build
  wasm-bindgen                    built from xtask/wasm-bindgen
  wasm-opt, lightningcss, esbuild from npm, at the versions in package-lock.json
  Postgres                        by apt on Debian; elsewhere one sentence says what to install

  --test    also what the tests need: Playwright from npm, Chromium and Firefox
  --dev     also what `cargo xtask dev` needs: cargo-leptos, prebuilt or built

Parts that are already there are not changed. Every other command does this by itself.
";

/// What a person wants to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Check the sources: a compiler for both targets.
    Lint,
    /// Run tests that need no browser: a compiler and Postgres.
    Database,
    /// Build and serve.
    Run,
    /// Build and serve again on every change.
    Watch,
    /// Build, serve and drive a browser.
    Browser,
}

/// The name of that tool in the progress.
const WASM_BINDGEN: &str = "wasm-bindgen";

pub fn run(arguments: &[String]) -> Outcome {
    let purpose = match arguments {
        [] => Purpose::Run,
        [only] if only == "--test" => Purpose::Browser,
        [only] if only == "--dev" => Purpose::Watch,
        _ => return Err(Failure::usage(HELP.trim())),
    };
    let started = Instant::now();
    let toolbox = find_or_install(purpose, true)?;
    if purpose == Purpose::Browser {
        firefox::ensure();
    }
    // The other commands build it at the same time as the server, so that no core is idle.
    progress::show(&[WASM_BINDGEN], |board| {
        wasm_bindgen::ensure(&toolbox, board, WASM_BINDGEN)
    })?;
    report(&toolbox);
    console::note(&format!(
        "Everything is in place ({}).",
        console::duration(started.elapsed())
    ));
    Ok(())
}

/// Prints what was found or installed, for a log that is read later.
fn report(toolbox: &Toolbox) {
    if let Some(rust) = &toolbox.rust {
        console::note(&format!("{}, in {}", rust.title, rust.bin.display()));
    }
    if let Some(node) = machine::ask(toolbox.command("node").arg("--version")) {
        console::note(&format!("Node.js {node}"));
    }
    if let Some(programs) = find_postgres()
        && let Some(version) =
            machine::ask(Command::new(programs.join("postgres")).arg("--version"))
    {
        console::note(&format!("{version}, in {}", programs.display()));
    }
    if let Some(chromium) = &toolbox.chromium {
        console::note(&format!("Chromium: {}", chromium.display()));
    }
}

/// Makes sure that everything for `purpose` is there.
pub fn prepare(purpose: Purpose) -> Outcome<Toolbox> {
    find_or_install(purpose, false)
}

fn find_or_install(purpose: Purpose, again: bool) -> Outcome<Toolbox> {
    let mut toolbox = Toolbox::default();
    let needs = match purpose {
        Purpose::Run | Purpose::Watch => Needs::Compiler,
        Purpose::Lint | Purpose::Database | Purpose::Browser => Needs::CompilerAndLints,
    };
    let builds_site = matches!(purpose, Purpose::Run | Purpose::Watch | Purpose::Browser);
    if builds_site {
        npm::ensure_node(&toolbox)?;
    }
    toolchain::ensure(&mut toolbox, needs, again)?;
    if purpose != Purpose::Lint {
        postgres_binaries::ensure()?;
    }
    if builds_site {
        npm::ensure(&toolbox, ".")?;
    }
    if purpose == Purpose::Watch {
        cargo_leptos::ensure(&toolbox)?;
        progress::show(&[WASM_BINDGEN], |board| {
            wasm_bindgen::ensure(&toolbox, board, WASM_BINDGEN)
        })?;
    }
    if purpose == Purpose::Browser {
        npm::ensure(&toolbox, "end2end")?;
        chromium::ensure(&mut toolbox)?;
    }
    Ok(toolbox)
}
