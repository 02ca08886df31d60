//! The release build: the server's binary, and the site that it serves.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Instant;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::fingerprint::Fingerprint;
use crate::machine;
use crate::programs::{self, NATIVE};
use crate::progress::{self, Board};
use crate::site;
use crate::toolbox::Toolbox;
use crate::workspace;

/// All that the build reads.
const SOURCES: &[&str] = &[
    ".cargo/config.toml",
    ".sqlx",
    "Cargo.lock",
    "Cargo.toml",
    "app",
    "frontend",
    "local-postgres",
    "migrations",
    "package-lock.json",
    "protocol",
    "public",
    "server",
    "style",
    "xtask/site",
    "xtask/wasm-bindgen",
];

/// Below the sources, but not read.
const NOT_SOURCES: &[&str] = &["tests", "benches", "node_modules"];

/// The server.
pub fn binary() -> PathBuf {
    workspace::target().join("release/holdfast")
}

/// A finished build that a person has named, to use it instead of building. Its site stands beside
/// it.
pub fn named() -> Option<PathBuf> {
    let path = std::env::var_os("HOLDFAST_BINARY").filter(|path| !path.is_empty())?;
    Some(workspace::root().join(path))
}

/// The server to run: the one that is named, else our own, built if need be.
pub fn provide(toolbox: &Toolbox) -> Outcome<PathBuf> {
    if let Some(named) = named() {
        return Ok(named);
    }
    build(toolbox)?;
    Ok(binary())
}

/// Builds a program that starts the server, and beside it the server itself unless another one is
/// named. Answers where it is.
pub fn build_beside_server(toolbox: &Toolbox, name: &str) -> Outcome<PathBuf> {
    let server: &[&str] = if named().is_some() {
        &[]
    } else {
        &["holdfast"]
    };
    programs::build(toolbox, name, server)
}

/// Builds, unless the last build still stands.
///
/// Making the site takes seconds even when nothing has changed. So the state of the sources is
/// noted after a build, and that of its results with it: `dev` and a plain `cargo` call write to the
/// same places.
pub fn build(toolbox: &Toolbox) -> Outcome {
    let stamp = workspace::target().join("xtask/release");
    let sources = sources(toolbox);
    if fs::read_to_string(&stamp).is_ok_and(|noted| noted == state(&sources)) {
        console::note("The release build is up to date.");
        return Ok(());
    }

    let usually = if binary().exists() {
        "1 to 4 minutes"
    } else {
        "6 to 12 minutes"
    };
    console::begin(&format!(
        "Building the server and the site, optimised; usually {usually} on two cores."
    ));
    let started = Instant::now();
    progress::show(&[SERVER, SITE], |board| build_both(toolbox, board)).map_err(|failure| {
        failure.next("Start the command again once that is mended; what was compiled is kept.")
    })?;
    note(&stamp, &state(&sources))?;
    console::note(&format!(
        "Built in {}.",
        console::duration(started.elapsed())
    ));
    Ok(())
}

/// The names of the halves, in the progress and in a failure.
const SERVER: &str = "the server";
const SITE: &str = "the site";

/// Both at once: each has stretches in which only one core has something to do.
fn build_both(toolbox: &Toolbox, board: &Board) -> Outcome {
    thread::scope(|scope| {
        let site = scope.spawn(|| site::build(toolbox, board, SITE));
        let mut cargo = toolbox.cargo(&["build", "--release", "--bin=holdfast"]);
        let server = board.run(SERVER, cargo.args(NATIVE));
        let site = site
            .join()
            .unwrap_or_else(|_| Err(Failure::new("Making the site was given up.")));
        server.and(site)
    })
}

/// Taken before the build, so that an edit during it is seen by the next one.
fn sources(toolbox: &Toolbox) -> String {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add(machine::ask(toolbox.command("rustc").arg("-vV")));
    fingerprint.add(std::env::var_os("RUSTFLAGS"));
    for path in SOURCES {
        fingerprint.add_path(&workspace::path(path), NOT_SOURCES);
    }
    fingerprint.finish()
}

fn state(sources: &str) -> String {
    let mut results = Fingerprint::default();
    results.add_path(&binary(), &[]);
    results.add_path(&site::root(), &[]);
    format!("{sources} {}\n", results.finish())
}

fn note(stamp: &Path, state: &str) -> Outcome {
    let directory = stamp.parent().unwrap_or(stamp);
    fs::create_dir_all(directory)
        .and_then(|()| fs::write(stamp, state))
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", stamp.display())))
}
