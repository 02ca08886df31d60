//! A Rust that compiles for this machine and for the browser.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::debian_toolchain;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::toolbox::Toolbox;

/// The browser's target.
pub const WASM: &str = "wasm32-unknown-unknown";

/// Takes the toolchain that is active when it can do both; else adds the target by rustup; else
/// goes the Debian way.
pub fn ensure(toolbox: &mut Toolbox) -> Outcome {
    let active = sysroot(&mut toolbox.command("rustc"))
        .ok_or_else(|| Failure::new("No Rust compiler was found; install Rust, best by rustup."))?;
    if knows_wasm(&active) {
        return Ok(());
    }
    // Set up by an earlier call, and this one was started by another toolchain.
    if debian_toolchain::is_linked() && knows_wasm(Path::new(debian_toolchain::SYSROOT)) {
        return debian_toolchain::choose(toolbox);
    }

    console::begin("Adding the browser's standard library to Rust; usually a few seconds, once.");
    if rustup_adds_target() {
        return Ok(());
    }
    if machine::has_apt() {
        console::note("rustup cannot fetch it here; going the Debian way.");
        return debian_toolchain::ensure(toolbox);
    }
    Err(Failure::new(format!(
        "Rust has no standard library for the browser here; install it with `rustup target add \
         {WASM}`."
    )))
}

/// Where a compiler keeps its libraries.
pub fn sysroot(rustc: &mut Command) -> Option<PathBuf> {
    machine::ask(rustc.args(["--print", "sysroot"])).map(PathBuf::from)
}

/// Whether the standard library for the browser is there, whole: `std` is what is copied last.
pub fn knows_wasm(sysroot: &Path) -> bool {
    let directory = sysroot.join("lib/rustlib").join(WASM).join("lib");
    std::fs::read_dir(directory).is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Quiet about a failure, because there is another way.
fn rustup_adds_target() -> bool {
    Command::new("rustup")
        .args(["target", "add", WASM])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn a_half_copied_library_does_not_count() {
        let sysroot = TemporaryDirectory::new("holdfast-sysroot").expect("a directory");
        let library = sysroot.path().join("lib/rustlib").join(WASM).join("lib");
        assert!(!knows_wasm(sysroot.path()));

        std::fs::create_dir_all(&library).expect("a directory");
        std::fs::write(library.join("libcore-1.rlib"), "").expect("a file");
        assert!(!knows_wasm(sysroot.path()));

        std::fs::write(library.join("libstd-1.rlib"), "").expect("a file");
        assert!(knows_wasm(sysroot.path()));
    }
}
