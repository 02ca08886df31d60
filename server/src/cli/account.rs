//! `holdfast account`: what an operator does to an account.

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use holdfast_protocol::username::Username;

use super::which_database::{Database, Migrations};
use crate::accounts;
use crate::clock::Clock;
use crate::config::DatabaseArgs;
use crate::error::ApiError;
use crate::store::Pool;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// End the sessions of an account and refuse its sign-ins.
    Disable(Which),
    /// Allow sign-ins to an account again.
    Enable(Which),
    /// Reset the count of failed sign-ins, so that the person can sign in.
    Unlock(Which),
}

#[derive(Debug, Args)]
pub(super) struct Which {
    /// The account's username.
    username: String,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let (Command::Disable(which) | Command::Enable(which) | Command::Unlock(which)) = &command;
    let username = Username::parse(&which.username)?;
    let database = Database::of_operator(&which.database).await?;
    let pool = database.pool(2, Migrations::Check).await?;
    let done = act(&command, &pool, &username)
        .await
        .context("the database could not be queried")?;
    pool.close().await;
    match done {
        Some(said) => println!("{said}"),
        None => bail!("there is no account named {}", username.as_str()),
    }
    database.release().await
}

/// Does it, and returns a sentence about it. `None` if there is no such account.
async fn act(
    command: &Command,
    pool: &Pool,
    username: &Username,
) -> Result<Option<String>, ApiError> {
    let clock = Clock::system();
    Ok(match command {
        Command::Disable(_) => accounts::disable(pool, &clock, username)
            .await?
            .map(|ended| format!("Disabled. Sessions that ended: {ended}.")),
        Command::Enable(_) => accounts::enable(pool, &clock, username)
            .await?
            .then(|| "Enabled.".to_owned()),
        Command::Unlock(_) => accounts::forgive_failures(pool, &clock, username)
            .await?
            .then(|| "Unlocked. The failed sign-ins up to now do not count any more.".to_owned()),
    })
}
