//! `holdfast migrate`.

use super::which_database::{Database, Migrations, WhenUnreachable};
use crate::config::DatabaseArgs;

pub(super) async fn run(args: DatabaseArgs) -> anyhow::Result<()> {
    let database = Database::of_operator(&args).await?;
    database.must_be_one(WhenUnreachable::GoOn).await?;
    database.tables(Migrations::Apply).await?;
    println!("The database is up to date.");
    database.release().await
}
