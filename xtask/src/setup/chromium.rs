//! A Chromium for the journeys in `end2end`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::toolbox::{self, Toolbox};
use crate::versions::{DEBIAN_CHROMIUM, DEBIAN_HEADLESS_SHELL};
use crate::workspace;

const PROGRAMS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Finds one, or else installs it: on Debian with apt, elsewhere with Playwright.
///
/// On Debian, this also installs a Chromium without windows where it is missing. Most journeys use it,
/// because they take four fifths of the time with it.
///
/// Playwright finds the one that it has fetched itself. `HOLDFAST_CHROMIUM` names any other one,
/// and `end2end/playwright.config.ts` reads it.
pub fn ensure(toolbox: &mut Toolbox) -> Outcome {
    ensure_any(toolbox)?;
    let is_by_apt = toolbox.chromium.as_deref() == Some(Path::new("/usr/bin/chromium"));
    if is_by_apt
        && machine::is_debian()
        && machine::find_program(&[DEBIAN_HEADLESS_SHELL]).is_none()
    {
        console::begin("Installing Chromium without windows; usually seconds, once.");
        let reason = "The journeys take less time with it.";
        // Older versions of Debian do not have it, and without root it cannot be installed.
        if let Err(failure) = machine::apt_install(&[DEBIAN_HEADLESS_SHELL], reason) {
            console::note(&failure.to_string());
        }
    }
    Ok(())
}

fn ensure_any(toolbox: &mut Toolbox) -> Outcome {
    if let Some(chromium) = find() {
        toolbox.chromium = Some(chromium);
        return Ok(());
    }
    if has_playwrights_own() {
        return Ok(());
    }

    console::begin("Installing Chromium; usually a minute, once.");
    // On distributions that are based on Debian, the package of this name may be empty.
    if machine::is_debian() {
        // Without root, Playwright can fetch one, too.
        if let Err(failure) =
            machine::apt_install(&[DEBIAN_CHROMIUM], "The journeys need a browser.")
        {
            console::note(&failure.to_string());
        }
        toolbox.chromium = find();
        if toolbox.chromium.is_some() {
            return Ok(());
        }
    }
    let mut playwright = toolbox.command("npx");
    playwright
        .args(["playwright", "install", "chromium"])
        .current_dir(workspace::path("end2end"))
        .stdin(Stdio::null());
    toolbox::show(&mut playwright, "`npx playwright install chromium`").map_err(|_| {
        Failure::new(
            "No Chromium was found or could be fetched; install one and name it in \
             HOLDFAST_CHROMIUM.",
        )
    })
}

fn find() -> Option<PathBuf> {
    let named = std::env::var_os("HOLDFAST_CHROMIUM").filter(|named| !named.is_empty());
    let named = named.map(PathBuf::from);
    let on_macos = PathBuf::from("/Applications/Google Chrome.app/Contents/MacOS/Google Chrome");
    named
        .or_else(|| machine::find_program(PROGRAMS))
        .or_else(|| machine::is_program(&on_macos).then_some(on_macos))
}

fn has_playwrights_own() -> bool {
    let Some(home) = std::env::home_dir() else {
        return false;
    };
    let directories = [
        std::env::var_os("PLAYWRIGHT_BROWSERS_PATH").map(PathBuf::from),
        Some(home.join(".cache/ms-playwright")),
        Some(home.join("Library/Caches/ms-playwright")),
    ];
    let browsers = workspace::path("end2end/node_modules/playwright-core/browsers.json");
    let revision = fs::read_to_string(browsers)
        .ok()
        .and_then(|text| revision_in(&text).map(str::to_owned));
    directories
        .into_iter()
        .flatten()
        .any(|directory| has_complete(&directory, revision.as_deref()))
}

/// The revision of Chromium that this Playwright starts: a number in its list of browsers.
fn revision_in(browsers: &str) -> Option<&str> {
    let (_, chromium) = browsers.split_once("\"name\": \"chromium\"")?;
    let (_, revision) = chromium.split_once("\"revision\": \"")?;
    revision.split('"').next()
}

/// Playwright writes the file `INSTALLATION_COMPLETE` last, so a broken download does not have it.
fn has_complete(directory: &Path, revision: Option<&str>) -> bool {
    let Some(revision) = revision else {
        return false;
    };
    // Without a window, Playwright starts the second one.
    ["chromium", "chromium_headless_shell"].iter().all(|name| {
        directory
            .join(format!("{name}-{revision}/INSTALLATION_COMPLETE"))
            .is_file()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn playwrights_list_names_the_revision() {
        let list =
            r#"{ "name": "chromium", "revision": "1255" }, { "name": "firefox", "revision": "7" }"#;
        assert_eq!(revision_in(list), Some("1255"));
        assert_eq!(revision_in("{}"), None);
    }

    #[test]
    fn a_broken_download_and_another_revision_do_not_count() {
        let place = TemporaryDirectory::new("holdfast-playwright").expect("a directory");
        let complete = |revision: &str| {
            for name in ["chromium", "chromium_headless_shell"] {
                let browser = place.path().join(format!("{name}-{revision}"));
                fs::create_dir_all(&browser).expect("a directory");
                fs::write(browser.join("INSTALLATION_COMPLETE"), "").expect("a file");
            }
        };
        fs::create_dir(place.path().join("chromium-1255")).expect("a directory");
        complete("1200");
        assert!(!has_complete(place.path(), Some("1255")));
        assert!(!has_complete(place.path(), None));
        complete("1255");
        assert!(has_complete(place.path(), Some("1255")));
    }
}
