//! Everything that a person does with this repository besides editing it.
//!
//! `cargo xtask run` and `cargo xtask test` are all that a newcomer needs: on a machine with Rust,
//! Node and a package manager, each sets up what is missing before it does its work. The other
//! commands are parts of those two, or for daily work.
//!
//! This package has no dependencies, so it is built in two seconds. Each file has one idea:
//! [`setup`] finds or installs the tools, [`toolbox`] starts them with the right environment,
//! [`release`] builds, and each command has a file of its own.

#[cfg(not(unix))]
compile_error!("Holdfast is developed on Linux and macOS; on Windows, use WSL.");

mod advice;
mod bench;
mod console;
mod dev;
mod example;
mod failure;
mod files;
mod fingerprint;
#[cfg(test)]
mod lock_file;
mod machine;
mod newcomer;
mod outside;
mod package;
mod pictures;
mod postgres;
mod process;
mod programs;
mod progress;
mod release;
mod run;
mod setup;
mod site;
mod soak;
mod sqlx;
mod template;
mod temporary;
mod test;
mod toolbox;
mod versions;
mod workspace;

use std::process::ExitCode;

use failure::{Failure, Outcome};

/// A command: its name, one line about it, its help, and its function.
struct Command {
    name: &'static str,
    summary: &'static str,
    help: &'static str,
    run: fn(&[String]) -> Outcome,
}

/// All commands, in the order in which a newcomer needs them. A new command is a module and a line
/// here.
const COMMANDS: &[Command] = &[
    Command {
        name: "run",
        summary: run::SUMMARY,
        help: run::HELP,
        run: run::run,
    },
    Command {
        name: "test",
        summary: test::SUMMARY,
        help: test::HELP,
        run: test::run,
    },
    Command {
        name: "dev",
        summary: dev::SUMMARY,
        help: dev::HELP,
        run: dev::run,
    },
    Command {
        name: "bench",
        summary: bench::SUMMARY,
        help: bench::HELP,
        run: bench::run,
    },
    Command {
        name: "soak",
        summary: soak::SUMMARY,
        help: soak::HELP,
        run: soak::run,
    },
    Command {
        name: "pictures",
        summary: pictures::SUMMARY,
        help: pictures::HELP,
        run: pictures::run,
    },
    Command {
        name: "newcomer",
        summary: newcomer::SUMMARY,
        help: newcomer::HELP,
        run: newcomer::run,
    },
    Command {
        name: "setup",
        summary: setup::SUMMARY,
        help: setup::HELP,
        run: setup::run,
    },
    Command {
        name: "sqlx",
        summary: sqlx::SUMMARY,
        help: sqlx::HELP,
        run: sqlx::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn dispatch(arguments: &[String]) -> Outcome {
    let Some((name, rest)) = arguments.split_first() else {
        return Err(Failure::usage(format!("Say what to do.\n\n{}", overview())));
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        return match rest.first() {
            Some(name) => print_help(find(name)?),
            None => {
                println!("{}", overview());
                Ok(())
            }
        };
    }

    let command = find(name)?;
    if asks_for_help(rest) {
        return print_help(command);
    }
    (command.run)(rest)
}

/// Arguments after `--` belong to the program that is started, also its `--help`.
fn asks_for_help(arguments: &[String]) -> bool {
    arguments
        .iter()
        .take_while(|argument| *argument != "--")
        .any(|argument| argument == "--help" || argument == "-h")
}

fn find(name: &str) -> Outcome<&'static Command> {
    COMMANDS
        .iter()
        .find(|command| command.name == name)
        .ok_or_else(|| Failure::usage(format!("There is no command `{name}`.\n\n{}", overview())))
}

fn print_help(command: &Command) -> Outcome {
    println!("{}", command.help.trim());
    Ok(())
}

fn overview() -> String {
    let mut text = String::from("Usage: cargo xtask <command>\n");
    for command in COMMANDS {
        text.push_str(&format!("\n  {:<8} {}", command.name, command.summary));
    }
    text.push_str("\n\n`cargo xtask <command> --help` tells more about one of them.");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn help_behind_two_dashes_belongs_to_the_started_program() {
        assert!(asks_for_help(&words("--help")));
        assert!(asks_for_help(&words("lint -h")));
        assert!(!asks_for_help(&words("-- --help")));
    }

    #[test]
    fn an_unknown_command_names_the_known_ones() {
        let failure = dispatch(&words("tset")).expect_err("there is no such command");
        assert!(failure.to_string().contains("`tset`"));
        assert!(failure.to_string().contains("cargo xtask <command>"));
    }

    #[test]
    fn every_help_text_begins_with_its_usage() {
        for command in COMMANDS {
            let usage = format!("Usage: cargo xtask {}", command.name);
            assert!(command.help.trim().starts_with(&usage), "{}", command.name);
        }
    }
}
