//! The release build: the server's binary, and the site that it serves.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Instant;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::files;
use crate::fingerprint::Fingerprint;
use crate::machine;
use crate::programs::{self, NATIVE};
use crate::progress::{self, Board};
use crate::site;
use crate::toolbox::Toolbox;
use crate::workspace;

/// All files that the build reads.
const SOURCES: &[&str] = &[
    ".cargo/config.toml",
    ".sqlx",
    "Cargo.lock",
    "Cargo.toml",
    "app",
    "client",
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

/// Folders in the sources that the build does not read.
const NOT_SOURCES: &[&str] = &["tests", "benches", "node_modules"];

/// The server.
pub fn binary() -> PathBuf {
    workspace::target().join("release/holdfast")
}

/// A finished build that a person has named, to use it instead of a new build. Its site is beside
/// it.
pub fn named() -> Option<PathBuf> {
    let path = std::env::var_os("HOLDFAST_BINARY").filter(|path| !path.is_empty())?;
    Some(workspace::root().join(path))
}

/// The server to run: the named one, or else the one of this repository, which is built if
/// necessary.
pub fn provide(toolbox: &Toolbox) -> Outcome<PathBuf> {
    if let Some(named) = named() {
        return Ok(named);
    }
    build(toolbox)?;
    Ok(binary())
}

/// Builds a program that starts the server, and beside it the server itself unless another one is
/// named. Returns its path.
pub fn build_beside_server(toolbox: &Toolbox, name: &str) -> Outcome<PathBuf> {
    let server: &[&str] = if named().is_some() {
        &[]
    } else {
        &["holdfast"]
    };
    programs::build(toolbox, name, server)
}

/// Builds, unless the last build is still valid.
///
/// Making the site takes seconds even when nothing has changed. So the state of the sources is
/// noted after a build, and with it the state of the results: `dev` and a plain `cargo` call write
/// to the same places.
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
        "6 to 15 minutes"
    };
    console::begin(&format!(
        "Building the server and the site, optimised; usually {usually} on two cores."
    ));
    let started = Instant::now();
    progress::show(&[SERVER, SITE], |board| build_both(toolbox, board)).map_err(|failure| {
        failure.next("Correct this and start the command again. Compiled parts are kept.")
    })?;
    files::write(&stamp, &state(&sources))?;
    console::note(&format!(
        "Built in {}.",
        console::duration(started.elapsed())
    ));
    Ok(())
}

/// The names of the two parts, in the progress and in a failure.
const SERVER: &str = "the server";
const SITE: &str = "the site";

/// Builds both at once, because each has phases in which only one core has work.
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

/// The state of the sources. The caller computes it before the build, so that the next build
/// notices an edit during this one.
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
