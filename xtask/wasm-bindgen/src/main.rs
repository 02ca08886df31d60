//! Makes the JavaScript for a compiled WebAssembly module, and the module that belongs to it.
//!
//! It understands what `cargo xtask` and `cargo leptos` ask of the tool `wasm-bindgen`. With `--split`
//! it first cuts the module into pieces, which a browser loads when it needs them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, anyhow, bail};
use wasm_bindgen_cli_support::Bindgen;

const USAGE: &str = "Usage: wasm-bindgen --target=web --out-name=<name> --out-dir=<directory> \
                     [--debug] [--keep-debug] [--split] <module.wasm>";

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
    let mut name = "module".to_owned();
    let mut is_split = false;
    for argument in std::env::args().skip(1) {
        match argument.split_once('=').unwrap_or((&argument, "")) {
            ("--target", "web") => {}
            ("--out-name", wanted) => {
                bindgen.out_name(wanted);
                wanted.clone_into(&mut name);
            }
            ("--split", "") => is_split = true,
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
    let mut module = module.context(USAGE)?;
    let directory = directory.context(USAGE)?;
    if is_split {
        module = split(&module, &directory, &name)?;
        // The pieces share the table of functions, which the linker exports.
        bindgen.keep_lld_exports(true);
    }
    bindgen.input_path(module).generate(directory)
}

/// The files of each piece. Their names are identifiers of Rust, so nothing in them needs an escape.
fn json(pieces: &BTreeMap<String, Vec<String>>) -> String {
    let lists: Vec<String> = pieces
        .iter()
        .map(|(piece, files)| format!("{piece:?}: {files:?}"))
        .collect();
    format!("{{{}}}\n", lists.join(", "))
}

/// Cuts the pieces out of a module, and returns the path of what is left. The pieces are in
/// `directory` afterwards, with the script `__wasm_split.js`, which loads them, and with their names.
fn split(module: &Path, directory: &Path, name: &str) -> Result<PathBuf> {
    let code = fs::read(module).with_context(|| format!("cannot read {}", module.display()))?;
    let rest = module.with_extension("main.wasm");
    let script = format!("./{name}.js");
    let mut options = wasm_split_cli_support::Options::new(&code);
    options.output_dir = directory;
    options.main_out_path = &rest;
    options.main_module = &script;
    options.target.web();
    let split = wasm_split_cli_support::transform(options)
        .map_err(|error| anyhow!("cannot cut {} into pieces: {error:#}", module.display()))?;
    // The page names the files of its piece, so that they load before the script asks for them.
    let list = directory.join("pieces.json");
    let pieces = split.prefetch_map.into_iter().collect();
    fs::write(&list, json(&pieces)).with_context(|| format!("cannot write {}", list.display()))?;
    Ok(rest)
}
