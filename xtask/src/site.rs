//! The site: the files that a browser loads. This compiles the frontend to WebAssembly, makes its
//! JavaScript, makes both small, and compresses all files.
//!
//! cargo-leptos does the same for the development build. A release only needs these four programs,
//! and building cargo-leptos would take longer than all their work.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::progress::Board;
use crate::setup::wasm_bindgen;
use crate::toolbox::Toolbox;
use crate::versions::WASM;
use crate::workspace;

/// The folder in which the server looks for it.
pub fn root() -> PathBuf {
    workspace::path("target/site")
}

/// A target directory of its own: the server is compiled at the same time, and cargo only allows one build
/// at a time in a directory.
fn target() -> PathBuf {
    workspace::target().join("front")
}

/// What cargo makes of the frontend.
fn compiled() -> PathBuf {
    target()
        .join(WASM)
        .join("wasm-release/holdfast_frontend.wasm")
}

/// How the folder ends into which wasm-bindgen writes.
const BINDGEN: &str = "bindgen";

/// The folder with the modules of the last build, in which the functions still have their names.
pub fn named() -> PathBuf {
    compiled().with_extension(BINDGEN)
}

/// The parts of a site.
pub struct Sources<'a> {
    /// The WebAssembly as cargo leaves it.
    pub module: &'a Path,
    /// The name of its files in the browser.
    pub name: &'a str,
    /// Files that are copied as they are.
    pub public: &'a Path,
    /// The style that names all others, if there is one.
    pub style: Option<&'a Path>,
    /// Whether the names of the files in the browser get a hash of their content.
    pub hashed: bool,
    /// Whether the app names pieces that are cut out of the module.
    pub split: bool,
}

/// Flags of the last crate, so that the module can be cut: which function uses which one, and the names
/// of the functions. The flags of all other crates stay the same, so nothing is compiled twice.
const FOR_CUTTING: [&str; 5] = ["--", "-C", "link-args=--emit-relocs", "-C", "strip=none"];

/// Compiles the frontend and makes the site, as the part `lane` of the progress.
pub fn build(toolbox: &Toolbox, board: &Board, lane: &str) -> Outcome {
    wasm_bindgen::ensure(toolbox, board, lane)?;
    let mut cargo = toolbox.cargo(&["rustc", "--package=holdfast-frontend", "--lib"]);
    cargo
        .args([
            "--features=split",
            "--profile=wasm-release",
            "--target",
            WASM,
        ])
        .arg("--target-dir")
        .arg(target())
        .args(FOR_CUTTING);
    board.run(lane, &mut cargo)?;
    make(
        toolbox,
        board,
        lane,
        &Sources {
            module: &compiled(),
            name: "holdfast",
            public: &workspace::path("public"),
            style: Some(&workspace::path("style/main.css")),
            hashed: true,
            split: true,
        },
        &root(),
    )
}

/// Makes a site at `site` from what is compiled.
pub fn make(
    toolbox: &Toolbox,
    board: &Board,
    lane: &str,
    sources: &Sources<'_>,
    site: &Path,
) -> Outcome {
    let bindgen = sources.module.with_extension(BINDGEN);
    // Without this, a file of an earlier build would become a part of this one.
    if bindgen.exists() {
        fs::remove_dir_all(&bindgen).map_err(|error| {
            Failure::new(format!("Cannot empty {}: {error}.", bindgen.display()))
        })?;
    }
    let mut script = toolbox.command(&wasm_bindgen::program().to_string_lossy());
    script
        .args(["--target=web", &format!("--out-name={}", sources.name)])
        .arg(format!("--out-dir={}", bindgen.display()));
    if sources.split {
        script.arg("--split");
    }
    script.arg(sources.module);
    board.run(lane, &mut script)?;

    let mut make = toolbox.command("node");
    make.arg(workspace::path("xtask/site/make.mjs"))
        .arg(&bindgen)
        .arg(sources.public)
        .arg(sources.style.unwrap_or(Path::new("")))
        .arg(site);
    if sources.hashed {
        make.arg("hashed");
    }
    board.run(lane, &mut make)
}
