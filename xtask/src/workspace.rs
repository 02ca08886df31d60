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
