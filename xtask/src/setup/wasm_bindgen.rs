//! The tool that makes the JavaScript for a WebAssembly module: wasm-bindgen's own library, in the
//! program `xtask/wasm-bindgen`, which has a lock file of its own.

use std::path::PathBuf;

use crate::failure::Outcome;
use crate::progress::Board;
use crate::toolbox::Toolbox;
use crate::workspace;

const PACKAGE: &str = "xtask/wasm-bindgen";

/// Its path once it is built. [`Toolbox`] has its folder on `PATH`, where `cargo leptos` looks.
pub fn program() -> PathBuf {
    workspace::wasm_bindgen_bin().join("wasm-bindgen")
}

/// Builds it as the part `lane` of the progress. This takes only a moment if it was done before.
pub fn ensure(toolbox: &Toolbox, board: &Board, lane: &str) -> Outcome {
    let mut cargo = toolbox.cargo(&["build", "--locked", "--release", "--manifest-path"]);
    cargo
        .arg(workspace::path(PACKAGE).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(target());
    board.run(lane, &mut cargo)
}

fn target() -> PathBuf {
    workspace::target().join("tools/wasm-bindgen")
}
