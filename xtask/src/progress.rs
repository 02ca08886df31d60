//! Shows the progress of a long step: how many of all crates are compiled, or the last line of a
//! program.
//!
//! On a terminal one line changes in place. In a log, a line comes every half minute. An error is
//! shown at once, or with the last lines of the program when it fails.

use std::io::{BufRead, BufReader, IsTerminal, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::advice;
use crate::console;
use crate::failure::{Failure, Outcome};
use crate::process;
use crate::toolbox;

/// How often a line comes if there is no terminal.
const A_LINE_EVERY: Duration = Duration::from_secs(30);
/// How often the line on a terminal changes.
const REDRAWN_EVERY: Duration = Duration::from_millis(250);
/// How many lines of a program are repeated when it fails.
const LAST_WORDS: usize = 20;

/// Runs one program; `what` names it, in the progress and in a failure.
pub fn run(what: &str, command: &mut Command) -> Outcome {
    show(&[what], |board| board.run(what, command))
}

/// The same for a program that works as root on the whole machine, and not in the checkout.
pub fn run_on_the_system(what: &str, command: &mut Command) -> Outcome {
    show(&[what], |board| {
        board.run_advised(what, command, advice::on_the_system)
    })
}

/// Shows the progress of all `names` while `work` runs their programs.
pub fn show<T>(names: &[&str], work: impl FnOnce(&Board) -> Outcome<T>) -> Outcome<T> {
    let board = Board::new(names);
    thread::scope(|scope| {
        scope.spawn(|| board.draw_until_done());
        let outcome = work(&board);
        board.finish();
        // If one program fails, the others are stopped. The failure of the first program says more
        // than the failures of the others.
        match outcome {
            Err(failure) => Err(board.first_failure().unwrap_or(failure)),
            done => done,
        }
    })
}

/// Everything that runs at this moment.
pub struct Board {
    state: Mutex<State>,
    done: Condvar,
    started: Instant,
    on_terminal: bool,
}

#[derive(Default)]
struct State {
    lanes: Vec<Lane>,
    running: Vec<u32>,
    /// Why the first program failed, until this is taken.
    failure: Option<Failure>,
    has_failed: bool,
    done: bool,
    line_is_drawn: bool,
}

/// The state of one program.
#[derive(Default)]
struct Lane {
    name: String,
    status: String,
    last_words: Vec<String>,
    /// What to do about the last line that has an advice.
    advice: Option<&'static str>,
}

/// Gives an advice about a line of a program.
type Advise = fn(&str) -> Option<&'static str>;

impl Board {
    fn new(names: &[&str]) -> Self {
        let lanes = names.iter().map(|name| Lane {
            name: (*name).to_owned(),
            ..Lane::default()
        });
        Self {
            state: Mutex::new(State {
                lanes: lanes.collect(),
                ..State::default()
            }),
            done: Condvar::new(),
            started: Instant::now(),
            on_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Runs a program under one of the names. If it fails, the other programs are stopped: the
    /// whole step has failed, and the reason should be the last text on the screen.
    pub fn run(&self, name: &str, command: &mut Command) -> Outcome {
        let advise = if is_cargo(command) {
            advice::on_cargo
        } else {
            advice::on
        };
        self.run_advised(name, command, advise)
    }

    fn run_advised(&self, name: &str, command: &mut Command, advise: Advise) -> Outcome {
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let is_cargo = is_cargo(command);
        if is_cargo {
            tell_cargo_to_count(command, self.on_terminal);
        }
        if self.state().has_failed {
            return Err(Failure::new(format!("{name} was not started.")));
        }
        {
            let mut state = self.state();
            let lane = state.lane(name);
            lane.last_words.clear();
            lane.advice = None;
            lane.status = program_of(command);
        }
        let mut child = command
            .spawn()
            .map_err(|error| toolbox::cannot_start(name, &error))?;
        self.state().running.push(child.id());
        thread::scope(|scope| {
            let output = child.stdout.take();
            scope.spawn(|| output.map(|output| self.listen(name, is_cargo, advise, output)));
            if let Some(errors) = child.stderr.take() {
                self.listen(name, is_cargo, advise, errors);
            }
        });
        let status = child
            .wait()
            .map_err(|error| toolbox::cannot_start(name, &error))?;

        let mut state = self.state();
        state.running.retain(|id| *id != child.id());
        state.lane(name).status.clear();
        if status.success() {
            return Ok(());
        }
        let mut failure = Failure::of_program(&sentence_case(name), status);
        if let Some(advice) = state.lane(name).advice {
            failure = failure.next(advice);
        }
        if !state.has_failed {
            state.has_failed = true;
            state.clear_line();
            for line in &state.lane(name).last_words {
                eprintln!("{line}");
            }
            for id in &state.running {
                process::signal(*id, "TERM");
            }
            state.failure = Some(failure);
            return Err(Failure::new(format!("{} failed.", sentence_case(name))));
        }
        Err(failure)
    }

    /// The failure of the program that failed first.
    fn first_failure(&self) -> Option<Failure> {
        self.state().failure.take()
    }

    fn listen(&self, name: &str, is_cargo: bool, advise: Advise, output: impl Read) {
        let mut output = BufReader::new(output);
        let mut line = Vec::new();
        while read_line(&mut output, &mut line) {
            let text = String::from_utf8_lossy(&line).trim_end().to_owned();
            let mut state = self.state();
            let lane = state.lane(name);
            lane.advice = advise(&without_colours(&text)).or(lane.advice);
            if is_cargo {
                match understand(&text) {
                    Heard::Nothing => {}
                    Heard::Status(status) => lane.status = status,
                    Heard::Diagnostic => {
                        state.clear_line();
                        eprintln!("{text}");
                    }
                }
            } else {
                lane.status = without_colours(&text).trim().to_owned();
                lane.last_words.push(text);
                if lane.last_words.len() > LAST_WORDS {
                    lane.last_words.remove(0);
                }
            }
            line.clear();
        }
    }

    fn draw_until_done(&self) {
        let pause = if self.on_terminal {
            REDRAWN_EVERY
        } else {
            A_LINE_EVERY
        };
        let mut state = self.state();
        while !state.done {
            let (next, timeout) = self
                .done
                .wait_timeout(state, pause)
                .unwrap_or_else(PoisonError::into_inner);
            state = next;
            if timeout.timed_out() && !state.done {
                let text = state.text(self.started.elapsed());
                if self.on_terminal {
                    let cut: String = text.chars().take(terminal_width()).collect();
                    eprint!("\r\x1b[2K{cut}");
                    state.line_is_drawn = true;
                } else {
                    eprintln!("{text}");
                }
            }
        }
        state.clear_line();
    }

    fn finish(&self) {
        self.state().done = true;
        self.done.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn lane(&mut self, name: &str) -> &mut Lane {
        let position = self.lanes.iter().position(|lane| lane.name == name);
        let position = position.unwrap_or_else(|| {
            self.lanes.push(Lane {
                name: name.to_owned(),
                ..Lane::default()
            });
            self.lanes.len() - 1
        });
        &mut self.lanes[position]
    }

    /// `the site: 120 of 233 crates · the server: 200 of 415 crates · 1 min 10 s`
    fn text(&self, elapsed: Duration) -> String {
        let mut parts: Vec<String> = self
            .lanes
            .iter()
            .filter(|lane| !lane.status.is_empty())
            .map(|lane| format!("{}: {}", lane.name, lane.status))
            .collect();
        parts.push(console::duration(elapsed));
        format!("    {}", parts.join(" · "))
    }

    fn clear_line(&mut self) {
        if std::mem::take(&mut self.line_is_drawn) {
            eprint!("\r\x1b[2K");
        }
    }
}

/// What a line of cargo is.
#[derive(Debug, PartialEq, Eq)]
enum Heard {
    /// A line that the progress already shows.
    Nothing,
    /// How far it has come.
    Status(String),
    /// Any other line: a warning or an error.
    Diagnostic,
}

/// The words with which cargo begins a line about its own work.
const CARGO_IS_BUSY: &[&str] = &[
    "Adding",
    "Blocking",
    "Building",
    "Checking",
    "Compiling",
    "Documenting",
    "Downloaded",
    "Downloading",
    "Executable",
    "Fetch",
    "Finished",
    "Fresh",
    "Generated",
    "Installing",
    "Locking",
    "Unpacking",
    "Updating",
];

fn understand(line: &str) -> Heard {
    let plain = without_colours(line);
    if plain.trim().is_empty() {
        return Heard::Nothing;
    }
    // Diagnostics have empty lines and indented ones, but none that begins like these.
    let first = plain.split_whitespace().next().unwrap_or_default();
    if !plain.starts_with(" ") || !CARGO_IS_BUSY.contains(&first) {
        return Heard::Diagnostic;
    }
    match first {
        "Building" => count_in(&plain).map_or(Heard::Nothing, Heard::Status),
        "Downloading" | "Downloaded" => Heard::Status("downloading".to_owned()),
        "Updating" | "Fetch" => Heard::Status("reading the registry".to_owned()),
        "Blocking" => Heard::Status("waiting for another cargo".to_owned()),
        _ => Heard::Nothing,
    }
}

/// `12 of 345 crates` from `    Building [==>      ] 12/345: syn, serde`.
fn count_in(line: &str) -> Option<String> {
    let (_, behind) = line.split_once("] ")?;
    let (count, _) = behind.split_once(':').unwrap_or((behind, ""));
    let (done, all) = count.trim().split_once('/')?;
    let (done, all) = (done.parse::<u32>().ok()?, all.parse::<u32>().ok()?);
    Some(format!("{done} of {all} crates"))
}

fn is_cargo(command: &Command) -> bool {
    program_of(command) == "cargo"
}

/// Its name without its folder.
fn program_of(command: &Command) -> String {
    let path = Path::new(command.get_program());
    let name = path.file_name().unwrap_or(path.as_os_str());
    name.to_string_lossy().into_owned()
}

/// Cargo only prints its counts if it believes that there is a terminal.
fn tell_cargo_to_count(command: &mut Command, in_colour: bool) {
    command
        .env("CARGO_TERM_PROGRESS_WHEN", "always")
        .env("CARGO_TERM_PROGRESS_WIDTH", "120")
        .env("CARGO_TERM_QUIET", "false");
    if in_colour && std::env::var_os("CARGO_TERM_COLOR").is_none() {
        command.env("CARGO_TERM_COLOR", "always");
    }
}

/// Lines end with a line feed, and lines of a progress with a carriage return.
fn read_line(input: &mut impl BufRead, line: &mut Vec<u8>) -> bool {
    let mut has_read = false;
    loop {
        let Ok(available) = input.fill_buf() else {
            return has_read;
        };
        if available.is_empty() {
            return has_read;
        }
        has_read = true;
        let end = available
            .iter()
            .position(|byte| matches!(byte, b'\n' | b'\r'));
        let (taken, is_whole) = end.map_or((available.len(), false), |end| (end + 1, true));
        line.extend_from_slice(&available[..taken]);
        input.consume(taken);
        if is_whole {
            return true;
        }
    }
}

fn without_colours(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        if character == '\u{1b}' {
            // `ESC [ … letter`
            for skipped in characters.by_ref() {
                if skipped.is_ascii_alphabetic() {
                    break;
                }
            }
        } else {
            plain.push(character);
        }
    }
    plain
}

fn terminal_width() -> usize {
    std::env::var("COLUMNS")
        .ok()
        .and_then(|columns| columns.parse::<usize>().ok())
        .map_or(79, |columns| columns.saturating_sub(1))
}

/// The name at the beginning of a sentence. A program keeps its name: `npm`, `rustup`.
fn sentence_case(name: &str) -> String {
    name.strip_prefix("the ")
        .map_or_else(|| name.to_owned(), |rest| format!("The {rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cargo_tells_how_many_crates_are_done() {
        let line = "    Building [=====>          ] 12/345: syn, serde(build)   ";
        assert_eq!(
            understand(line),
            Heard::Status("12 of 345 crates".to_owned())
        );
        let coloured = "\u{1b}[1m\u{1b}[36m    Building\u{1b}[0m [=>    ] 3/45: syn";
        assert_eq!(
            understand(coloured),
            Heard::Status("3 of 45 crates".to_owned())
        );
    }

    #[test]
    fn an_error_is_shown_and_a_compiled_crate_is_not() {
        assert_eq!(understand("   Compiling syn v2.0.1"), Heard::Nothing);
        assert_eq!(
            understand(" Downloading 2 crates, remaining bytes: 78.6KiB"),
            Heard::Status("downloading".to_owned())
        );
        assert_eq!(understand("error[E0308]: types"), Heard::Diagnostic);
        assert_eq!(understand("   --> src/main.rs:1:2"), Heard::Diagnostic);
        assert_eq!(understand("12 | let x = 1;"), Heard::Diagnostic);
    }

    #[test]
    fn a_line_ends_at_a_carriage_return_too() {
        let mut input = std::io::Cursor::new(b"one\rtwo\nthree");
        let mut lines = Vec::new();
        let mut line = Vec::new();
        while read_line(&mut input, &mut line) {
            lines.push(String::from_utf8_lossy(&line).trim_end().to_owned());
            line.clear();
        }
        assert_eq!(lines, ["one", "two", "three"]);
    }

    #[test]
    fn the_advice_is_about_the_program_that_has_failed() {
        let shell = |script: &str| {
            let mut shell = Command::new("sh");
            shell.args(["-c", script]);
            shell
        };
        let next = |script: &str| {
            let failure = show(&["the first", "the second"], |board| {
                board.run("the first", &mut shell("echo EAI_AGAIN"))?;
                board.run("the second", &mut shell("echo ENOSPC"))?;
                board.run("the second", &mut shell(script))
            })
            .expect_err("it leaves with 1");
            failure.what_next().map(str::to_owned)
        };
        assert_eq!(next("echo an error; exit 1"), None);
        let advice = next("echo EACCES >&2; exit 1").expect("an advice");
        assert!(advice.contains("chown"), "{advice}");
    }

    #[test]
    fn a_program_that_fails_stops_the_others_and_is_the_failure() {
        let outcome = show(&["the first", "the second"], |board| {
            thread::scope(|scope| {
                let second = scope.spawn(|| {
                    let mut endless = Command::new("sh");
                    endless.args(["-c", "while :; do sleep 1; done"]);
                    board.run("the second", &mut endless)
                });
                // The first one only fails when the second one runs.
                while board.state().running.is_empty() {
                    thread::yield_now();
                }
                let mut failing = Command::new("sh");
                failing.args(["-c", "exit 3"]);
                let first = board.run("the first", &mut failing);
                assert!(second.join().expect("no panic").is_err());
                first
            })
        });
        let failure = outcome.expect_err("the first one left with 3");
        assert!(
            failure
                .to_string()
                .starts_with("The first failed with exit code 3")
        );
    }
}
