//! The smallest page that Leptos can make interactive: one button, no routes, no requests. And the
//! same page with `holdfast-client`.
//!
//! The comparison shows what Holdfast's pages and its client add. So both are built with the same
//! versions, the same profile and the same tool; the sources are in `xtask/bare-leptos`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::files::{read, write};
use crate::fingerprint::Fingerprint;
use crate::progress::{self, Board};
use crate::setup;
use crate::site;
use crate::toolbox::Toolbox;
use crate::versions::WASM;
use crate::workspace;

/// Its sources.
const SOURCES: &[&str] = &["Cargo.toml", "src/lib.rs", "public/page.html"];

/// The folders of the files of both pages.
pub struct Sites {
    pub bare: PathBuf,
    pub with_client: PathBuf,
}

/// Builds both, unless that was done before.
pub fn build(toolbox: &Toolbox) -> Outcome<Sites> {
    let copy = workspace::target().join("xtask/bare-leptos");
    let sites = Sites {
        bare: copy.join("site"),
        with_client: copy.join("site-with-client"),
    };
    let stamp = copy.join("built");
    let sources = fingerprint();
    if fs::read_to_string(&stamp).is_ok_and(|noted| noted == sources) {
        console::note("The bare pages are up to date.");
        return Ok(sites);
    }

    copy_sources(&copy)?;
    console::begin("Building the bare pages; the first time usually 2 to 5 minutes on two cores.");
    progress::show(&[LANE], |board| {
        build_site(toolbox, board, &copy, &[], &sites.bare)?;
        let with_client = ["--features=client"];
        build_site(toolbox, board, &copy, &with_client, &sites.with_client)
    })?;
    write(&stamp, &sources)?;
    Ok(sites)
}

/// Their name in the progress.
const LANE: &str = "the bare pages";

/// The build has a target directory of its own. In the directory of the product's build it would
/// get the product's features.
fn build_site(
    toolbox: &Toolbox,
    board: &Board,
    copy: &Path,
    features: &[&str],
    site: &Path,
) -> Outcome {
    setup::wasm_bindgen::ensure(toolbox, board, LANE)?;
    let target = copy.join("target");
    let mut cargo = toolbox.cargo(&["build", "--lib", "--profile=wasm-release"]);
    cargo
        .args(features)
        .args(["--target", WASM, "--target-dir"])
        .arg(&target)
        .current_dir(copy);
    board.run(LANE, &mut cargo)?;
    let sources = site::Sources {
        module: &target.join(WASM).join("wasm-release/bare.wasm"),
        name: "bare",
        public: &copy.join("public"),
        style: None,
        hashed: false,
        split: false,
    };
    site::make(toolbox, board, LANE, &sources, site)
}

fn fingerprint() -> String {
    let mut fingerprint = Fingerprint::default();
    for source in SOURCES {
        fingerprint.add_path(&source_of(source), &[]);
    }
    fingerprint.add_path(&workspace::path("Cargo.lock"), &[]);
    fingerprint.add_path(&workspace::path("package-lock.json"), &[]);
    fingerprint.add_path(&workspace::path("client"), &[]);
    fingerprint.add_path(&workspace::path("protocol"), &["tests"]);
    fingerprint.finish()
}

/// Copies the sources and the workspace's lock file, so that both have the same Leptos. Cargo drops
/// from the lock file what the bare page does not need.
fn copy_sources(copy: &Path) -> Outcome {
    for source in SOURCES {
        copy_file(&source_of(source), &copy.join(source))?;
    }
    // From there, the way to the client is another one.
    let manifest = copy.join("Cargo.toml");
    let text = read(&manifest)?;
    let client = format!("path = {:?}", workspace::path("client"));
    write(&manifest, &text.replace("path = \"../../client\"", &client))?;
    copy_file(&workspace::path("Cargo.lock"), &copy.join("Cargo.lock"))
}

fn source_of(name: &str) -> PathBuf {
    workspace::path("xtask/bare-leptos").join(name)
}

fn copy_file(from: &Path, to: &Path) -> Outcome {
    fs::create_dir_all(to.parent().unwrap_or(to))
        .and_then(|()| fs::copy(from, to))
        .map(drop)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", to.display())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn section<'a>(manifest: &'a str, name: &str) -> Vec<&'a str> {
        let mut lines = manifest.lines();
        lines.find(|line| *line == name);
        lines
            .take_while(|line| !line.is_empty() && !line.starts_with('['))
            .collect()
    }

    #[test]
    fn the_bare_page_is_built_with_the_profile_of_the_product() {
        let read = |path| read(&workspace::path(path)).expect("it can be read");
        let (ours, bare) = (read("Cargo.toml"), read("xtask/bare-leptos/Cargo.toml"));
        let name = "[profile.wasm-release]";
        assert!(section(&ours, name).contains(&"lto = true"));
        assert_eq!(section(&ours, name), section(&bare, name));
    }
}
