//! `examples/notes`: an application that has adopted Holdfast. The journeys run in it, too.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use crate::failure::Outcome;
use crate::files;
use crate::fingerprint::Fingerprint;
use crate::programs;
use crate::progress::{self, Board};
use crate::site::{self, Sources};
use crate::toolbox::Toolbox;
use crate::versions::WASM;
use crate::workspace;

/// For clippy, beside the server without the pages.
pub const FOR_SERVER: &[&str] = &[
    "--package=notes",
    "--package=notes-before",
    "--features=notes/ssr,notes-before/ssr",
];

/// For clippy, beside the client.
pub const FOR_BROWSER: &[&str] = &[
    "--package=notes",
    "--package=notes-before",
    "--features=notes/hydrate,notes-before/hydrate",
];

/// Its name in the progress.
const LANE: &str = "the example";

/// Builds the example, its site, and the program that starts a Postgres for it. This comes after the
/// release build, whose crates it uses.
pub fn build(toolbox: &Toolbox) -> Outcome {
    programs::build(toolbox, "local-postgres", &[])?;
    progress::show(&[LANE], |board| {
        board.run(LANE, &mut server(toolbox))?;
        board.run(LANE, &mut browser(toolbox))?;
        make_site(toolbox, board)
    })
}

/// The server of the example, with Holdfast without the pages. The call is one of its own, because
/// cargo would switch the pages on in a call with our own server.
fn server(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["build", "--release", "--bin=notes"]);
    command
        .args(["--package=notes", "--features=notes/ssr"])
        // No test measures it, and compiling it takes a fifth of the time.
        .arg("--config=profile.release.package.holdfast-server.opt-level=0");
    command
}

/// The library as the browser needs it, and in no other form. Otherwise cargo would compile every
/// dependency in a second way, too.
fn browser(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["rustc", "--lib", "--crate-type=cdylib"]);
    command
        .args(["--package=notes", "--features=notes/hydrate"])
        .args(["--profile=wasm-release", "--target", WASM, "--target-dir"])
        .arg(workspace::target().join("front"));
    command
}

fn folder() -> PathBuf {
    workspace::target().join("xtask/notes")
}

/// Makes the site, unless nothing of it has changed.
fn make_site(toolbox: &Toolbox, board: &Board) -> Outcome {
    let target = workspace::target().join("front");
    let module = target.join(WASM).join("wasm-release/notes.wasm");
    let public = workspace::path("examples/notes/public");
    // It is plain CSS, although its name says that it may be more.
    let style = workspace::path("examples/notes/style/main.scss");
    let mut fingerprint = Fingerprint::default();
    for path in [&module, &public, &style, &workspace::path("xtask/site")] {
        fingerprint.add_path(path, &[]);
    }
    let (site, stamp) = (folder().join("site"), folder().join("made"));
    let sources = fingerprint.finish();
    if site.exists() && fs::read_to_string(&stamp).is_ok_and(|noted| noted == sources) {
        return Ok(());
    }
    let parts = Sources {
        module: &module,
        name: "notes",
        public: &public,
        style: Some(&style),
        hashed: false,
        split: false,
    };
    site::make(toolbox, board, LANE, &parts, &site)?;
    files::write(&stamp, &sources)
}
