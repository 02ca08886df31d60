//! How long each step took. It reads the output of the commands: a step begins with `==> `.

use std::time::{Duration, Instant};

use crate::console;

/// Commands, and the steps of each.
#[derive(Default)]
pub struct Stopwatch {
    rows: Vec<Row>,
    running: Option<Instant>,
    /// Whether a suite of tests runs. What the suite sets up first is a part of it, and not a step
    /// of its own.
    is_in_suite: bool,
}

struct Row {
    name: String,
    is_command: bool,
    took: Duration,
    command_began: Option<Instant>,
}

impl Stopwatch {
    /// A command of the newcomer begins.
    pub fn command(&mut self, name: &str) {
        self.begin(name, true);
    }

    /// A step of it begins.
    pub fn step(&mut self, name: &str) {
        self.begin(name, false);
    }

    /// Ends the present step. Nothing is measured until the next one begins.
    pub fn stop(&mut self) {
        let now = Instant::now();
        if let (Some(began), Some(row)) = (self.running.take(), self.rows.last_mut()) {
            row.took += now - began;
        }
        if let Some(command) = self.rows.iter_mut().rev().find(|row| row.is_command)
            && let Some(began) = command.command_began
        {
            command.took = now - began;
        }
    }

    /// A line of output. If it begins a step of the command, a step begins here.
    pub fn hear(&mut self, line: &str) {
        let Some(step) = line.strip_prefix("==> ") else {
            return;
        };
        // This line sums up the tests so far, and the next step follows at once.
        if step.starts_with("Passed so far") {
            return;
        }
        // The text after the semicolon says how long the step usually takes.
        let step = step.split("; ").next().unwrap_or(step);
        let is_suite = step.starts_with("Test: ");
        if self.is_in_suite && !is_suite {
            return;
        }
        self.step(step.trim_end_matches('.'));
        self.is_in_suite = is_suite;
    }

    fn begin(&mut self, name: &str, is_command: bool) {
        self.stop();
        self.is_in_suite = false;
        let now = Instant::now();
        self.running = Some(now);
        self.rows.push(Row {
            name: name.to_owned(),
            is_command,
            took: Duration::ZERO,
            command_began: is_command.then_some(now),
        });
    }

    /// The table for `docs/performance.md`.
    pub fn table(&mut self) -> String {
        self.stop();
        let mut table = String::from("| step | took |\n| --- | --- |");
        for row in &self.rows {
            let took = console::duration(row.took);
            table.push_str(&if row.is_command {
                format!("\n| **`{}`** | **{took}** |", row.name)
            } else {
                format!("\n| {} | {took} |", row.name)
            });
        }
        table
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_step_is_a_row_under_its_command() {
        let mut stopwatch = Stopwatch::default();
        stopwatch.command("cargo xtask run");
        stopwatch.hear("==> Installing npm packages; usually a few seconds.");
        stopwatch.hear("    added 14 packages");
        stopwatch.hear("==> Fetching Rust 1.96.0 by rustup; usually half a minute, once.");
        stopwatch.hear("==> Test: unit");
        stopwatch.hear("==> Compiling every query against a Postgres; usually half a minute.");
        stopwatch.hear("==> Passed so far: fmt 1 s, unit 3 s.");
        stopwatch.step("Built");
        let table = stopwatch.table();
        assert!(table.contains("| **`cargo xtask run`** | **0 s** |"));
        assert!(table.contains("| Installing npm packages | 0 s |"));
        assert!(table.contains("| Fetching Rust 1.96.0 by rustup | 0 s |"));
        assert!(table.contains("| Test: unit | 0 s |"));
        assert!(!table.contains("Passed so far"));
        assert!(
            !table.contains("Compiling every query"),
            "a part of the unit tests"
        );
        assert!(table.contains("| Built | 0 s |"));
    }
}
