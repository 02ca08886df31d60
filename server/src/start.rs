//! Starts an instance on a database whose tables are right.

use std::sync::Arc;

use zeroize::Zeroizing;

use crate::background::Background;
use crate::clock::Clock;
use crate::config::Config;
use crate::database_facts::DatabaseFacts;
use crate::endings::reader::Reader;
use crate::endings::{self, EndedSessions};
use crate::events::EventQueue;
use crate::hooks::InstalledHooks;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::{self, Limits};
use crate::metrics::Metrics;
use crate::password_hash::PasswordHashes;
use crate::profiles::Profiles;
use crate::secrets_in_use::SecretsInUse;
use crate::setting::Setting;
use crate::state::{Holdfast, Instance};
use crate::stopping::Stopping;
use crate::store::{self, Pool};
use crate::{site_files, sweep};

/// What an instance knows after it has announced itself to its database.
pub(crate) struct Arrived {
    pub(crate) keys: Arc<Keys>,
    pub(crate) facts: DatabaseFacts,
    pub(crate) secrets: SecretsInUse,
}

/// Finds out whether this can be the right database, and writes the fingerprint of the current
/// master secret into it. The current secret is the first one of `secrets`.
///
/// # Errors
/// If the database does not answer, or belongs to a fleet with another master secret.
pub(crate) async fn arrive(
    config: &Config,
    secrets: Vec<Zeroizing<Vec<u8>>>,
    pool: &Pool,
    clock: &Clock,
) -> anyhow::Result<Arrived> {
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
            "The other instances have another issuer, so this one does not become ready. To change the issuer, set {} to the issuer of the others.",
            Setting::PreviousIssuers
        );
    }
    secrets.enter(&mut connection).await?;
    connection.release();
    Ok(Arrived {
        keys,
        facts,
        secrets,
    })
}

/// Makes an instance, and what its work in the background needs. That work starts with [`work`].
///
/// # Errors
/// If the names of the pages' files cannot be read.
pub(crate) fn prepare(
    config: Config,
    pool: Pool,
    lanes: Lanes,
    arrived: Arrived,
    hooks: InstalledHooks,
    clock: Clock,
    database_connections: u32,
) -> anyhow::Result<(Holdfast, Reader)> {
    let Arrived {
        keys,
        facts,
        secrets,
    } = arrived;
    let threads = config.limits.password_threads;
    let leptos = site_files::leptos_options();
    let holdfast = Holdfast::from(Instance {
        limits: Limits::new(config.limits),
        passwords: PasswordHashes::new(config.password_cost, threads),
        ended: EndedSessions::new(config.access_token_ttl),
        profiles: Profiles::default(),
        metrics: Metrics::default(),
        stopping: Stopping::default(),
        background: Background::default(),
        hooks,
        config: Arc::new(config),
        keys,
        database: facts,
        events: EventQueue::start(pool.clone()),
        database_connections,
        site_files: site_files::names(&leptos, site_files::is_watched())?,
        leptos,
        pool: pool.clone(),
        lanes,
        clock,
    });
    let profiles = holdfast.profiles.clone();
    let reader = Reader::new(pool, holdfast.ended.clone(), secrets, profiles);
    Ok((holdfast, reader))
}

/// Starts the work in the background. It goes on until [`Background::stop`].
pub(crate) fn work(holdfast: &Holdfast, reader: Reader) {
    let Instance {
        background,
        ended,
        limits,
        pool,
        ..
    } = &**holdfast;
    background.spawn(endings::reader::run(reader));
    background.spawn(endings::listener::run(pool.clone(), ended.clone()));
    background.spawn(sweep::run(holdfast.clone()));
    let failures = limits.failures().clone();
    background.spawn(limits::failures::run(failures, pool.clone()));
    background.spawn(limits::run(limits.clone()));
}
