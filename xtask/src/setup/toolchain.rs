//! One Rust for everything: for this machine and for the browser, with clippy and rustfmt.
//!
//! The first of these that is sufficient is used:
//! 1. the one that `versions.rs` names, fetched by rustup in one call when it is not there;
//! 2. the one that is active;
//! 3. Debian's.
//!
//! There is no `rust-toolchain.toml`, because cargo would not start with one if rustup may not
//! fetch toolchains by itself. The settings of the person do not change: the chosen toolchain comes
//! first on the `PATH` of the programs that xtask starts, and a plain `cargo` works as before.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{browser_library, debian_toolchain};
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::toolbox::{Toolbox, Toolchain};
use crate::versions::{OLDEST_RUST_MINOR, RUST, RUST_COMPONENTS, WASM};
use crate::workspace;

/// Whether clippy and rustfmt are needed, too.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Compiling.
    Compiler,
    /// Compiling, and checking the sources.
    CompilerAndLints,
}

/// Chooses, and fetches what is missing. `again` tries to fetch even if that failed before.
pub fn ensure(toolbox: &mut Toolbox, needs: Needs, again: bool) -> Outcome {
    let pinned = pinned();
    if let Some(pinned) = pinned.filter(|it| lacks(it, needs).is_none()) {
        toolbox.rust = Some(pinned);
        return Ok(());
    }
    // The result is known from the last attempt, and a new one may take minutes.
    if !again
        && let Some(fallback) = noted_fallback()
        && lacks(&fallback, needs).is_none()
    {
        console::note(&format!(
            "{} is used, because rustup could not fetch Rust {RUST} here. `cargo xtask setup` tries \
             it again.",
            fallback.title
        ));
        toolbox.rust = Some(fallback);
        return Ok(());
    }

    let has_rustup = machine::find_program(&["rustup"]).is_some();
    let mut why_not = None;
    if has_rustup {
        console::begin(&format!(
            "Fetching Rust {RUST} by rustup, with clippy, rustfmt and the browser's standard \
             library; usually half a minute, once."
        ));
        // If this fails, there are other ways.
        why_not = rustup_fetches_pinned().err();
        // A download that was interrupted may leave a toolchain that rustup cannot complete.
        if why_not.is_some() && is_broken() {
            console::note(&format!(
                "Rust {RUST} of rustup is broken. Fetching it anew."
            ));
            machine::ask(Command::new("rustup").args(["toolchain", "uninstall", RUST]));
            why_not = rustup_fetches_pinned().err();
        }
        if why_not.is_none()
            && let Some(pinned) = self::pinned()
            && lacks(&pinned, needs).is_none()
        {
            toolbox.rust = Some(pinned);
            return Ok(());
        }
        console::note(&format!("rustup cannot fetch Rust {RUST} here."));
    }

    let active = active();
    let reason = active.as_ref().map_or_else(
        || Some("there is none".to_owned()),
        |active| lacks(active, needs),
    );
    let Some(reason) = reason else {
        note_fallback("active");
        toolbox.rust = active;
        return Ok(());
    };
    if machine::is_debian() {
        console::note(&format!(
            "The active Rust cannot be used ({reason}). Trying the Rust of Debian."
        ));
        let debian = debian_toolchain::ensure().map_err(|failure| {
            if has_rustup {
                return failure;
            }
            let next = failure.what_next().unwrap_or_default();
            let next = format!(
                "{next}\n       Or install rustup (https://rustup.rs), which needs no root."
            );
            failure.with_next(next)
        })?;
        note_fallback("debian");
        toolbox.rust = Some(debian);
        return Ok(());
    }
    Err(Failure::new(format!(
        "Holdfast needs Rust {RUST} (1.{OLDEST_RUST_MINOR} at least) with {} and the standard \
         library for {WASM}. The active Rust cannot be used: {reason}.",
        RUST_COMPONENTS.join(", ")
    ))
    .next(how_to_get_it(has_rustup, why_not.as_ref())))
}

/// What it lacks, in words; `None` if it is complete.
fn lacks(toolchain: &Toolchain, needs: Needs) -> Option<String> {
    let rustc = toolchain.bin.join("rustc");
    let Some((release, minor, sysroot)) = version_and_sysroot(&rustc) else {
        return Some(format!("{} does not start", rustc.display()));
    };
    if minor < OLDEST_RUST_MINOR {
        return Some(format!("it is 1.{minor}, older than 1.{OLDEST_RUST_MINOR}"));
    }
    if !browser_library::is_there(&sysroot, &release) {
        return Some(format!("it has no standard library for {WASM}"));
    }
    let missing = match needs {
        Needs::Compiler => None,
        Needs::CompilerAndLints => ["cargo-clippy", "cargo-fmt"]
            .into_iter()
            .find(|program| !machine::is_program(&toolchain.bin.join(program))),
    };
    missing.map(|program| format!("it has no {program}"))
}

/// The one that `versions.rs` names, if rustup has it.
fn pinned() -> Option<Toolchain> {
    let sysroot =
        machine::ask(Command::new("rustup").args(["run", RUST, "rustc", "--print", "sysroot"]))?;
    Some(Toolchain {
        name: Some(RUST.to_owned()),
        bin: PathBuf::from(sysroot).join("bin"),
        title: format!("Rust {RUST} of rustup"),
    })
}

/// Whether rustup lists the toolchain, but cannot start it.
fn is_broken() -> bool {
    pinned().is_none()
        && machine::ask(Command::new("rustup").args(["toolchain", "list"])).is_some_and(|list| {
            list.lines()
                .any(|line| line.starts_with(&format!("{RUST}-")))
        })
}

/// The toolchain of a plain `rustc`. This asks for its folder, because the program on `PATH` may be
/// rustup's and may start another toolchain tomorrow.
fn active() -> Option<Toolchain> {
    let sysroot = machine::ask(Command::new("rustc").args(["--print", "sysroot"]))?;
    let version = machine::ask(Command::new("rustc").arg("--version"))?;
    Some(Toolchain {
        name: std::env::var("RUSTUP_TOOLCHAIN").ok(),
        bin: PathBuf::from(sysroot).join("bin"),
        title: format!("the active {version}"),
    })
}

fn version_and_sysroot(rustc: &Path) -> Option<(String, u32, PathBuf)> {
    let version = machine::ask(Command::new(rustc).arg("-V"))?;
    let sysroot = machine::ask(Command::new(rustc).args(["--print", "sysroot"]))?;
    let release = version.split_whitespace().nth(1)?.to_owned();
    Some((release, minor_in(&version)?, PathBuf::from(sysroot)))
}

/// 96 in `rustc 1.96.0 (ac68faa20 2026-05-25)`.
fn minor_in(version: &str) -> Option<u32> {
    version
        .split_whitespace()
        .nth(1)?
        .split('.')
        .nth(1)?
        .parse()
        .ok()
}

/// Installs everything in one call, so that an incomplete toolchain is completed, too.
fn rustup_fetches_pinned() -> Outcome {
    let mut rustup = Command::new("rustup");
    rustup.args(["toolchain", "install", RUST, "--profile", "minimal"]);
    for component in RUST_COMPONENTS {
        rustup.args(["--component", component]);
    }
    rustup
        .args(["--target", WASM, "--no-self-update"])
        // Otherwise rustup prints a backtrace if it does not reach a server.
        .env("RUST_BACKTRACE", "0")
        .stdin(Stdio::null());
    progress::run("rustup", &mut rustup)
}

/// The command that has just failed is no advice. So this says why it failed, and another way.
fn how_to_get_it(has_rustup: bool, why_not: Option<&Failure>) -> String {
    if !has_rustup {
        return "Install rustup (https://rustup.rs), then start this command again; it fetches the \
                rest."
            .to_owned();
    }
    let reason = why_not.and_then(Failure::what_next).unwrap_or(
        "The lines of rustup above say why it could not fetch it. Correct this, then start this \
         command again.",
    );
    format!(
        "{reason} Or install Rust 1.{OLDEST_RUST_MINOR} or newer in another way, with the parts named \
         above, and let `rustc` on PATH be that one."
    )
}

/// Stores which way worked for this version, so that the next start takes no time.
fn note_fallback(which: &str) {
    let note = note();
    let _ = fs::create_dir_all(note.parent().unwrap_or(&note));
    let _ = fs::write(&note, format!("{RUST} {which}\n"));
}

fn noted_fallback() -> Option<Toolchain> {
    let text = fs::read_to_string(note()).ok()?;
    match text.trim().strip_prefix(RUST)?.trim() {
        "active" => active(),
        "debian" => debian_toolchain::find(),
        _ => None,
    }
}

fn note() -> PathBuf {
    workspace::target().join("xtask/toolchain")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    #[test]
    fn a_compiler_tells_its_version() {
        assert_eq!(minor_in("rustc 1.96.0 (ac68faa20 2026-05-25)"), Some(96));
        assert_eq!(minor_in("rustc 1.97.0-nightly"), Some(97));
        assert_eq!(minor_in(""), None);
    }

    /// A compiler of shell, with the answers of an old one.
    #[test]
    fn an_old_compiler_is_refused_in_words() {
        use std::os::unix::fs::PermissionsExt;

        let directory = TemporaryDirectory::new("holdfast-old-rust").expect("a directory");
        let rustc = directory.path().join("rustc");
        let answers = "#!/bin/sh\n\
             [ \"$1\" = -V ] && echo 'rustc 1.80.0 (0 2024-07-21)' || echo /nowhere\n";
        fs::write(&rustc, answers).expect("a file");
        fs::set_permissions(&rustc, fs::Permissions::from_mode(0o755)).expect("a mode");
        let old = Toolchain {
            name: None,
            bin: directory.path().to_owned(),
            title: String::new(),
        };
        assert_eq!(
            lacks(&old, Needs::Compiler),
            Some(format!("it is 1.80, older than 1.{OLDEST_RUST_MINOR}"))
        );
    }

    #[test]
    fn what_has_just_failed_is_no_advice() {
        let failed = Failure::new("rustup failed with exit code 1; the reason is above.");
        for why_not in [None, Some(&failed)] {
            let advice = how_to_get_it(true, why_not);
            assert!(!advice.contains("rustup toolchain install"), "{advice}");
            assert!(advice.contains("in another way"), "{advice}");
        }
        let failed = failed.next("Look at the network.");
        assert!(how_to_get_it(true, Some(&failed)).starts_with("Look at the network."));
        assert!(how_to_get_it(false, None).starts_with("Install rustup"));
    }
}
