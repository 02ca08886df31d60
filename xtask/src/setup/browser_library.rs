//! The standard library for the browser, in a compiler's folder.

use std::fs;
use std::path::Path;

use crate::versions::WASM;

/// The file in which set-up notes for which compiler it has built a library. A compiler cannot read the
/// library of another version.
pub const BUILT_FOR: &str = "holdfast-built-for";

/// Whether it is there, complete, and of this release of the compiler, such as `1.96.0`.
pub fn is_there(sysroot: &Path, release: &str) -> bool {
    let directory = sysroot.join("lib/rustlib").join(WASM).join("lib");
    // rustup and the packages of distributions change both together, and write no such file.
    let of_another = fs::read_to_string(directory.join(BUILT_FOR))
        .is_ok_and(|built_for| built_for.trim() != release);
    if of_another {
        return false;
    }
    fs::read_dir(directory).is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn a_half_copied_library_does_not_count() {
        let sysroot = TemporaryDirectory::new("holdfast-sysroot").expect("a directory");
        let library = sysroot.path().join("lib/rustlib").join(WASM).join("lib");
        let is_there = || super::is_there(sysroot.path(), "1.96.0");
        assert!(!is_there());

        fs::create_dir_all(&library).expect("a directory");
        fs::write(library.join("libcore-1.rlib"), "").expect("a file");
        assert!(!is_there());

        fs::write(library.join("libstd-1.rlib"), "").expect("a file");
        assert!(is_there());

        // After an upgrade of the compiler, the library is the one of the version before.
        fs::write(library.join(BUILT_FOR), "1.95.0\n").expect("a file");
        assert!(!is_there());
        fs::write(library.join(BUILT_FOR), "1.96.0\n").expect("a file");
        assert!(is_there());
    }
}
