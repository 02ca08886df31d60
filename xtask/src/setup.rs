//! Finds what the work needs, and installs what is missing.
//!
//! Every part is skipped in a moment when it is already there, so the other commands begin with it
//! and a person never has to.

mod chromium;
mod debian_toolchain;
mod npm;
mod postgres_binaries;
mod prebuilt;
mod toolchain;
mod tools;

use std::time::Instant;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::toolbox::Toolbox;

pub use postgres_binaries::find as find_postgres;

pub const SUMMARY: &str = "Install what is missing, and nothing else";

pub const HELP: &str = "
Usage: cargo xtask setup [--test]

Installs what running Holdfast needs, where it is missing:
  the browser's standard library  by rustup; on Debian, where rustup cannot, by apt and one build
  cargo-leptos, wasm-bindgen      as prebuilt programs, else built by cargo install
  wasm-opt                        from npm, at the version in package-lock.json
  Postgres                        by apt on Debian; elsewhere one sentence says what to install

  --test    also what the tests need: Playwright from npm, and Chromium

What is there already is left alone. Every other command does this by itself.
";

/// What somebody is about to do.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Check the sources: a compiler for both targets.
    Lint,
    /// Run tests that need no browser: a compiler and Postgres.
    Database,
    /// Build and serve.
    Run,
    /// Build, serve and drive a browser.
    Browser,
}

pub fn run(arguments: &[String]) -> Outcome {
    let purpose = match arguments {
        [] => Purpose::Run,
        [only] if only == "--test" => Purpose::Browser,
        _ => return Err(Failure::usage(HELP.trim())),
    };
    let started = Instant::now();
    prepare(purpose)?;
    console::note(&format!(
        "Everything is in place ({}).",
        console::duration(started.elapsed())
    ));
    Ok(())
}

/// Makes sure that everything for `purpose` is there.
pub fn prepare(purpose: Purpose) -> Outcome<Toolbox> {
    let mut toolbox = Toolbox::default();
    toolchain::ensure(&mut toolbox)?;
    if purpose != Purpose::Lint {
        postgres_binaries::ensure()?;
    }
    if matches!(purpose, Purpose::Run | Purpose::Browser) {
        npm::ensure(&toolbox, ".")?;
        tools::ensure(&toolbox)?;
    }
    if purpose == Purpose::Browser {
        npm::ensure(&toolbox, "end2end")?;
        chromium::ensure(&mut toolbox)?;
    }
    Ok(toolbox)
}
