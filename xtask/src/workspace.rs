//! The places in the repository.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The repository's root. `cargo xtask` says in which checkout this program is; that may have been moved
/// since the program was compiled. The command works from any folder of the checkout.
pub fn root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| root_of(std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from)))
}

fn root_of(package: Option<PathBuf>) -> PathBuf {
    // It is another package if a build script or a test of another program starts this one.
    let package = package.filter(|package| package.ends_with("xtask"));
    let package = package.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")));
    package.parent().unwrap_or(Path::new(".")).to_owned()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkout_that_was_moved_is_found_where_it_is() {
        let moved = root_of(Some(PathBuf::from("/elsewhere/holdfast/xtask")));
        assert_eq!(moved, Path::new("/elsewhere/holdfast"));
        let here = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        assert_eq!(Some(root_of(None).as_path()), here);
        let of_another = root_of(Some(PathBuf::from("/elsewhere/other")));
        assert_eq!(Some(of_another.as_path()), here);
    }
}
