//! Finds what a command needs, and installs what is missing.
//!
//! A part that is already there takes no time. So the other commands begin with this one, and a
//! person never has to run it.

mod browser_library;
mod cargo_leptos;
mod chromium;
mod debian_toolchain;
pub mod firefox;
pub mod npm;
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
  Postgres                        by apt on Debian; elsewhere, or without root, from npm

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
    let toolbox = find_or_install(Parts::of(purpose), true)?;
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
    prepare_all(&[purpose])
}

/// Makes sure that everything for all of these is there. A person learns at once what is missing, and
/// not after the first of them.
pub fn prepare_all(purposes: &[Purpose]) -> Outcome<Toolbox> {
    find_or_install(Parts::of_all(purposes), false)
}

/// Makes sure that everything is there to build the server and to start it with these arguments. If
/// they or the environment name a database, no Postgres is installed.
pub fn prepare_to_serve(purpose: Purpose, for_server: &[String]) -> Outcome<Toolbox> {
    let mut parts = Parts::of(purpose);
    parts.postgres &= !names_a_database(for_server, |name| std::env::var_os(name));
    find_or_install(parts, false)
}

fn names_a_database(
    for_server: &[String],
    variable: impl Fn(&str) -> Option<std::ffi::OsString>,
) -> bool {
    for_server
        .iter()
        .any(|argument| argument.starts_with("--database-url"))
        || ["DATABASE_URL", "DATABASE_URL_FILE"]
            .iter()
            .any(|name| variable(name).is_some_and(|value| !value.is_empty()))
}

/// What has to be there, besides the compiler.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Parts {
    lints: bool,
    postgres: bool,
    /// What makes the site.
    site: bool,
    watch: bool,
    browser: bool,
}

impl Parts {
    fn of(purpose: Purpose) -> Self {
        let site = matches!(purpose, Purpose::Run | Purpose::Watch | Purpose::Browser);
        Self {
            lints: !matches!(purpose, Purpose::Run | Purpose::Watch),
            postgres: purpose != Purpose::Lint,
            site,
            watch: purpose == Purpose::Watch,
            browser: purpose == Purpose::Browser,
        }
    }

    fn of_all(purposes: &[Purpose]) -> Self {
        purposes
            .iter()
            .map(|purpose| Self::of(*purpose))
            .fold(Self::default(), |all, one| Self {
                lints: all.lints || one.lints,
                postgres: all.postgres || one.postgres,
                site: all.site || one.site,
                watch: all.watch || one.watch,
                browser: all.browser || one.browser,
            })
    }
}

fn find_or_install(parts: Parts, again: bool) -> Outcome<Toolbox> {
    let mut toolbox = Toolbox::default();
    if parts.site {
        npm::ensure_node(&toolbox)?;
    }
    let needs = if parts.lints {
        Needs::CompilerAndLints
    } else {
        Needs::Compiler
    };
    toolchain::ensure(&mut toolbox, needs, again)?;
    if parts.site {
        npm::ensure(&toolbox, ".")?;
    }
    // This comes after npm, which empties the folder in which Postgres may be.
    if parts.postgres {
        postgres_binaries::ensure(&toolbox)?;
    }
    if parts.watch {
        cargo_leptos::ensure(&toolbox)?;
        progress::show(&[WASM_BINDGEN], |board| {
            wasm_bindgen::ensure(&toolbox, board, WASM_BINDGEN)
        })?;
    }
    if parts.browser {
        npm::ensure(&toolbox, "end2end")?;
        chromium::ensure(&mut toolbox)?;
    }
    Ok(toolbox)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_named_database_needs_no_postgres_here() {
        let arguments = |line: &[&str]| line.iter().map(|word| (*word).to_owned()).collect();
        let none: Vec<String> = arguments(&["--listen", "127.0.0.1:8080"]);
        let named: Vec<String> = arguments(&["--database-url-file", "/run/url"]);
        let unset = |_: &str| None;
        assert!(!names_a_database(&none, unset));
        assert!(names_a_database(&named, unset));
        let set =
            |value: &'static str| move |name: &str| (name == "DATABASE_URL").then(|| value.into());
        assert!(names_a_database(&none, set("postgres://db.example/shop")));
        assert!(!names_a_database(&none, set("")));
    }

    #[test]
    fn what_the_last_step_needs_is_looked_for_before_the_first() {
        let parts = Parts::of_all(&[Purpose::Lint, Purpose::Database, Purpose::Browser]);
        assert!(parts.site && parts.browser && parts.postgres && parts.lints);
        assert_eq!(Parts::of_all(&[Purpose::Lint]), Parts::of(Purpose::Lint));
    }
}
