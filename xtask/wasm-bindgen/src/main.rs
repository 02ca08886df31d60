//! Makes the JavaScript for a compiled WebAssembly module, and the module that belongs to it.
//!
//! It understands what `cargo xtask` and `cargo leptos` ask of the tool `wasm-bindgen`.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "Usage: wasm-bindgen --target=web --out-name=<name> --out-dir=<directory> \
                     [--debug] [--keep-debug] <module.wasm>";

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("wasm-bindgen: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> Result<()> {
    let mut bindgen = Bindgen::new();
    bindgen.web(true)?.typescript(false);
    let mut directory = None;
    let mut module = None;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=').unwrap_or((&argument, "")) {
            ("--target", "web") => {}
            ("--out-name", name) => {
                bindgen.out_name(name);
            }
            ("--out-dir", path) => directory = Some(PathBuf::from(path)),
            ("--debug", "") => {
                bindgen.debug(true);
            }
            ("--keep-debug", "") => {
                bindgen.keep_debug(true);
            }
            (option, _) if option.starts_with('-') => {
                bail!("`{argument}` is not understood here.\n{USAGE}")
            }
            _ => module = Some(PathBuf::from(argument)),
        }
    }
    bindgen
        .input_path(module.context(USAGE)?)
        .generate(directory.context(USAGE)?)
}
