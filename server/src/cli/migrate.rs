//! `holdfast migrate`.

use super::which_database::Database;
use crate::config::DatabaseArgs;
use crate::database_address::{Migrations, WhenUnreachable};

pub(super) async fn run(args: DatabaseArgs) -> anyhow::Result<()> {
    let database = Database::of_operator(&args).await?;
    database.address.must_be_one(WhenUnreachable::GoOn).await?;
    database.address.tables(Migrations::Apply).await?;
    println!("The database is up to date.");
    database.release().await
}
