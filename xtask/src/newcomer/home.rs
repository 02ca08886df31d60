//! The home of a person who has installed Rust with rustup, and nothing else that Holdfast needs.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::toolbox;
use crate::workspace;

/// Programs of rustup that start those of a toolchain.
const PROXIES: &[&str] = &[
    "cargo",
    "cargo-clippy",
    "cargo-fmt",
    "clippy-driver",
    "rustc",
    "rustdoc",
    "rustfmt",
];

/// Variables of this machine that a newcomer does not have. They would save work, or lead to other
/// folders.
const NOT_INHERITED: &[&str] = &[
    "CARGO",
    "CHROME",
    "DATABASE_URL",
    "HOLDFAST_",
    "LEPTOS_",
    "OUT_DIR",
    "PG",
    "PLAYWRIGHT_",
    "RUST",
    "SQLX_",
    "XDG_",
    "npm_",
];

/// Where it is.
pub struct Home {
    directory: PathBuf,
    offline: bool,
}

impl Home {
    /// Makes it, with a copy of the toolchain that this machine's rustup has under that name.
    pub fn make(directory: &Path, toolchain: &str, offline: bool) -> Outcome<Self> {
        let sysroot = machine::ask(
            Command::new("rustup")
                .args(["run", toolchain, "rustc", "--print", "sysroot"])
                .env_remove("RUSTUP_TOOLCHAIN"),
        )
        .map(PathBuf::from)
        .ok_or_else(|| {
            Failure::new(format!(
                "rustup has no toolchain {toolchain} to begin with."
            ))
            .next(format!("rustup toolchain install {toolchain}"))
        })?;
        let home = Self {
            directory: directory.to_owned(),
            offline,
        };
        home.fill(&sysroot)
            .map_err(|error| Failure::new(format!("Cannot make a home: {error}.")))?;
        home.copy_toolchain(&sysroot)?;
        Ok(home)
    }

    fn fill(&self, sysroot: &Path) -> std::io::Result<()> {
        let bin = self.cargo_home().join("bin");
        fs::create_dir_all(&bin)?;
        fs::create_dir_all(self.rustup_home().join("toolchains"))?;
        let rustup = machine::find_program(&["rustup"]).unwrap_or_else(|| "rustup".into());
        fs::copy(fs::canonicalize(rustup)?, bin.join("rustup"))?;
        for proxy in PROXIES {
            symlink("rustup", bin.join(proxy))?;
        }
        let name = sysroot.file_name().unwrap_or_default().to_string_lossy();
        fs::write(
            self.rustup_home().join("settings.toml"),
            format!("version = \"12\"\ndefault_toolchain = \"{name}\"\nprofile = \"default\"\n"),
        )
    }

    /// This is a copy, because rustup changes a toolchain in place.
    fn copy_toolchain(&self, sysroot: &Path) -> Outcome {
        let mut copy = Command::new("cp");
        copy.arg("-a")
            .arg(sysroot)
            .arg(self.rustup_home().join("toolchains"))
            .stdin(Stdio::null());
        toolbox::show(&mut copy, "Copying the toolchain")
    }

    /// What a newcomer's `rustc --version` says.
    pub fn rustc(&self) -> String {
        let rustc = self.cargo_home().join("bin/rustc");
        machine::ask(self.command(&rustc.to_string_lossy()).arg("--version"))
            .unwrap_or_else(|| "no Rust".to_owned())
    }

    /// A newcomer's cargo.
    pub fn cargo(&self, directory: &Path) -> Command {
        let cargo = self.cargo_home().join("bin/cargo");
        let mut command = self.command(&cargo.to_string_lossy());
        command.current_dir(directory);
        command
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            let text = name.to_string_lossy();
            if NOT_INHERITED.iter().any(|prefix| text.starts_with(prefix)) {
                command.env_remove(&name);
            }
        }
        command
            .env("HOME", &self.directory)
            .env("CARGO_HOME", self.cargo_home())
            .env("RUSTUP_HOME", self.rustup_home())
            .env("PATH", self.path());
        if self.offline {
            // No server listens at this address.
            command
                .env("RUSTUP_DIST_SERVER", "http://127.0.0.1:9")
                .env("RUSTUP_UPDATE_ROOT", "http://127.0.0.1:9");
        }
        command
    }

    /// `PATH` without the folders of a cargo home, of this checkout, or of an account.
    fn path(&self) -> std::ffi::OsString {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let own_home = std::env::home_dir().unwrap_or_else(|| "/nowhere".into());
        let kept = std::env::split_paths(&path).filter(|directory| {
            let node = machine::is_program(&directory.join("node"));
            let of_cargo = machine::is_program(&directory.join("cargo"));
            !directory.starts_with(workspace::root())
                && (node && !of_cargo || !directory.starts_with(&own_home))
        });
        let bin = self.cargo_home().join("bin");
        std::env::join_paths(std::iter::once(bin).chain(kept)).unwrap_or_default()
    }

    fn cargo_home(&self) -> PathBuf {
        self.directory.join(".cargo")
    }

    fn rustup_home(&self) -> PathBuf {
        self.directory.join(".rustup")
    }
}
