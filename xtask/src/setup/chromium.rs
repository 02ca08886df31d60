//! A Chromium for the journeys in `end2end`.

use std::fs;
use std::path::PathBuf;
use std::process::Stdio;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::toolbox::{self, Toolbox};
use crate::versions::DEBIAN_CHROMIUM;
use crate::workspace;

const PROGRAMS: &[&str] = &[
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// Finds one, or else installs it: on Debian with apt, elsewhere with Playwright.
///
/// Playwright finds the one that it has fetched itself. `HOLDFAST_CHROMIUM` names any other one,
/// and `end2end/playwright.config.ts` reads it.
pub fn ensure(toolbox: &mut Toolbox) -> Outcome {
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
        machine::apt_install(&[DEBIAN_CHROMIUM], "The journeys need a browser.")?;
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
    let named = std::env::var_os("HOLDFAST_CHROMIUM").map(PathBuf::from);
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
    directories
        .into_iter()
        .flatten()
        .filter_map(|path| fs::read_dir(path).ok())
        .any(|entries| {
            entries
                .filter_map(Result::ok)
                .any(|entry| entry.file_name().to_string_lossy().starts_with("chromium"))
        })
}
