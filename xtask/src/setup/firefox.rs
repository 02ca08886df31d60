//! A Firefox for the one journey in a second browser.

use std::path::Path;

use crate::console;
use crate::machine;
use crate::versions::DEBIAN_FIREFOX;

/// The places in which `end2end/holdfast/firefox.ts` looks, too.
const PLACES: &[&str] = &[
    "/usr/bin/firefox",
    "/usr/bin/firefox-esr",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
];

/// Finds one, or else installs Debian's. `HOLDFAST_FIREFOX` names any other one. Without a Firefox
/// its journey is skipped, and all others run.
pub fn ensure() {
    if is_there() {
        return;
    }
    if machine::is_debian() {
        console::begin("Installing Firefox; usually a minute, once.");
        let installed = machine::apt_install(&[DEBIAN_FIREFOX], "One journey needs Firefox.");
        if installed.is_ok() && is_there() {
            return;
        }
    }
    console::note(
        "No Firefox was found or could be installed, so its journey is skipped. Install one, or name \
         it in HOLDFAST_FIREFOX.",
    );
}

fn is_there() -> bool {
    std::env::var_os("HOLDFAST_FIREFOX").is_some()
        || PLACES
            .iter()
            .any(|place| machine::is_program(Path::new(place)))
}
