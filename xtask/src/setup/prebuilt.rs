//! Tools that somebody has built already: minutes saved where they can be fetched.
//!
//! Everything here is an attempt. A machine without a way to them, or a platform for which there is
//! none, is no failure; then the tool is built.

use std::path::Path;
use std::process::{Command, Stdio};

use super::tools::Tool;
use crate::machine;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};

/// Whether it worked, as far as can be told without starting the program.
pub fn install(toolbox: &Toolbox, tool: &Tool) -> bool {
    by_binstall(toolbox, tool) || by_download(tool).is_some()
}

/// cargo-binstall, for those who have it.
fn by_binstall(toolbox: &Toolbox, tool: &Tool) -> bool {
    if machine::ask(&mut toolbox.cargo(&["binstall", "-V"])).is_none() {
        return false;
    }
    let package = format!("{}@{}", tool.package, tool.version);
    quietly(&mut toolbox.cargo(&[
        "binstall",
        "--no-confirm",
        "--disable-strategies",
        "compile",
        &package,
    ]))
}

/// The archive that the tool's own project publishes, into cargo's folder of programs.
fn by_download(tool: &Tool) -> Option<()> {
    let url = archive_url(tool, std::env::consts::OS, std::env::consts::ARCH)?;
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

    // A program for another C library unpacks well and does not start.
    let program = directory.path().join(tool.program);
    let answer = machine::ask(Command::new(&program).arg("--version"))?;
    if !answer.contains(&tool.version) {
        return None;
    }
    put_into_place(&program, tool)
}

/// By a copy beside and a rename: a running program cannot be written over.
fn put_into_place(program: &Path, tool: &Tool) -> Option<()> {
    let bin = toolbox::cargo_bin()?;
    let beside = bin.join(format!(".{}-new", tool.program));
    std::fs::create_dir_all(&bin).ok()?;
    std::fs::copy(program, &beside).ok()?;
    std::fs::rename(&beside, bin.join(tool.program)).ok()
}

fn archive_url(tool: &Tool, os: &str, arch: &str) -> Option<String> {
    let platform = match (os, arch) {
        ("linux", "x86_64") => "x86_64-unknown-linux-musl",
        ("linux", "aarch64") => "aarch64-unknown-linux-musl",
        ("macos", "x86_64") => "x86_64-apple-darwin",
        ("macos", "aarch64") => "aarch64-apple-darwin",
        _ => return None,
    };
    let version = &tool.version;
    match tool.package {
        "cargo-leptos" => Some(format!(
            "https://github.com/leptos-rs/cargo-leptos/releases/download/v{version}/\
             cargo-leptos-{platform}.tar.gz"
        )),
        "wasm-bindgen-cli" => Some(format!(
            "https://github.com/wasm-bindgen/wasm-bindgen/releases/download/{version}/\
             wasm-bindgen-{version}-{platform}.tar.gz"
        )),
        _ => None,
    }
}

fn quietly(command: &mut Command) -> bool {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
