//! `holdfast database`: an operator's command about the database itself.

use clap::Subcommand;

use super::which_database::Database;
use crate::config::DatabaseArgs;
use crate::database_address::Migrations;
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Declare that this database is the right one although it is new. Browsers with sessions
    /// that it does not know are told that these are over. The servers read this within a
    /// second.
    BeginAnew(DatabaseArgs),
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::BeginAnew(args) = command;
    let database = Database::of_operator(&args).await?;
    let pool = database.address.pool(2, Migrations::Check).await?;
    let mut connection = pool.acquire().await?;
    store::database::begin_anew(&mut connection).await?;
    connection.release();
    pool.close().await;
    println!("The database counts as the right one. The servers read this within a second.");
    database.release().await
}
