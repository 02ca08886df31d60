//! What a server reads from its database, and writes about itself, before it serves.

use std::path::Path;

use super::doctor;
use crate::clock::Clock;
use crate::config::{Config, ServeArgs};
use crate::keys::fingerprint;
use crate::secrets;
use crate::start::{self, Arrived};
use crate::store::{self, Pool};

/// As [`start::arrive`], with the secrets of the settings. It finishes an interrupted replacement of
/// the secret first, and warns if Postgres has too few connections for these settings.
pub(super) async fn arrive(
    args: &ServeArgs,
    config: &Config,
    private_data: Option<&Path>,
    pool: &Pool,
    clock: &Clock,
) -> anyhow::Result<Arrived> {
    if let Some(directory) = private_data {
        finish_replacing(directory, pool).await?;
    }
    let secrets = secrets::from_args(args, private_data)?;
    let mut connection = pool.acquire().await?;
    let server = store::diagnosis::server(&mut connection).await?;
    connection.release();
    if let Some(sentence) = doctor::too_many_connections(args, &server) {
        tracing::warn!("{sentence}");
    }
    start::arrive(config, secrets, pool, clock).await
}

/// Finishes a `holdfast keys replace --after-leak` that was interrupted. If the database has
/// forbidden the old secret, the new one takes its place. Otherwise the file with the new secret is
/// removed.
async fn finish_replacing(directory: &Path, pool: &Pool) -> anyhow::Result<()> {
    if secrets::next(directory)?.is_none() {
        return Ok(());
    }
    let old = fingerprint(&secrets::beside(directory)?.into_bytes());
    let mut connection = pool.acquire().await?;
    let known = store::secrets::list(&mut connection).await?;
    connection.release();
    let is_forbidden = known
        .iter()
        .any(|known| known.is_forbidden && known.fingerprint[..] == old[..]);
    if is_forbidden {
        secrets::finish_replacing(directory)?;
        tracing::warn!(
            "An interrupted `holdfast keys replace` was finished: the master secret was replaced."
        );
    } else {
        secrets::give_up_replacing(directory)?;
    }
    Ok(())
}
