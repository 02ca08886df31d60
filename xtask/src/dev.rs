//! `cargo xtask dev`: edit, save, and see it.

use crate::console;
use crate::failure::Outcome;
use crate::run::{address_to_listen_on, ensure_port_is_free, server_arguments};
use crate::setup::{self, Purpose};
use crate::toolbox;
use crate::workspace;

pub const SUMMARY: &str = "Rebuild and restart on every change, with Postgres beside it";

pub const HELP: &str = "
Usage: cargo xtask dev [-- <arguments of `holdfast serve`>]

Sets up what is missing, then runs `cargo leptos watch`: it builds every change and restarts the
server. Without DATABASE_URL the server starts a private Postgres, which goes on during restarts and
stops when you stop watching with Ctrl-C.
";

/// A shell starts the watching, and stops Postgres after it. On Ctrl-C the terminal signals all
/// processes. A shell with a trap waits until its command has ended, and then runs the next line. A
/// signal handler in this program would need unsafe code or a dependency.
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
    ensure_port_is_free(&address_to_listen_on(for_server))?;
    let toolbox = setup::prepare_to_serve(Purpose::Watch, for_server)?;
    console::begin(
        "Building and watching; the first build usually takes 4 to 8 minutes on two cores.",
    );

    let mut shell = toolbox.command("sh");
    shell
        .args(["-c", WATCH_THEN_STOP, "sh", "cargo", "leptos", "watch"])
        // The examples are projects, too.
        .args(["--project", "holdfast"])
        .env(
            "HOLDFAST_DEBUG_BINARY",
            workspace::target().join("debug/holdfast"),
        );
    if !for_server.is_empty() {
        shell.arg("--").args(for_server);
    }
    Err(toolbox::become_program(&mut shell, "A shell"))
}
