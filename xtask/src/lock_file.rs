//! Versions that the workspace has fixed.

use crate::failure::{Failure, Outcome};
use crate::files;
use crate::workspace;

/// The version of `package` in the lock file at `path`, which is relative to the root.
pub fn version_of(package: &str, path: &str) -> Outcome<String> {
    let path = workspace::path(path);
    let text = files::read(&path)?;
    find_version(&text, package)
        .map(String::from)
        .ok_or_else(|| Failure::new(format!("{} names no version of {package}.", path.display())))
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

    /// The JavaScript of one version does not fit the WebAssembly of another.
    #[test]
    fn the_tool_of_wasm_bindgen_has_the_version_of_the_crate() {
        let of_crate = version_of("wasm-bindgen", "Cargo.lock");
        let of_tool = version_of("wasm-bindgen-cli-support", "xtask/wasm-bindgen/Cargo.lock");
        assert_eq!(
            of_crate.expect("the workspace has one"),
            of_tool.expect("the tool has one")
        );
    }
}
