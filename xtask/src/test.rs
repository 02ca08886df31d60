//! `cargo xtask test`: all checks that must pass before a change is merged.

use std::process::Command;
use std::time::{Duration, Instant};

use crate::console;
use crate::example;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::package;
use crate::programs::NATIVE;
use crate::progress;
use crate::release;
use crate::setup::{self, Purpose, firefox};
use crate::sqlx;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

pub const SUMMARY: &str = "Set up what is missing, and run all tests or some of them";

pub const HELP: &str = "
Usage: cargo xtask test [fmt|lint|unit|package|server|e2e …]

Runs all of these in this order, or those that are named, and stops at the first that fails:
  fmt       formatting
  lint      clippy for the server and for the browser; .sqlx; licences and advisories, where
            cargo-deny is installed
  unit      tests without network and database: the rules, the client, this program
  package   the template; the packages of the published crates and a new project from the template,
            compiled outside of the repository; the documentation of the packages
  server    the server against a real Postgres, and the private Postgres itself
  e2e       the journeys of a person, in Chromium against a release build

Each prints its own runner's summary.
";

/// One step: its name, what it needs, and what it does.
struct Step {
    name: &'static str,
    purpose: Purpose,
    run: fn(&Toolbox) -> Outcome,
}

/// The steps. Those that fail fastest come first.
const STEPS: &[Step] = &[
    Step {
        name: "fmt",
        purpose: Purpose::Lint,
        run: fmt,
    },
    Step {
        name: "lint",
        purpose: Purpose::Database,
        run: lint,
    },
    Step {
        name: "unit",
        purpose: Purpose::Lint,
        run: unit,
    },
    Step {
        name: "package",
        purpose: Purpose::Lint,
        run: package::check,
    },
    Step {
        name: "server",
        purpose: Purpose::Database,
        run: server,
    },
    Step {
        name: "e2e",
        purpose: Purpose::Browser,
        run: e2e,
    },
];

pub fn run(arguments: &[String]) -> Outcome {
    let steps = choose(arguments)?;
    let purposes: Vec<Purpose> = steps.iter().map(|step| step.purpose).collect();
    let toolbox = setup::prepare_all(&purposes)?;
    if purposes.contains(&Purpose::Browser) {
        firefox::ensure();
    }
    let mut times: Vec<(&str, Duration)> = Vec::new();
    for (position, step) in steps.iter().enumerate() {
        // This comes before the last step, so that the output ends with the summary of its runner.
        if position > 0 && position + 1 == steps.len() {
            console::begin(&format!("Passed so far: {}.", table(&times)));
        }
        console::begin(&format!("Test: {}", step.name));
        let started = Instant::now();
        (step.run)(&toolbox).map_err(|failure| {
            failure.next(format!(
                "`cargo xtask test {}` repeats this step alone.",
                step.name
            ))
        })?;
        times.push((step.name, started.elapsed()));
    }
    Ok(())
}

fn choose(names: &[String]) -> Outcome<Vec<&'static Step>> {
    if let Some(unknown) = names
        .iter()
        .find(|name| STEPS.iter().all(|step| step.name != **name))
    {
        return Err(Failure::usage(format!(
            "There is no step `{unknown}`.\n\n{}",
            HELP.trim()
        )));
    }
    let is_chosen = |step: &&Step| names.is_empty() || names.iter().any(|name| name == step.name);
    Ok(STEPS.iter().filter(is_chosen).collect())
}

fn table(times: &[(&str, Duration)]) -> String {
    let cells: Vec<String> = times
        .iter()
        .map(|(name, duration)| format!("{name} {}", console::duration(*duration)))
        .collect();
    cells.join(", ")
}

fn fmt(toolbox: &Toolbox) -> Outcome {
    toolbox::show(
        &mut toolbox.cargo(&["fmt", "--all", "--check"]),
        "Checking the formatting",
    )
}

/// The queries come first, because checking them touches the server's sources.
fn lint(toolbox: &Toolbox) -> Outcome {
    sqlx::check(toolbox)?;
    progress::run("clippy for the server", &mut lint_native(toolbox))?;
    progress::run(
        "clippy for the server without the pages",
        &mut lint_without_pages(toolbox),
    )?;
    progress::run("clippy for the browser", &mut lint_browser(toolbox))?;
    deny(toolbox)
}

/// The checks use the profile of the release. So they use the macros and build scripts of the
/// release build, which are half of all crates, and do not compile them again.
fn lint_native(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["clippy", "--release", "--all-targets"]);
    command.args(NATIVE).args(["--", "-D", "warnings"]);
    command
}

/// Checks the server without the pages, and the example, which builds it so. The call
/// names `app` only for its features: with them, cargo uses the other crates of the call before.
fn lint_without_pages(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["clippy", "--release", "--lib", "--bins"]);
    command
        .args(["--package", "holdfast-server", "--package", "holdfast-app"])
        .args(["--no-default-features", "--features", "holdfast-app/ssr"])
        .args(example::FOR_SERVER)
        .args(["--", "-D", "warnings"]);
    command
}

/// This is a separate call: in one call with the server's packages, cargo would give the client
/// both of its features, `ssr` and `hydrate`. The site is built with pieces, so this checks them.
fn lint_browser(toolbox: &Toolbox) -> Command {
    let mut command = toolbox.cargo(&["clippy", "--profile=wasm-release"]);
    command
        .args([
            "--package",
            "holdfast-frontend",
            "--package",
            "holdfast-app",
            "--package",
            "holdfast-client",
        ])
        .args(["--features", "holdfast-app/hydrate,holdfast-frontend/split"])
        .args(example::FOR_BROWSER)
        .args(["--target", "wasm32-unknown-unknown", "--target-dir"])
        .arg(workspace::target().join("front"))
        .args(["--", "-D", "warnings"]);
    command
}

fn deny(toolbox: &Toolbox) -> Outcome {
    if machine::ask(&mut toolbox.cargo(&["deny", "--version"])).is_none() {
        console::note("Licences and advisories were skipped: cargo-deny is not installed.");
        return Ok(());
    }
    toolbox::show(&mut toolbox.cargo(&["deny", "check"]), "cargo-deny")
}

/// Tests run in the release profile, so that the dependencies are compiled once for the tests and
/// for the server of the journeys. The tests themselves, and the server in each of them, are not
/// optimised, because that would take five times as long as running them: measured on two cores,
/// 90 s of processor time instead of 8 minutes.
const UNOPTIMISED: &[&str] = &[
    "--config=profile.release.package.holdfast-server.opt-level=0",
    "--config=profile.release.package.holdfast-app.opt-level=0",
    "--config=profile.release.package.holdfast-testkit.opt-level=0",
];

/// The tests beside the code.
fn unit(toolbox: &Toolbox) -> Outcome {
    run_tests(toolbox, &["--lib", "--bins"], "the unit tests")?;
    let mut examples = toolbox.cargo(&["test", "--release", "--doc"]);
    examples.args(UNOPTIMISED).args(NATIVE);
    toolbox::show(&mut examples, "Running the examples of the documentation")
}

/// The tests in `tests` folders: those of the protocol's properties, and the server's through HTTP.
/// The tests of several servers run separately, a few at a time: they measure time-outs, and each
/// of them keeps two servers and a Postgres busy.
fn server(toolbox: &Toolbox) -> Outcome {
    let outcome = run_tests(toolbox, &["--test=*"], "the server's tests");
    stop_test_postgres();
    outcome
}

/// Compiles first, so that the progress is visible, and then the tests use the terminal.
fn run_tests(toolbox: &Toolbox, which: &[&str], name: &str) -> Outcome {
    let cargo = |arguments: &[&str]| {
        let mut command = toolbox.cargo(&["test", "--release"]);
        command
            .args(arguments)
            .args(which)
            .args(UNOPTIMISED)
            .args(NATIVE);
        command
    };
    progress::run(name, &mut cargo(&["--no-run"]))?;
    toolbox::show(&mut cargo(&[]), &format!("Running {name}"))
}

/// Stops the Postgres of the tests. The tests leave it running, because no code runs after the last
/// of them.
pub fn stop_test_postgres() {
    let target = workspace::target();
    let mut stop = Command::new(target.join("release/holdfast"));
    stop.args(["postgres", "stop", "--data-dir"])
        .arg(target.join("tmp/postgres"));
    machine::ask(&mut stop);
}

/// Runs the journeys. Playwright fails by itself if it finds no test.
fn e2e(toolbox: &Toolbox) -> Outcome {
    release::build(toolbox)?;
    example::build(toolbox)?;
    toolbox::show(&mut playwright(toolbox), "Running the journeys")
}

/// The runner of what is in `end2end`.
pub fn playwright(toolbox: &Toolbox) -> Command {
    let mut playwright = toolbox.command("npx");
    playwright
        .args(["--no-install", "playwright", "test"])
        .current_dir(workspace::path("end2end"));
    playwright
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(arguments: &[&str]) -> Vec<&'static str> {
        let arguments: Vec<String> = arguments.iter().map(|name| (*name).to_owned()).collect();
        let steps = choose(&arguments).expect("the steps exist");
        steps.iter().map(|step| step.name).collect()
    }

    #[test]
    fn no_name_means_every_step() {
        assert_eq!(names(&[]).len(), STEPS.len());
    }

    #[test]
    fn steps_run_in_their_own_order() {
        assert_eq!(names(&["e2e", "fmt"]), ["fmt", "e2e"]);
    }

    #[test]
    fn an_unknown_step_is_named() {
        let failure = choose(&["lnit".to_owned()])
            .err()
            .expect("there is no such step");
        assert!(failure.to_string().contains("`lnit`"));
    }

    #[test]
    fn the_table_is_one_line() {
        let times = [
            ("fmt", Duration::from_secs(1)),
            ("lint", Duration::from_secs(75)),
        ];
        assert_eq!(table(&times), "fmt 1 s, lint 1 min 15 s");
    }
}
