//! `holdfast account`: what an operator does to an account.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use holdfast_protocol::username::Username;

use super::database::{Database, Migrations};
use crate::accounts;
use crate::clock::Clock;
use crate::config::DatabaseArgs;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Nobody signs in to it any more; its sessions end.
    Disable(Which),
    /// It can be signed in to again.
    Enable(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The account's username.
    username: String,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let (Which { username, database }, disabled) = match command {
        Command::Disable(which) => (which, true),
        Command::Enable(which) => (which, false),
    };
    let username = Username::parse(&username)?;
    let database = Database::of_operator(&database).await?;
    let pool = database.pool(2, Migrations::Check).await?;
    let ended = accounts::set_disabled(&pool, &Clock::system(), &username, disabled)
        .await
        .context("the database could not be asked")?;
    pool.close().await;
    match (ended, disabled) {
        (None, _) => bail!("there is no account named {}", username.as_str()),
        (Some(ended), true) => println!("Disabled. Sessions that ended: {}.", ended.len()),
        (Some(_), false) => println!("Enabled."),
    }
    database.release().await
}
