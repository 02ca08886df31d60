//! Versions that the workspace has fixed.

use std::fs;

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// The version of `package` in `Cargo.lock`.
///
/// The wasm-bindgen tool must equal the wasm-bindgen crate exactly, so it is read from where cargo
/// reads it.
pub fn version_of(package: &str) -> Outcome<String> {
    let path = workspace::path("Cargo.lock");
    let text = fs::read_to_string(&path)
        .map_err(|error| Failure::new(format!("Cannot read {}: {error}.", path.display())))?;
    find_version(&text, package)
        .map(String::from)
        .ok_or_else(|| Failure::new(format!("Cargo.lock names no version of {package}.")))
}

fn find_version<'a>(lock_file: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let mut lines = lock_file.lines();
    lines.find(|line| *line == name)?;
    lines
        .next()?
        .strip_prefix("version = \"")?
        .strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCK_FILE: &str = r#"
[[package]]
name = "wasm-bindgen-macro"
version = "0.2.131"

[[package]]
name = "wasm-bindgen"
version = "0.2.130"
source = "registry"
"#;

    #[test]
    fn the_version_is_that_of_the_package_with_the_whole_name() {
        assert_eq!(find_version(LOCK_FILE, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(find_version(LOCK_FILE, "wasm"), None);
    }

    #[test]
    fn the_workspace_has_a_wasm_bindgen() {
        assert!(version_of("wasm-bindgen").is_ok());
    }
}
