//! Finishes a `holdfast keys replace --after-leak` that was interrupted.

use std::path::Path;

use super::which_database::Database;
use crate::database_address::Migrations;
use crate::keys::fingerprint;
use crate::secrets;
use crate::store::{self, Pool};

/// If the database has forbidden the old secret, the new one takes its place in this directory, which
/// is that of the private Postgres. Otherwise the file with the new secret is removed.
///
/// # Errors
/// If the database does not answer, or a file cannot be written.
pub(super) async fn finish_replacing(
    directory: &Path,
    database: &Database,
    no_migrate: bool,
) -> anyhow::Result<()> {
    if secrets::next(directory)?.is_none() {
        return Ok(());
    }
    let migrations = Migrations::unless(no_migrate);
    let pool = database.address.pool(2, migrations).await?;
    let is_forbidden = is_forbidden(directory, &pool).await;
    pool.close().await;
    if is_forbidden? {
        secrets::finish_replacing(directory)?;
        tracing::warn!(
            "An interrupted `holdfast keys replace` was finished: the master secret was replaced."
        );
    } else {
        secrets::give_up_replacing(directory)?;
    }
    Ok(())
}

/// Whether the database has forbidden the old secret.
async fn is_forbidden(directory: &Path, pool: &Pool) -> anyhow::Result<bool> {
    let old = fingerprint(&secrets::beside(directory)?.into_bytes());
    let mut connection = pool.acquire().await?;
    let known = store::secrets::list(&mut connection).await?;
    connection.release();
    Ok(known
        .iter()
        .any(|known| known.is_forbidden && known.fingerprint[..] == old[..]))
}
