//! Where the programs of this repository are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// The server that was built with this program.
pub fn built_program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    // A test runs in `deps`, the other programs beside the server.
    own.ancestors()
        .skip(1)
        .take(2)
        .map(|directory| directory.join("holdfast"))
        .find(|program| program.is_file())
        .context("build the server first: `cargo build --release --bin holdfast`")
}

/// The server that `HOLDFAST_BINARY` names. It is used instead of the one that was built.
pub fn named_program() -> Option<OsString> {
    std::env::var_os("HOLDFAST_BINARY").filter(|path| !path.is_empty())
}

/// The server to measure: the named one, or else the one that was built.
pub fn program() -> anyhow::Result<PathBuf> {
    match named_program() {
        Some(program) => std::path::absolute(program).context("there is no current directory"),
        None => built_program(),
    }
}

/// Cargo's directory for the files of tests.
pub(crate) fn directory_of_tests() -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let is_target = |directory: &&Path| directory.join("CACHEDIR.TAG").is_file();
    let target = own.ancestors().find(is_target);
    let directory = target.expect("a test is below `target`").join("tmp");
    std::fs::create_dir_all(&directory).unwrap();
    directory
}
