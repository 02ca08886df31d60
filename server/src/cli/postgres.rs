//! `holdfast postgres`: starts and stops the private Postgres by hand, for development.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use holdfast_local_postgres::Options;

use crate::private_postgres;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Start it, leave it running and print its DATABASE_URL.
    Start(PlaceArgs),
    /// Stop it, unless a server uses it.
    Stop(PlaceArgs),
}

#[derive(Debug, Args)]
pub(super) struct PlaceArgs {
    /// The directory of the private Postgres and its secret.
    #[arg(
        long,
        env = "HOLDFAST_DATA_DIR",
        default_value = ".holdfast",
        value_name = "DIRECTORY"
    )]
    data_dir: PathBuf,
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Start(PlaceArgs { data_dir }) => {
            let options = Options {
                keep_running: true,
                ..private_postgres::options(&data_dir)
            };
            let postgres = private_postgres::start(options).await?;
            println!("{}", postgres.database_url());
            postgres.release().await?;
        }
        Command::Stop(PlaceArgs { data_dir }) => {
            if private_postgres::stop(&data_dir).await? {
                println!("The private Postgres was stopped.");
            } else {
                println!("No private Postgres was stopped: none runs, or a server uses it.");
            }
        }
    }
    Ok(())
}
