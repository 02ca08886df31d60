//! The state that every request can use.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;

use crate::clock::Clock;
use crate::config::Config;
use crate::database_facts::DatabaseFacts;
use crate::endings::EndedSessions;
use crate::events::EventQueue;
use crate::keys::Keys;
use crate::lanes::Lanes;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::password_hash::PasswordHashes;
use crate::profiles::Profiles;
use crate::site_files::SiteFiles;
use crate::stopping::Stopping;
use crate::store::Pool;

/// The state of one instance. Clones share it, and cost next to nothing: every request has
/// several.
#[derive(Clone)]
pub struct AppState(Arc<Instance>);

/// What an instance has.
#[derive(Clone)]
pub struct Instance {
    /// The operator's settings.
    pub config: Arc<Config>,
    /// The database.
    pub pool: Pool,
    /// How rotations get to it.
    pub lanes: Lanes,
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
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// The names of these files.
    pub site_files: SiteFiles,
}

impl From<Instance> for AppState {
    fn from(instance: Instance) -> Self {
        Self(Arc::new(instance))
    }
}

impl Deref for AppState {
    type Target = Instance;

    fn deref(&self) -> &Instance {
        &self.0
    }
}

/// The options of the page renderer.
impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
