//! Measures how long it takes under `cargo xtask dev` until the browser shows a saved change.
//!
//! The changes are made in a clone, with a target directory of its own. So the files of this
//! checkout stay as they are, and the first build is measured as well.

use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::process;
use crate::setup::{self, Purpose};
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// How long the first build may take.
const PATIENCE: Duration = Duration::from_secs(45 * 60);

/// How many changes of each kind are measured, unless the command names another number.
const ROUNDS: &str = "5";

pub fn run(arguments: &[String]) -> Outcome {
    let rounds = arguments.first().map_or(ROUNDS, String::as_str);
    if !rounds.parse().is_ok_and(|rounds: u32| rounds > 0) {
        return Err(Failure::usage(format!(
            "`{rounds}` is not a number of rounds."
        )));
    }
    let mut toolbox = setup::prepare(Purpose::Watch)?;
    toolbox.chromium = setup::prepare(Purpose::Browser)?.chromium;

    let place = TemporaryDirectory::new("holdfast-dev")?;
    let checkout = place.path().join("checkout");
    toolbox::clone_head(&checkout)?;
    let listen = machine::free_address()?;
    console::begin("Building a clone and watching it; usually 4 to 8 minutes on two cores.");
    let started = Instant::now();
    let mut watch = Watch::start(&toolbox, &checkout, listen)?;
    watch.wait_until_it_serves(listen)?;
    let first_build = console::duration(started.elapsed());

    console::begin("Changing files and waiting for each change; two to five minutes.");
    let mut changes = toolbox.command("node");
    changes
        .arg(workspace::path("xtask/bench/dev.mjs"))
        .arg(format!("http://{listen}"))
        .arg(&checkout)
        .arg(rounds);
    toolbox::show(&mut changes, "The bench")?;
    println!("\nThe first build took {first_build}.");
    Ok(())
}

/// `cargo leptos watch` in the clone.
struct Watch<'a> {
    process: Child,
    toolbox: &'a Toolbox,
    checkout: &'a Path,
}

impl<'a> Watch<'a> {
    fn start(toolbox: &'a Toolbox, checkout: &'a Path, listen: SocketAddr) -> Outcome<Self> {
        let reload = machine::free_address()?;
        let mut watch = toolbox.cargo(&["leptos", "watch", "--project", "holdfast"]);
        // The clone has a target directory of its own.
        watch.env_remove("CARGO_TARGET_DIR");
        // The server gets its own settings here, not those of the person who runs the bench.
        for (name, _) in std::env::vars_os() {
            if is_a_setting(&name.to_string_lossy()) {
                watch.env_remove(name);
            }
        }
        let process = watch
            .current_dir(checkout)
            .env_remove("CARGO_TARGET_DIR")
            .env("HOLDFAST_LISTEN", listen.to_string())
            .env("HOLDFAST_DATA_DIR", checkout.join(".holdfast"))
            .env("LEPTOS_SITE_ADDR", listen.to_string())
            .env("LEPTOS_RELOAD_PORT", reload.port().to_string())
            // Only the table belongs on standard output.
            .stdout(Stdio::null())
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| toolbox::cannot_start("`cargo leptos watch`", &error))?;
        Ok(Self {
            process,
            toolbox,
            checkout,
        })
    }

    fn wait_until_it_serves(&mut self, listen: SocketAddr) -> Outcome {
        let begun = Instant::now();
        while TcpStream::connect(listen).is_err() {
            if let Ok(Some(status)) = self.process.try_wait() {
                return Err(Failure::of_program("`cargo leptos watch`", status));
            }
            // `cargo leptos watch` goes on after an error of the compiler. Then only this limit
            // ends the wait.
            if begun.elapsed() > PATIENCE {
                return Err(Failure::new(format!(
                    "The first build has not served a page within {}.",
                    console::duration(PATIENCE)
                )));
            }
            thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Watch<'_> {
    /// Stops `cargo leptos watch` as Ctrl-C does. Then stops the private Postgres, which would
    /// otherwise go on running.
    fn drop(&mut self) {
        process::signal(self.process.id(), "INT");
        let _ = self.process.wait();
        let server = self.checkout.join("target/debug/holdfast");
        let mut stop = self.toolbox.command(&server.to_string_lossy());
        stop.args(["postgres", "stop", "--data-dir"]);
        machine::ask(stop.arg(self.checkout.join(".holdfast")));
    }
}

/// Whether this variable is a setting of Holdfast or of cargo-leptos.
fn is_a_setting(variable: &str) -> bool {
    let prefixes = ["HOLDFAST_", "DATABASE_", "LEPTOS_"];
    prefixes.iter().any(|prefix| variable.starts_with(prefix))
}
