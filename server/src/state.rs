//! The state that every request can use: [`Holdfast`].

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;
use tokio::time::timeout;

use crate::background::Background;
use crate::clock::Clock;
use crate::config::Config;
use crate::database_facts::DatabaseFacts;
use crate::endings::EndedSessions;
use crate::events::EventQueue;
use crate::hooks::InstalledHooks;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::password_hash::PasswordHashes;
use crate::profiles::Profiles;
use crate::site_files::SiteFiles;
use crate::stopping::Stopping;
use crate::store::Pool;

/// One instance of Holdfast. Clones share it, and cost next to nothing: every request has
/// several.
///
/// An application gets one from [`Holdfast::builder`], and keeps it in its own state.
#[derive(Clone)]
pub struct Holdfast(Arc<Instance>);

/// What an instance has.
#[derive(Clone)]
pub struct Instance {
    /// The operator's settings.
    pub config: Arc<Config>,
    /// The database.
    pub pool: Pool,
    /// How rotations get to it.
    pub lanes: Lanes,
    /// How many connections to it there may be.
    pub database_connections: u32,
    /// Every key, derived from the master secret.
    pub keys: Arc<Keys>,
    /// The server's only clock.
    pub clock: Clock,
    /// How often a client may try.
    pub limits: Limits,
    /// The password hasher.
    pub passwords: PasswordHashes,
    /// Which sessions ended lately.
    pub ended: EndedSessions,
    /// Whether the database can be the right one.
    pub database: DatabaseFacts,
    /// Events that the server writes after it has answered.
    pub events: EventQueue,
    /// The profiles of the accounts that were used lately.
    pub profiles: Profiles,
    /// The counters for the operator.
    pub metrics: Metrics,
    /// Whether this instance was told to stop.
    pub stopping: Stopping,
    /// What the application does when an account is opened or deleted, and what it adds to access
    /// tokens.
    pub hooks: InstalledHooks,
    /// The tasks that go on while the instance runs.
    pub background: Background,
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// The names of these files.
    pub site_files: SiteFiles,
}

impl From<Instance> for Holdfast {
    fn from(instance: Instance) -> Self {
        Self(Arc::new(instance))
    }
}

impl Holdfast {
    /// Writes the failures and events that wait, stops the work in the background, and closes the
    /// connections to the database.
    pub(crate) async fn release(&self) {
        /// How long each part may take. The database may not answer.
        const PATIENCE: Duration = Duration::from_secs(2);
        let _ = timeout(PATIENCE, self.limits.failures().written()).await;
        self.background.stop().await;
        let _ = timeout(PATIENCE, self.events.written()).await;
        let closing = async { tokio::join!(self.pool.close(), self.lanes.close()) };
        let _ = timeout(PATIENCE, closing).await;
    }
}

/// Only the issuer: the rest is of no use in a log, and some of it is secret.
impl fmt::Debug for Holdfast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holdfast")
            .field("issuer", &self.config.issuer)
            .finish_non_exhaustive()
    }
}

impl Deref for Holdfast {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// The options of the page renderer.
impl FromRef<Holdfast> for LeptosOptions {
    fn from_ref(state: &Holdfast) -> Self {
        state.leptos.clone()
    }
}
