//! cargo-leptos as its own project has built it, which saves minutes if it can be fetched.
//!
//! This is only an attempt. If the machine cannot reach it, or there is none for the platform, that
//! is not a failure; then it is built.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::machine;
use crate::temporary::TemporaryDirectory;
use crate::versions::CARGO_LEPTOS;

const PROGRAM: &str = "cargo-leptos";

/// Fetches it into the folder `bin`, and returns whether it starts.
pub fn install(bin: &Path) -> bool {
    by_download(bin).is_some()
}

fn by_download(bin: &Path) -> Option<()> {
    let url = archive_url(std::env::consts::OS, std::env::consts::ARCH)?;
    let directory = TemporaryDirectory::new("holdfast-download").ok()?;
    let archive = directory.path().join("archive.tar.gz");

    let mut curl = Command::new("curl");
    curl.args(["--fail", "--silent", "--location", "--proto", "=https"])
        .args(["--connect-timeout", "5", "--max-time", "120", "--output"])
        .arg(&archive)
        .arg(url);
    let mut tar = Command::new("tar");
    tar.args(["-xz", "--strip-components=1", "-f"])
        .arg(&archive)
        .arg("-C")
        .arg(directory.path());
    if !quietly(&mut curl) || !quietly(&mut tar) {
        return None;
    }

    // A program for another C library can be unpacked, but does not start.
    let program = directory.path().join(PROGRAM);
    let answer = machine::ask(Command::new(&program).arg("--version"))?;
    if !answer.contains(CARGO_LEPTOS) {
        return None;
    }
    put_into_place(&program, bin)
}

/// Copies it to a file beside the target and renames that, because a running program cannot be
/// overwritten.
fn put_into_place(program: &Path, bin: &Path) -> Option<()> {
    let beside = bin.join(format!(".{PROGRAM}-new"));
    std::fs::create_dir_all(bin).ok()?;
    std::fs::copy(program, &beside).ok()?;
    std::fs::rename(&beside, bin.join(PROGRAM)).ok()
}

fn archive_url(os: &str, arch: &str) -> Option<String> {
    let platform = match (os, arch) {
        ("linux", "x86_64") => "x86_64-unknown-linux-musl",
        ("linux", "aarch64") => "aarch64-unknown-linux-musl",
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        _ => return None,
    };
    Some(format!(
        "https://github.com/leptos-rs/cargo-leptos/releases/download/v{CARGO_LEPTOS}/\
         cargo-leptos-{platform}.tar.gz"
    ))
}

fn quietly(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
