//! A Rust for the browser from Debian's own packages.
//!
//! Some machines reach their distribution's packages and crates, but not the server from which
//! rustup fetches toolchains and targets. Debian has a recent Rust for building browsers
//! (`rustc-web`) beside its own old one. It has the sources of the standard library, but not the
//! library for WebAssembly. Cargo can build the library from these sources in about a minute. This
//! module does so once and puts it into the compiler's folder, so that every later call needs
//! nothing special.
//!
//! Its programs are linked into a folder in `target`. So only these programs come first on `PATH`,
//! and not all programs of `/usr/bin`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::browser_library;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::{Toolbox, Toolchain};
use crate::versions::{DEBIAN_RUST, OLDEST_RUST_MINOR, WASM};
use crate::workspace;

/// The folder of the libraries of Debian's compiler.
pub const SYSROOT: &str = "/usr";

const RUSTC: &str = "/usr/bin/rustc";
const CARGO: &str = "/usr/bin/cargo";
/// The programs that are linked into the folder.
const PROGRAMS: &[&str] = &[
    "cargo",
    "cargo-clippy",
    "cargo-fmt",
    "clippy-driver",
    "rustc",
    "rustdoc",
    "rustfmt",
];

/// The empty crate whose dependencies are the standard library.
const EMPTY_CRATE: &str = "empty";

/// Installs the packages, builds the library, and links the programs. Steps that are already done
/// are skipped.
pub fn ensure() -> Outcome<Toolchain> {
    install_packages()?;
    if !browser_library::is_there(Path::new(SYSROOT), &debian_rustc()?.release) {
        build_standard_library()?;
    }
    link_programs()
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", bin().display())))?;
    find().ok_or_else(|| Failure::new("Debian's Rust was installed, but does not start."))
}

/// The toolchain that an earlier call has set up.
pub fn find() -> Option<Toolchain> {
    let version = machine::ask(Command::new(bin().join("rustc")).arg("--version"))?;
    Some(Toolchain {
        name: None,
        bin: bin(),
        title: format!("Debian's {version}"),
    })
}

fn bin() -> PathBuf {
    workspace::target().join("tools/debian-rust")
}

fn link_programs() -> std::io::Result<()> {
    fs::create_dir_all(bin())?;
    for program in PROGRAMS {
        let link = bin().join(program);
        if fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link)?;
        }
        std::os::unix::fs::symlink(Path::new("/usr/bin").join(program), link)?;
    }
    Ok(())
}

/// The name of the linker's package has the number of the LLVM with which the compiler was built.
fn install_packages() -> Outcome {
    let reason = "The browser's standard library is built with Debian's Rust.";
    let sources = Path::new("/usr/lib/rustlib/src/rust/library/Cargo.toml");
    let has_tools = [RUSTC, CARGO, "/usr/bin/cargo-clippy", "/usr/bin/cargo-fmt"]
        .iter()
        .all(|program| machine::is_program(Path::new(program)));

    if !has_tools || !sources.exists() || debian_rustc()?.minor < OLDEST_RUST_MINOR {
        console::begin("Installing Debian's Rust for browsers; usually half a minute, once.");
        machine::apt_install(DEBIAN_RUST, reason)?;
        // A new machine may have a list of packages that is older than Debian's newest Rust.
        if debian_rustc()?.minor < OLDEST_RUST_MINOR {
            // If this fails, the sentence below says what is missing.
            let _ = machine::apt_update(reason)
                .and_then(|()| machine::apt_install(DEBIAN_RUST, reason));
        }
    }
    let rustc = debian_rustc()?;
    if rustc.minor < OLDEST_RUST_MINOR {
        return Err(Failure::new(format!(
            "This Debian has Rust 1.{}, and Holdfast needs 1.{OLDEST_RUST_MINOR}; install a newer one \
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

/// Builds `std` for the browser and copies it into the compiler's folder.
fn build_standard_library() -> Outcome {
    console::begin("Building the browser's standard library; usually 1 to 2 minutes, once.");
    let rustc = debian_rustc()?;
    // This folder stays: without root, the person gets a command that copies from it.
    // Each version has its own, because everything that was built is copied.
    let directory = workspace::target()
        .join("tools/debian-std")
        .join(&rustc.release);
    write_empty_crate(&directory)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", directory.display())))?;

    // `build-std` is not stable yet, but with a fixed compiler and its own sources it does not
    // change. The link-time optimisation of the release build reads the bitcode.
    let mut build = Toolbox::default().command(CARGO);
    build
        .args(["build", "--release", "--target", WASM])
        .args(["-Zbuild-std=std,panic_abort"])
        .current_dir(&directory)
        .env("RUSTC", RUSTC)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", "-Cembed-bitcode=yes")
        .env(
            "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER",
            format!("/usr/bin/wasm-ld-{}", rustc.llvm),
        )
        .env("CARGO_TARGET_DIR", directory.join("target"));
    progress::run("the browser's standard library", &mut build)?;

    let built = directory.join("target").join(WASM).join("release/deps");
    let libraries = directory.join("libraries");
    collect(&built, &libraries, &rustc.release)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", libraries.display())))?;
    let command = install_command(&libraries, rustc.llvm);
    machine::as_root(
        &command,
        "The browser's standard library goes to /usr/lib/rustlib.",
    )
}

fn write_empty_crate(directory: &Path) -> std::io::Result<()> {
    fs::create_dir_all(directory.join("src"))?;
    fs::write(directory.join("src/lib.rs"), "")?;
    fs::write(
        directory.join("Cargo.toml"),
        format!("[package]\nname = \"{EMPTY_CRATE}\"\nedition = \"2024\"\n\n[workspace]\n"),
    )
}

/// Puts the built libraries into a folder of their own.
fn collect(built: &Path, libraries: &Path, release: &str) -> std::io::Result<()> {
    if libraries.exists() {
        fs::remove_dir_all(libraries)?;
    }
    fs::create_dir(libraries)?;
    for entry in fs::read_dir(built)? {
        let path = entry?.path();
        if is_library(&path) {
            fs::copy(&path, libraries.join(file_name(&path)))?;
        }
    }
    fs::write(libraries.join(browser_library::BUILT_FOR), release)
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

/// Rust only looks for its WebAssembly linker, `rust-lld`, in its own folder. The folder of the
/// libraries is renamed last, so it is complete or not there.
fn install_command(libraries: &Path, llvm: u32) -> String {
    let to = format!("/usr/lib/rustlib/{WASM}/lib");
    let bin = format!("/usr/lib/rustlib/{}/bin", host());
    let linker = linker(llvm);
    let libraries = machine::quote(&libraries.display().to_string());
    format!(
        "mkdir -p {to} {bin} && ln -sf {linker} {bin}/rust-lld && rm -rf {to}-new && \
         cp -r {libraries} {to}-new && rm -rf {to} && mv {to}-new {to}"
    )
}

fn host() -> String {
    format!("{}-unknown-linux-gnu", std::env::consts::ARCH)
}

/// The facts that decide whether a compiler can be used.
#[derive(Default)]
struct Rustc {
    /// `1.96.0`
    release: String,
    minor: u32,
    llvm: u32,
}

fn debian_rustc() -> Outcome<Rustc> {
    if !machine::is_program(Path::new(RUSTC)) {
        return Ok(Rustc::default());
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
    let release = field("release")?;
    let minor = release.split('.').nth(1)?.parse().ok()?;
    let llvm = field("LLVM version")?.split('.').next()?.parse().ok()?;
    Some(Rustc {
        release: release.to_owned(),
        minor,
        llvm,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiler_tells_its_version_and_its_llvm() {
        let text = "rustc 1.96.0 (ac68faa20 2026-05-25)\nbinary: rustc\nhost: \
                    x86_64-unknown-linux-gnu\nrelease: 1.96.0\nLLVM version: 22.1.8\n";
        let rustc = parse_rustc(text).expect("both lines are there");
        assert_eq!(rustc.release, "1.96.0");
        assert_eq!((rustc.minor, rustc.llvm), (96, 22));
        assert!(parse_rustc("rustc 1.96.0").is_none());
    }

    #[test]
    fn a_path_with_a_space_is_one_file_for_the_shell() {
        let command = install_command(Path::new("/my code/libraries"), 22);
        assert!(command.contains(" '/my code/libraries' "), "{command}");
    }

    #[test]
    fn the_empty_crate_itself_is_not_part_of_the_library() {
        assert!(is_library(Path::new("/x/libcore-1.rlib")));
        assert!(!is_library(Path::new("/x/libempty-1.rlib")));
        assert!(!is_library(Path::new("/x/libcore-1.rmeta")));
    }
}
