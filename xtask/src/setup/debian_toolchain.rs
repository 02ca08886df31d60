//! A Rust for the browser from Debian's own packages.
//!
//! Some machines reach their distribution's packages and crates, but not the server from which
//! rustup fetches toolchains and targets. Debian keeps a recent Rust beside its own old one, for
//! building browsers (`rustc-web`), with the sources of the standard library but without that
//! library for WebAssembly. Cargo can build it from those sources, in about a minute; this module
//! does so once and puts it where the compiler looks, so that every later call is an ordinary one.
//!
//! The compiler is then a rustup toolchain called `holdfast-debian`, chosen for this checkout only.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::toolchain::{self, WASM};
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// Where Debian's compiler keeps its libraries.
pub const SYSROOT: &str = "/usr";

const TOOLCHAIN: &str = "holdfast-debian";
const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
const PACKAGES: &[&str] = &[
    "rustc-web",
    "cargo-web",
    "rust-web-src",
    "rust-web-clippy",
    "rustfmt-web",
];

/// The oldest Rust that compiles the workspace: `rust-version` in Cargo.toml.
const OLDEST_MINOR: u32 = 94;

/// The empty crate whose dependencies are the standard library.
const EMPTY_CRATE: &str = "empty";

/// Installs the packages, builds the library, and chooses the toolchain; what is done is skipped.
pub fn ensure(toolbox: &mut Toolbox) -> Outcome {
    install_packages()?;
    if !toolchain::knows_wasm(Path::new(SYSROOT)) {
        build_standard_library()?;
    }
    choose(toolbox)
}

/// Whether rustup knows the toolchain from an earlier set-up.
pub fn is_linked() -> bool {
    machine::ask(Command::new("rustup").args(["toolchain", "list"])).is_some_and(|list| {
        list.lines()
            .any(|line| line.split_whitespace().next() == Some(TOOLCHAIN))
    })
}

/// Makes it the toolchain of this checkout, for this program and for every plain `cargo` call.
///
/// An override in rustup's own settings and not a `rust-toolchain.toml`: other people's checkouts
/// have a rustup that works, and for them that file would name a toolchain that is not there.
pub fn choose(toolbox: &mut Toolbox) -> Outcome {
    if machine::find_program(&["rustup"]).is_none() {
        // Then the compiler on PATH is Debian's, or the first look would have gone elsewhere.
        return Ok(());
    }
    if !is_linked() {
        rustup(&["toolchain", "link", TOOLCHAIN, SYSROOT])?;
    }
    // `RUSTUP_TOOLCHAIN`, which rustup itself has set for us, would win over the override.
    let chosen = machine::ask(
        Command::new("rustup")
            .args(["show", "active-toolchain"])
            .current_dir(workspace::root())
            .env_remove("RUSTUP_TOOLCHAIN"),
    );
    if chosen.is_none_or(|chosen| chosen.split_whitespace().next() != Some(TOOLCHAIN)) {
        let root = workspace::root().to_string_lossy();
        rustup(&["override", "set", TOOLCHAIN, "--path", &root])?;
        console::note(&format!(
            "This checkout now uses the toolchain {TOOLCHAIN}."
        ));
    }
    toolbox.rustup_toolchain = Some(TOOLCHAIN.to_owned());
    Ok(())
}

fn rustup(arguments: &[&str]) -> Outcome {
    let what = format!("`rustup {}`", arguments.join(" "));
    toolbox::show(
        Command::new("rustup").args(arguments).stderr(Stdio::null()),
        &what,
    )
}

/// The linker's package carries the number of the LLVM that the compiler was built with.
fn install_packages() -> Outcome {
    let reason = "The browser's standard library is built with Debian's Rust.";
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/Cargo.toml");
    let has_tools = [RUSTC, CARGO, "/usr/bin/cargo-clippy", "/usr/bin/cargo-fmt"]
        .iter()
        .all(|program| machine::is_program(Path::new(program)));

    if !has_tools || !sources.exists() || debian_rustc()?.minor < OLDEST_MINOR {
        console::begin("Installing Debian's Rust for browsers; usually half a minute, once.");
        machine::apt_install(PACKAGES, reason)?;
    }
    let rustc = debian_rustc()?;
    if rustc.minor < OLDEST_MINOR {
        return Err(Failure::new(format!(
            "This Debian has Rust 1.{}, and Holdfast needs 1.{OLDEST_MINOR}; install a newer one \
             by rustup, with `rustup target add {WASM}`.",
            rustc.minor
        )));
    }
    if !machine::is_program(Path::new(&linker(rustc.llvm))) {
        machine::apt_install(&[&format!("lld-{}", rustc.llvm)], reason)?;
    }
    Ok(())
}

fn linker(llvm: u32) -> String {
    format!("/usr/bin/lld-{llvm}")
}

/// Builds `std` for the browser and copies it into the compiler's own place.
fn build_standard_library() -> Outcome {
    console::begin("Building the browser's standard library; usually 1 to 2 minutes, once.");
    let rustc = debian_rustc()?;
    let directory = TemporaryDirectory::new("holdfast-std")?;
    write_empty_crate(directory.path())
        .map_err(|error| Failure::new(format!("Cannot write an empty crate: {error}.")))?;

    // `build-std` is not stable yet, but in a fixed compiler with its own sources it does not move.
    // Bitcode is what link-time optimisation of the release build reads.
    let mut build = Toolbox::default().command(CARGO);
    build
        .args(["build", "--quiet", "--release", "--target", WASM])
        .args(["-Zbuild-std=std,panic_abort"])
        .current_dir(directory.path())
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
            format!("/usr/bin/wasm-ld-{}", rustc.llvm),
        )
        .env("CARGO_TARGET_DIR", directory.path().join("target"));
    toolbox::show(&mut build, "Building the browser's standard library")?;

    let built = directory
        .path()
        .join("target")
        .join(WASM)
        .join("release/deps");
    let command = install_command(&libraries(&built)?, rustc.llvm);
    machine::as_root(
        &command,
        "The browser's standard library goes to /usr/lib/rustlib.",
    )
}

fn write_empty_crate(directory: &Path) -> std::io::Result<()> {
    fs::create_dir(directory.join("src"))?;
    fs::write(directory.join("src/lib.rs"), "")?;
    fs::write(
        directory.join("Cargo.toml"),
        format!("[package]\nname = \"{EMPTY_CRATE}\"\nedition = \"2024\"\n\n[workspace]\n"),
    )
}

/// The built libraries, `std` last: its presence is what tells later that all are there.
fn libraries(directory: &Path) -> Outcome<Vec<PathBuf>> {
    let unreadable = |error| Failure::new(format!("Cannot read {}: {error}.", directory.display()));
    let mut libraries: Vec<PathBuf> = fs::read_dir(directory)
        .map_err(unreadable)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| is_library(path))
        .collect();
    libraries.sort_by_key(|path| file_name(path).starts_with("libstd-"));
    Ok(libraries)
}

fn is_library(path: &Path) -> bool {
    path.extension()
        .is_some_and(|extension| extension == "rlib")
        && !file_name(path).starts_with(&format!("lib{EMPTY_CRATE}-"))
}

fn file_name(path: &Path) -> &str {
    path.file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default()
}

/// Rust looks for its WebAssembly linker, `rust-lld`, in its own place only.
fn install_command(libraries: &[PathBuf], llvm: u32) -> String {
    let to = format!("/usr/lib/rustlib/{WASM}/lib");
    let bin = format!("/usr/lib/rustlib/{}/bin", host());
    let linker = linker(llvm);
    let files: Vec<String> = libraries
        .iter()
        .map(|path| path.display().to_string())
        .collect();
    format!(
        "mkdir -p {to} {bin} && ln -sf {linker} {bin}/rust-lld && cp {} {to}/",
        files.join(" ")
    )
}

fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// What decides about a compiler.
struct Rustc {
    minor: u32,
    llvm: u32,
}

fn debian_rustc() -> Outcome<Rustc> {
    if !machine::is_program(Path::new(RUSTC)) {
        return Ok(Rustc { minor: 0, llvm: 0 });
    }
    machine::ask(Command::new(RUSTC).arg("-vV"))
        .and_then(|text| parse_rustc(&text))
        .ok_or_else(|| Failure::new(format!("{RUSTC} does not tell its version.")))
}

fn parse_rustc(verbose_version: &str) -> Option<Rustc> {
    let field = |name: &str| {
        verbose_version
            .lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    };
    let mut release = field("release")?.split('.');
    let minor = release.nth(1)?.parse().ok()?;
    let llvm = field("LLVM version")?.split('.').next()?.parse().ok()?;
    Some(Rustc { minor, llvm })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_tells_its_version_and_its_llvm() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nhost: \
                    x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        let rustc = parse_rustc(text).expect("both lines are there");
        assert_eq!((rustc.minor, rustc.llvm), (96, 22));
        assert!(parse_rustc("rustc 1.96.0").is_none());
    }

    #[test]
    fn the_oldest_rust_is_the_one_that_the_workspace_names() {
        let manifest = fs::read_to_string(workspace::path("Cargo.toml")).expect("a manifest");
        assert!(manifest.contains(&format!("rust-version = \"1.{OLDEST_MINOR}\"")));
    }

    #[test]
    fn the_empty_crate_itself_is_not_part_of_the_library() {
        assert!(is_library(Path::new("/x/libcore-1.rlib")));
        assert!(!is_library(Path::new("/x/libempty-1.rlib")));
        assert!(!is_library(Path::new("/x/libcore-1.rmeta")));
    }
}
