//! `cargo xtask newcomer`: tests the two commands of the README on this machine as if it were bare.
//!
//! A machine on which Holdfast is developed already has everything that set-up has to install. So
//! faults of set-up stay hidden there. Here the two commands run in a fresh clone, with a home of
//! their own and one toolchain, as rustup's installer leaves it.

mod home;
mod stopwatch;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::process;
use crate::setup::{self, Purpose};
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;
use home::Home;
use stopwatch::Stopwatch;

pub const SUMMARY: &str = "Test the two commands of the README as on a new machine";

pub const HELP: &str = "
Usage: cargo xtask newcomer [--toolchain <name>] [--without-rustup-downloads] [--in <folder>]
                            [--keep] [-- <steps of `cargo xtask test`>]

Clones HEAD to a temporary place and gives it a home and a cargo home of its own, without the tools
of this checkout, with one toolchain of rustup. There it does what a newcomer does: it runs `cargo
xtask run` until the page works in Chromium, the same once more, and then `cargo xtask test`. A
table says how long each step took. The test can still use the packages that apt has installed on
this machine, and files of npm and of the system outside of the home.

  --toolchain <name>           the toolchain of that home: `stable` unless another one is named
  --without-rustup-downloads   rustup reaches no server
  --in <folder>                where the temporary place is made, for another disk or file system
  --keep                       the temporary place stays, even if everything passed
  -- <steps>                   only these steps of the tests; `-- none` for none
";

pub fn run(arguments: &[String]) -> Outcome {
    let args = Args::read(arguments)?;
    // Playwright of this checkout opens the newcomer's page, so this checkout needs its tools.
    let toolbox = setup::prepare(Purpose::Browser)?;

    // A newcomer may have spaces and umlauts in their paths.
    let place = TemporaryDirectory::below(&args.place, "holdfast newcomer äöü")?;
    let checkout = place.path().join("checkout");
    let mut stopwatch = Stopwatch::default();
    let outcome = prove(&toolbox, &args, &place, &checkout, &mut stopwatch);
    println!("{}", stopwatch.table());
    if outcome.is_err() || args.keep {
        let kept = place.keep();
        console::note(&format!("Everything is still in {}.", kept.display()));
    }
    outcome
}

fn prove(
    toolbox: &Toolbox,
    args: &Args,
    place: &TemporaryDirectory,
    checkout: &Path,
    stopwatch: &mut Stopwatch,
) -> Outcome {
    toolbox::clone_head(checkout)?;
    let home = Home::make(&place.path().join("home"), &args.toolchain, args.offline)?;
    console::note(&format!(
        "The newcomer has {} in {}.",
        home.rustc(),
        checkout.display()
    ));

    console::begin("A newcomer: cargo xtask run");
    let mut first = Server::start(&home, checkout, stopwatch)?;
    stopwatch.step("the page is alive in Chromium");
    is_alive(toolbox, &first.address)?;
    stopwatch.step("stopped by Ctrl-C");
    first.stop()?;

    console::begin("A newcomer: cargo xtask run, the second time");
    stopwatch.command("cargo xtask run, the second time");
    let mut second = Server::start_again(&home, checkout, stopwatch)?;
    second.stop()?;
    if let Some(step) = second.steps.first() {
        return Err(Failure::new(format!(
            "The second start did something again that the first had done: {step}"
        )));
    }

    if args.steps.iter().any(|step| step == "none") {
        return is_unchanged(checkout);
    }
    console::begin("A newcomer: cargo xtask test");
    let mut test = home.cargo(checkout);
    test.args(["xtask", "test"]).args(&args.steps);
    stopwatch.command("cargo xtask test");
    let mut child = test
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| toolbox::cannot_start("`cargo xtask test`", &error))?;
    if let Some(errors) = child.stderr.take() {
        for line in BufReader::new(errors).lines().map_while(Result::ok) {
            eprintln!("{line}");
            stopwatch.hear(&line);
        }
    }
    let status = child
        .wait()
        .map_err(|error| toolbox::cannot_start("`cargo xtask test`", &error))?;
    stopwatch.stop();
    if !status.success() {
        return Err(Failure::of_program(
            "The newcomer's `cargo xtask test`",
            status,
        ));
    }
    is_unchanged(checkout)
}

/// Fails if a command has changed a file that is in the repository, such as a lock file, or has left
/// one there. So nothing was resolved on the day.
fn is_unchanged(checkout: &Path) -> Outcome {
    let mut status = Command::new("git");
    status.args(["status", "--porcelain"]).current_dir(checkout);
    match machine::ask(&mut status) {
        Some(changes) if changes.is_empty() => Ok(()),
        Some(changes) => Err(Failure::new(format!(
            "The commands have changed the newcomer's checkout: {changes}"
        ))),
        None => Err(Failure::new("git cannot say whether the checkout changed.")),
    }
}

/// The arguments.
struct Args {
    toolchain: String,
    offline: bool,
    place: PathBuf,
    keep: bool,
    steps: Vec<String>,
}

impl Args {
    fn read(arguments: &[String]) -> Outcome<Self> {
        let mut args = Self {
            toolchain: "stable".to_owned(),
            offline: false,
            place: std::env::temp_dir(),
            keep: false,
            steps: Vec::new(),
        };
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let mut value = || {
                arguments
                    .next()
                    .ok_or_else(|| Failure::usage(format!("`{argument}` needs a value.")))
            };
            match argument.as_str() {
                "--toolchain" => args.toolchain = value()?.clone(),
                "--without-rustup-downloads" => args.offline = true,
                "--in" => args.place = PathBuf::from(value()?),
                "--keep" => args.keep = true,
                "--" => {
                    args.steps = arguments.cloned().collect();
                    break;
                }
                _ => return Err(Failure::usage(HELP.trim())),
            }
        }
        Ok(args)
    }
}

fn is_alive(toolbox: &Toolbox, address: &str) -> Outcome {
    let mut look = toolbox.command("node");
    look.arg(workspace::path("xtask/newcomer/alive.mjs"))
        .arg(address);
    toolbox::show(&mut look, "Signing up in Chromium")
}

/// The output of `cargo xtask run`.
enum Said {
    /// A line on standard error.
    Progress(String),
    /// The first line on standard output, or an empty one if there is none.
    Greeting(String),
}

/// The newcomer's `cargo xtask run`, when it serves.
struct Server {
    process: Child,
    address: String,
    /// The steps that it took before it served.
    steps: Vec<String>,
}

impl Server {
    fn start(home: &Home, checkout: &Path, stopwatch: &mut Stopwatch) -> Outcome<Self> {
        stopwatch.command("cargo xtask run");
        Self::start_again(home, checkout, stopwatch)
    }

    fn start_again(home: &Home, checkout: &Path, stopwatch: &mut Stopwatch) -> Outcome<Self> {
        let listen = machine::free_address()?.to_string();
        let mut process = home
            .cargo(checkout)
            .args(["xtask", "run", "--", "--listen", &listen])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(|error| toolbox::cannot_start("`cargo xtask run`", &error))?;
        let mut steps = Vec::new();
        let (said, hears) = mpsc::channel();
        // Both go on reading as long as the server writes, because it would wait otherwise.
        let errors = process.stderr.take().map(|errors| {
            let said = said.clone();
            thread::spawn(move || {
                for line in BufReader::new(errors).lines().map_while(Result::ok) {
                    eprintln!("{line}");
                    let _ = said.send(Said::Progress(line));
                }
            })
        });
        if let Some(output) = process.stdout.take() {
            thread::spawn(move || {
                let mut lines = BufReader::new(output).lines().map_while(Result::ok);
                let _ = said.send(Said::Greeting(lines.next().unwrap_or_default()));
                lines.for_each(drop);
            });
        }
        let mut greeting = String::new();
        for said in hears {
            match said {
                Said::Progress(line) => {
                    stopwatch.hear(&line);
                    steps.extend(line.strip_prefix("==> ").map(str::to_owned));
                }
                Said::Greeting(line) => {
                    greeting = line;
                    break;
                }
            }
        }
        stopwatch.stop();
        match greeting.strip_prefix("Holdfast is at ") {
            Some(address) => Ok(Self {
                process,
                address: address.to_owned(),
                steps,
            }),
            None => {
                let status = process
                    .wait()
                    .map_err(|error| toolbox::cannot_start("`cargo xtask run`", &error))?;
                // Its last lines come before the failure.
                errors.map(thread::JoinHandle::join);
                Err(Failure::of_program(
                    "The newcomer's `cargo xtask run`",
                    status,
                ))
            }
        }
    }

    /// Stops it like Ctrl-C. cargo and xtask have become the server, so the process is the server.
    fn stop(&mut self) -> Outcome {
        process::signal(self.process.id(), "INT");
        let status = self
            .process
            .wait()
            .map_err(|error| toolbox::cannot_start("The server", &error))?;
        if status.success() {
            Ok(())
        } else {
            Err(Failure::of_program("The newcomer's server", status))
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.process.try_wait(), Ok(None)) {
            let _ = self.stop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_behind_two_dashes_are_steps_of_the_tests() {
        let line = ["--toolchain", "1.95.0", "--", "fmt", "lint"].map(String::from);
        let args = Args::read(&line).expect("it is well formed");
        assert_eq!(args.toolchain, "1.95.0");
        assert_eq!(args.steps, ["fmt", "lint"]);
        assert!(!args.offline);
        assert!(Args::read(&["--toolchain".to_owned()]).is_err());
    }
}
