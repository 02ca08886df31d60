//! `holdfast database`: what an operator says about the database itself.

use clap::Subcommand;

use super::database::{Database, Migrations};
use crate::config::DatabaseArgs;
use crate::store;

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Say that this database is the right one although it is young: sessions that it has
    /// never heard of are over, and browsers are told so. The servers read it within a second.
    BeginAnew(DatabaseArgs),
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    let Command::BeginAnew(args) = command;
    let database = Database::of_operator(&args).await?;
    let pool = database.pool(2, Migrations::Check).await?;
    let mut connection = pool.acquire().await?;
    store::database::begin_anew(&mut connection).await?;
    connection.release();
    pool.close().await;
    println!("Begun anew. The servers read it within a second.");
    database.release().await
}
