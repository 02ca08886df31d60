//! The versions of everything that set-up installs or builds. Only packages with a lock file are
//! not listed here: crates in the `Cargo.lock` of the root, of `xtask/wasm-bindgen`, of
//! `xtask/flamegraph` and of `xtask/new-project`, and npm packages in the `package-lock.json` of the
//! root, of `end2end`, of `xtask/lighthouse` and of `xtask/postgres`. cargo-deny is used only where a
//! person has installed it.

/// The Rust with which everything is compiled and tested; rustup fetches it. It is new enough for
/// the workspace and for each tool that set-up builds.
pub const RUST: &str = "1.96.0";

/// The oldest Rust that is sufficient if rustup cannot fetch that one: `rust-version` in
/// Cargo.toml.
pub const OLDEST_RUST_MINOR: u32 = 96;

/// The components of a toolchain that the tests need in addition to the compiler.
pub const RUST_COMPONENTS: &[&str] = &["clippy", "rustfmt"];

/// The browser's target.
pub const WASM: &str = "wasm32-unknown-unknown";

/// The oldest Node: the first with a recursive `readdir`, and the oldest that Playwright accepts.
pub const OLDEST_NODE_MAJOR: u32 = 20;

/// Rebuilds and restarts on every change, for `cargo xtask dev`. Built from its own lock file,
/// which requires Rust 1.96.
pub const CARGO_LEPTOS: &str = "0.3.11";

/// Debian's Rust for browsers, where rustup cannot fetch one. The standard library for WebAssembly
/// is built from `rust-web-src`; the linker is `lld-<LLVM of that compiler>`.
pub const DEBIAN_RUST: &[&str] = &[
    "rustc-web",       // the compiler
    "cargo-web",       // cargo
    "rust-web-src",    // the sources of the standard library
    "rust-web-clippy", // for `cargo xtask test lint`
    "rustfmt-web",     // for `cargo xtask test fmt`
];

/// With this package, Debian's Postgres can be told not to start a server for the whole machine
/// when it is installed.
pub const DEBIAN_POSTGRES_COMMON: &str = "postgresql-common";

/// The programs of Postgres, at Debian's version. Without apt or root, they come from npm.
pub const DEBIAN_POSTGRES: &str = "postgresql";

/// The oldest Postgres.
pub const OLDEST_POSTGRES_MAJOR: u32 = 15;

/// The browser for the journeys, at Debian's version.
pub const DEBIAN_CHROMIUM: &str = "chromium";

/// The same without windows, for most of them.
pub const DEBIAN_HEADLESS_SHELL: &str = "chromium-headless-shell";

/// The browser for one more journey, at Debian's version.
pub const DEBIAN_FIREFOX: &str = "firefox-esr";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace;

    fn read(path: &str) -> String {
        std::fs::read_to_string(workspace::path(path)).expect("a file of this repository")
    }

    #[test]
    fn the_manifests_and_the_readme_name_the_same_versions() {
        assert!(RUST.starts_with(&format!("1.{OLDEST_RUST_MINOR}.")));
        let of_workspace = format!("rust-version = \"1.{OLDEST_RUST_MINOR}\"");
        assert!(read("Cargo.toml").contains(&of_workspace));

        let manifest = read("xtask/Cargo.toml");
        let (_, oldest) = manifest.split_once("rust-version = \"").expect("a version");
        let (oldest, _) = oldest.split_once('"').expect("a version");
        let readme = read("README.md");
        for needed in [
            format!("Rust {oldest} or newer"),
            format!("Rust 1.{OLDEST_RUST_MINOR}"),
            format!("Node {OLDEST_NODE_MAJOR} or newer"),
            format!("Postgres {OLDEST_POSTGRES_MAJOR} or newer"),
        ] {
            assert!(readme.contains(&needed), "the README lacks «{needed}»");
        }
    }
}
