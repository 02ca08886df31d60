//! The commands of `holdfast`.

mod account;
mod database;
mod doctor;
mod findings;
mod keys;
mod migrate;
mod postgres;
mod replacing;
mod right_database;
mod serve;
mod which_database;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::config::{DatabaseArgs, ServeArgs};
use crate::setting;

/// Sign in once and stay signed in. A stolen token does not live.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server (also without a command).
    Serve(Box<ServeArgs>),
    /// Migrate the database to this version.
    Migrate(DatabaseArgs),
    /// Disable, enable or unlock an account.
    #[command(subcommand)]
    Account(account::Command),
    /// Make a master secret, or replace one that leaked.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Check the settings and the database, and say what to change.
    Doctor(Box<ServeArgs>),
    /// Declare that a new database is the right one.
    #[command(subcommand)]
    Database(database::Command),
    /// Start or stop the private Postgres by hand.
    #[command(subcommand)]
    Postgres(postgres::Command),
}

/// Runs the command and says in one sentence what went wrong.
pub fn run(args: Vec<OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(with_default_command(args)) {
        Ok(cli) => cli,
        Err(error) => error.exit(),
    };
    setting::name_variables();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            runtime.block_on(async {
                match cli.command {
                    Command::Serve(args) => serve::run(*args).await,
                    Command::Migrate(args) => migrate::run(args).await,
                    Command::Account(command) => account::run(command).await,
                    Command::Keys(command) => keys::run(command).await,
                    Command::Doctor(args) => doctor::run(*args).await,
                    Command::Database(command) => database::run(command).await,
                    Command::Postgres(command) => postgres::run(command).await,
                }
            })
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("holdfast: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// `holdfast` and `holdfast --listen …` mean `holdfast serve …`.
fn with_default_command(mut args: Vec<OsString>) -> Vec<OsString> {
    let is_ours = |arg: &OsString| {
        ["-h", "--help", "-V", "--version"]
            .iter()
            .any(|own| arg == own)
    };
    let names_no_command = args
        .get(1)
        .is_none_or(|arg| arg.to_string_lossy().starts_with('-') && !is_ours(arg));
    if names_no_command {
        args.insert(1.min(args.len()), "serve".into());
    }
    args
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command(args: &[&str]) -> Vec<String> {
        let args = with_default_command(args.iter().map(OsString::from).collect());
        args.into_iter()
            .map(|arg| arg.into_string().unwrap())
            .collect()
    }

    #[test]
    fn without_a_command_it_serves() {
        assert_eq!(command(&["holdfast"]), ["holdfast", "serve"]);
        let listen = ["holdfast", "--listen", "[::1]:80"];
        assert_eq!(command(&listen)[1], "serve");
        assert_eq!(command(&["holdfast", "--help"]), ["holdfast", "--help"]);
        assert_eq!(command(&["holdfast", "migrate"]), ["holdfast", "migrate"]);
    }
}
