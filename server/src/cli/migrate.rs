//! `holdfast migrate`.

use super::database::Database;
use crate::config::DatabaseArgs;

pub(super) async fn run(args: DatabaseArgs) -> anyhow::Result<()> {
    let database = Database::open(&args, false).await?;
    database.migrated_pool(2).await?.close().await;
    println!("The database is up to date.");
    database.release().await
}
