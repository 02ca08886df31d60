//! Firefox, for the one test that does not run in Chromium.

use std::path::Path;

use crate::console;
use crate::machine;
use crate::versions::DEBIAN_FIREFOX;

/// Where to look. `end2end/holdfast/firefox.ts` has the same list.
const PLACES: &[&str] = &[
    "/usr/bin/firefox",
    "/usr/bin/firefox-esr",
    "/Applications/Firefox.app/Contents/MacOS/firefox",
];

/// Finds Firefox, or installs Debian's package. `HOLDFAST_FIREFOX` may name another program. Without
/// Firefox, only the test in Firefox is skipped.
pub fn ensure() {
    if is_there() {
        return;
    }
    if machine::is_debian() {
        console::begin("Installing Firefox; usually a minute, once.");
        match machine::apt_install(&[DEBIAN_FIREFOX], "One test needs Firefox.") {
            Ok(()) if is_there() => return,
            Ok(()) => {}
            Err(failure) => console::note(&failure.to_string()),
        }
    }
    console::note(
        "Firefox was not found and could not be installed, so the test in Firefox is skipped. Install \
         it, or name it in HOLDFAST_FIREFOX.",
    );
}

fn is_there() -> bool {
    std::env::var_os("HOLDFAST_FIREFOX").is_some_and(|named| !named.is_empty())
        || PLACES
            .iter()
            .any(|place| machine::is_program(Path::new(place)) && !is_of_snap(place))
}

/// The Firefox of snap sees another `/tmp`, so the test cannot speak to it.
fn is_of_snap(place: &str) -> bool {
    place == "/usr/bin/firefox" && Path::new("/snap/bin/firefox").exists()
}
