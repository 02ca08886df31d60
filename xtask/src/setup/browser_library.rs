//! The standard library for the browser, in a compiler's folder.

use std::fs;
use std::path::Path;

use crate::versions::WASM;

/// Whether it is there and complete: `std` is copied last.
pub fn is_there(sysroot: &Path) -> bool {
    let directory = sysroot.join("lib/rustlib").join(WASM).join("lib");
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
        assert!(!is_there(sysroot.path()));

        fs::create_dir_all(&library).expect("a directory");
        fs::write(library.join("libcore-1.rlib"), "").expect("a file");
        assert!(!is_there(sysroot.path()));

        fs::write(library.join("libstd-1.rlib"), "").expect("a file");
        assert!(is_there(sysroot.path()));
    }
}
