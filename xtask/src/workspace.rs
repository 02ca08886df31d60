//! Where things stand in the repository.

use std::path::{Path, PathBuf};

/// The repository's root. Known at compile time: `cargo xtask` builds this program in the checkout
/// that it works on, and works from any folder below it.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."))
}

/// A path below the root.
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

/// The folder of nothing but wasm-bindgen, once it is built.
pub fn wasm_bindgen_bin() -> PathBuf {
    target().join("tools/wasm-bindgen/release")
}

/// The folder of nothing but cargo-leptos, once it was fetched or built.
pub fn cargo_leptos_bin() -> PathBuf {
    target().join("tools/cargo-leptos/bin")
}
