//! The programs of this repository, and the packages that are built with them.

use std::path::PathBuf;

use crate::console;
use crate::failure::Outcome;
use crate::progress;
use crate::toolbox::Toolbox;
use crate::workspace;

/// The packages of all native builds. Each build names all of them, because cargo chooses the
/// features of shared dependencies by the packages that are built together. With other packages,
/// cargo would build these dependencies again.
pub const NATIVE: &[&str] = &[
    "--package=holdfast-protocol",
    "--package=holdfast-client",
    "--package=holdfast-app",
    "--package=holdfast-local-postgres",
    "--package=holdfast-server",
    "--package=holdfast-testkit",
    "--package=xtask",
    "--features=holdfast-app/ssr",
];

/// Builds a program, and others that it starts. Returns the path of the first.
pub fn build(toolbox: &Toolbox, name: &str, others: &[&str]) -> Outcome<PathBuf> {
    console::begin(&format!(
        "Building `{name}`; usually seconds, and up to 10 minutes on two cores when everything has to be compiled first."
    ));
    let mut command = toolbox.cargo(&["build", "--release", "--bin", name]);
    for other in others {
        command.args(["--bin", other]);
    }
    progress::run(&format!("`{name}`"), command.args(NATIVE))?;
    Ok(workspace::target().join("release").join(name))
}
