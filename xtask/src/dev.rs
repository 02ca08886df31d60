//! `cargo xtask dev`: edit, save, and see it.

use crate::console;
use crate::failure::Outcome;
use crate::run::server_arguments;
use crate::setup::{self, Purpose};
use crate::toolbox;
use crate::workspace;

pub const SUMMARY: &str = "Rebuild and restart on every change, with Postgres beside it";

pub const HELP: &str = "
Usage: cargo xtask dev [-- <arguments of `holdfast serve`>]

Sets up what is missing, then `cargo leptos watch`: every change is built and the server started
anew. Without DATABASE_URL the server starts a private Postgres, which stays up from one restart to
the next and is stopped when you stop watching, with Ctrl-C.
";

/// A shell outlives the watching, to stop Postgres after it. On Ctrl-C the terminal signals all of
/// us; a shell that has a trap waits for its command to end and then goes on. A signal handler of
/// our own would take unsafe code or a dependency.
const WATCH_THEN_STOP: &str = r#"
trap : INT
"$@"
code=$?
if [ -z "$DATABASE_URL" ] && [ -x "$HOLDFAST_DEBUG_BINARY" ]; then
    "$HOLDFAST_DEBUG_BINARY" postgres stop
fi
exit $code
"#;

pub fn run(arguments: &[String]) -> Outcome {
    let for_server = server_arguments(arguments)?;
    let toolbox = setup::prepare(Purpose::Watch)?;
    console::begin(
        "Building and watching; the first build usually takes 4 to 8 minutes on two cores.",
    );

    let mut shell = toolbox.command("sh");
    shell
        .args(["-c", WATCH_THEN_STOP, "sh", "cargo", "leptos", "watch"])
        .env(
            "HOLDFAST_DEBUG_BINARY",
            workspace::target().join("debug/holdfast"),
        );
    if !for_server.is_empty() {
        shell.arg("--").args(for_server);
    }
    Err(toolbox::become_program(&mut shell, "A shell"))
}
