//! How the tools are started after `setup` has found them.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::workspace;

/// A toolchain on this machine.
pub struct Toolchain {
    /// Its name at rustup; `None` if rustup does not know it.
    pub name: Option<String>,
    /// Where its programs are.
    pub bin: PathBuf,
    /// Its name for a person.
    pub title: String,
}

/// The results of set-up, which every later step needs.
#[derive(Default)]
pub struct Toolbox {
    /// The Rust for everything.
    pub rust: Option<Toolchain>,
    /// The browser for the journeys, if set-up has looked for it.
    pub chromium: Option<PathBuf>,
}

impl Toolbox {
    /// A program, to be started in the repository's root.
    pub fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .current_dir(workspace::root())
            .env("PATH", self.path())
            // A person may have set another folder in cargo's own settings. The results are looked for
            // in this one.
            .env("CARGO_TARGET_DIR", workspace::target());
        forget_own_package(&mut command);
        // Cargo looks for its subcommands in its own home before `PATH`, and may find a program of
        // rustup there. This variable tells that program which toolchain to use.
        if let Some(name) = self.rust.as_ref().and_then(|rust| rust.name.as_ref()) {
            command.env("RUSTUP_TOOLCHAIN", name);
        }
        if let Some(chromium) = &self.chromium {
            command.env("HOLDFAST_CHROMIUM", chromium);
        }
        command
    }

    /// The chosen and the built programs come first, because another version would be used
    /// otherwise.
    fn path(&self) -> OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let rust = self.rust.as_ref().map(|rust| rust.bin.clone());
        let built = [workspace::wasm_bindgen_bin(), workspace::cargo_leptos_bin()];
        let ours = rust.into_iter().chain(built);
        std::env::join_paths(ours.chain(std::env::split_paths(&path))).unwrap_or(path)
    }

    /// A cargo command.
    pub fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = self.command("cargo");
        command.args(arguments);
        command
    }
}

/// Runs a command that shows its own output; `what` names it in the failure.
pub fn show(command: &mut Command, what: &str) -> Outcome {
    let status = command
        .status()
        .map_err(|error| cannot_start(what, &error))?;
    if status.success() {
        Ok(())
    } else {
        Err(Failure::of_program(what, status))
    }
}

/// Runs a command that takes a moment. Its output is only shown if it fails.
pub fn quietly(command: &mut Command, what: &str) -> Outcome {
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|error| cannot_start(what, &error))?;
    if output.status.success() {
        return Ok(());
    }
    eprint!("{}", String::from_utf8_lossy(&output.stderr));
    Err(Failure::of_program(what, output.status))
}

/// Clones HEAD to a new folder. The clone lacks changes that are not committed.
pub fn clone_head(checkout: &Path) -> Outcome {
    let mut clone = Command::new("git");
    clone
        .args(["clone", "--quiet", "--no-local"])
        .arg(workspace::root())
        .arg(checkout)
        .stdin(Stdio::null());
    show(&mut clone, "`git clone`")
}

/// Replaces this process by the program: it gets the process, the terminal and every signal, and
/// its exit code is that of the command. This only returns if that was not possible.
pub fn become_program(command: &mut Command, what: &str) -> Failure {
    use std::os::unix::process::CommandExt;

    cannot_start(what, &command.exec())
}

/// The failure for a program that does not exist or may not be started.
pub fn cannot_start(what: &str, error: &std::io::Error) -> Failure {
    Failure::new(format!("{what} cannot be started: {error}."))
}

/// Cargo describes the package that it runs in variables. If another cargo inherited them, they
/// would describe this package to build scripts of other packages, and cargo would build these
/// again.
fn forget_own_package(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        let Some(name) = name.to_str() else { continue };
        if describes_a_package(name) {
            command.env_remove(name);
        }
    }
}

fn describes_a_package(variable: &str) -> bool {
    matches!(
        variable,
        "CARGO" | "CARGO_CRATE_NAME" | "CARGO_PRIMARY_PACKAGE" | "OUT_DIR"
    ) || ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_"]
        .iter()
        .any(|prefix| variable.starts_with(prefix))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_person_are_kept() {
        assert!(describes_a_package("CARGO_PKG_NAME"));
        assert!(describes_a_package("CARGO_MANIFEST_DIR"));
        assert!(!describes_a_package("CARGO_HOME"));
        assert!(!describes_a_package("CARGO_BUILD_JOBS"));
        assert!(!describes_a_package("CARGO_TARGET_DIR"));
    }

    #[test]
    fn a_failed_program_is_a_failure_that_names_it() {
        let failure = show(Command::new("sh").args(["-c", "exit 3"]), "The check")
            .expect_err("the shell leaves with 3");
        assert!(
            failure
                .to_string()
                .starts_with("The check failed with exit code 3")
        );
    }
}
