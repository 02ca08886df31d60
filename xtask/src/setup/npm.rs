//! Packages from npm, exactly as the lock files have them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// Installs what `<directory>/package-lock.json` names, unless that has been done.
pub fn ensure(toolbox: &Toolbox, directory: &str) -> Outcome {
    let directory = workspace::path(directory);
    if is_installed(&directory) {
        return Ok(());
    }
    if machine::find_program(&["npm"]).is_none() {
        return Err(Failure::new(
            "npm was not found; install Node.js 20 or newer.",
        ));
    }

    console::begin("Installing npm packages; usually a few seconds.");
    let mut command = toolbox.command("npm");
    command
        .args(["ci", "--loglevel=error"])
        .current_dir(&directory)
        // Playwright would fetch browsers of its own; Chromium is looked for separately.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .stdin(Stdio::null());
    toolbox::show(&mut command, "`npm ci`")
}

/// npm writes its own lock file into `node_modules` when it is done.
fn is_installed(directory: &Path) -> bool {
    let changed = |path: &str| fs::metadata(directory.join(path))?.modified();
    match (
        changed("package-lock.json"),
        changed("node_modules/.package-lock.json"),
    ) {
        (Ok(wanted), Ok(installed)) => wanted <= installed,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn packages_are_installed_again_when_the_lock_file_is_newer() {
        let directory = TemporaryDirectory::new("holdfast-npm").expect("a directory");
        let lock_file = directory.path().join("package-lock.json");
        let installed = directory.path().join("node_modules/.package-lock.json");
        assert!(!is_installed(directory.path()));

        fs::write(&lock_file, "").expect("a file");
        fs::create_dir(directory.path().join("node_modules")).expect("a directory");
        fs::write(&installed, "").expect("a file");
        assert!(is_installed(directory.path()));

        let time = fs::metadata(&installed)
            .and_then(|it| it.modified())
            .expect("a time");
        let later = time + std::time::Duration::from_secs(1);
        fs::File::options()
            .write(true)
            .open(&lock_file)
            .and_then(|file| file.set_modified(later))
            .expect("a time can be set");
        assert!(!is_installed(directory.path()));
    }
}
