//! `holdfast keys`.

use clap::Subcommand;

use crate::config::MasterSecret;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new master secret for HOLDFAST_SECRET.
    NewSecret,
}

pub(super) fn run(command: &Command) -> anyhow::Result<()> {
    match command {
        Command::NewSecret => println!("{}", *MasterSecret::generate().encode()),
    }
    Ok(())
}
