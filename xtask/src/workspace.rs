//! The places in the repository.

use std::path::{Path, PathBuf};

/// The repository's root. It is known at compile time, because `cargo xtask` builds this program in
/// the checkout on which it works. The command works from any folder of the checkout.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// A path in the repository.
pub fn path(relative: impl AsRef<Path>) -> PathBuf {
    root().join(relative)
}

/// Cargo's target directory, which a person may have moved.
pub fn target() -> PathBuf {
    match std::env::var_os("CARGO_TARGET_DIR") {
        Some(directory) => root().join(directory),
        None => path("target"),
    }
}

/// The folder that only contains wasm-bindgen, after it was built.
pub fn wasm_bindgen_bin() -> PathBuf {
    target().join("tools/wasm-bindgen/release")
}

/// The folder that only contains cargo-leptos, after it was fetched or built.
pub fn cargo_leptos_bin() -> PathBuf {
    target().join("tools/cargo-leptos/bin")
}
