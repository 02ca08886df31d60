//! Packages from npm, exactly as the lock files have them.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::Toolbox;
use crate::versions::OLDEST_NODE_MAJOR;
use crate::workspace;

/// Installs the packages of `<directory>/package-lock.json`, unless that was done before.
pub fn ensure(toolbox: &Toolbox, directory: &str) -> Outcome {
    let directory = workspace::path(directory);
    if is_installed(&directory) {
        return Ok(());
    }
    console::begin("Installing npm packages; usually half a minute, once.");
    let mut command = toolbox.command("npm");
    command
        .args(["ci", "--loglevel=error"])
        .current_dir(&directory)
        // Otherwise Playwright would fetch browsers of its own; Chromium has its own step.
        .env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
        .stdin(Stdio::null());
    progress::run("npm", &mut command).map_err(|failure| {
        failure.next(format!(
            "Look whether npm reaches its registry (`npm ping`), then start the command again; what \
             failed was `npm ci` in {}.",
            directory.display()
        ))
    })
}

/// Checks that Node is new enough, and that npm is there. If one is missing, the person learns it at
/// once, and not after minutes of compiling.
pub fn ensure_node(toolbox: &Toolbox) -> Outcome {
    if machine::find_program(&["node"]).is_some() && machine::find_program(&["npm"]).is_none() {
        return Err(Failure::new("npm was not found.").next(how_to_get_node()));
    }
    let Some(version) = machine::ask(toolbox.command("node").arg("--version")) else {
        return Err(Failure::new("Node.js was not found.").next(how_to_get_node()));
    };
    match major_in(&version) {
        Some(major) if major >= OLDEST_NODE_MAJOR => Ok(()),
        _ => Err(Failure::new(format!(
            "Node.js {version} is older than {OLDEST_NODE_MAJOR}."
        ))
        .next(how_to_get_node())),
    }
}

/// 20 in `v20.20.2`.
fn major_in(version: &str) -> Option<u32> {
    version
        .trim_start_matches('v')
        .split('.')
        .next()?
        .parse()
        .ok()
}

fn how_to_get_node() -> String {
    format!(
        "Install Node.js {OLDEST_NODE_MAJOR} or newer with npm (https://nodejs.org, or your \
         distribution's package, if that is not older), then start the command again."
    )
}

/// The lock file that npm writes into `node_modules` when it is done.
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
    fn node_tells_its_version() {
        assert_eq!(major_in("v20.20.2"), Some(20));
        assert_eq!(major_in("nonsense"), None);
    }

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
