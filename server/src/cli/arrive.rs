//! What a server reads from its database, and writes about itself, before it serves.

use std::path::Path;
use std::sync::Arc;

use super::doctor;
use crate::clock::Clock;
use crate::config::{Config, ServeArgs};
use crate::database_facts::DatabaseFacts;
use crate::keys::{Keys, fingerprint};
use crate::secrets;
use crate::secrets_in_use::SecretsInUse;
use crate::store::{self, Pool};

/// The result for a server that may serve.
pub(super) struct Arrived {
    pub(super) keys: Arc<Keys>,
    pub(super) facts: DatabaseFacts,
    pub(super) secrets: SecretsInUse,
}

/// Finds out whether this can be the right database, and writes the fingerprint of the master
/// secret into it.
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
    let keys = Arc::new(Keys::new(secrets, clock.now()));
    let mut connection = pool.acquire().await?;
    let stored = store::database::lookup(&mut connection).await?;
    let facts = DatabaseFacts::new(stored, &config.instance_facts(), clock.clone())?;
    let secrets = SecretsInUse::new(Arc::clone(&keys), clock.clone(), config, facts.clone());
    if let Some(other) = facts.other_issuer() {
        let issuer = &config.issuer;
        tracing::error!(
            issuer,
            other,
            "The other instances have another issuer, so this one does not become ready. To change the issuer, set HOLDFAST_ISSUER_PREVIOUS to the issuer of the others."
        );
    }
    let server = store::diagnosis::server(&mut connection).await?;
    if let Some(sentence) = doctor::too_many_connections(args, &server) {
        tracing::warn!("{sentence}");
    }
    secrets.enter(&mut connection).await?;
    connection.release();
    Ok(Arrived {
        keys,
        facts,
        secrets,
    })
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
