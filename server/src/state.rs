//! What every request can reach.

use std::sync::Arc;

use axum::extract::FromRef;
use leptos::config::LeptosOptions;

use crate::clock::Clock;
use crate::config::Config;
use crate::database_facts::DatabaseFacts;
use crate::endings::EndedSessions;
use crate::events::EventQueue;
use crate::keys::Keys;
use crate::limits::Limits;
use crate::metrics::Metrics;
use crate::password_hash::PasswordHashes;
use crate::profiles::Profiles;
use crate::site_files::SiteFiles;
use crate::stopping::Stopping;
use crate::store::Pool;

/// The state of one instance. Clones share it.
#[derive(Clone)]
pub struct AppState {
    /// What the operator wants.
    pub config: Arc<Config>,
    /// The database.
    pub pool: Pool,
    /// Every key, derived from the master secret.
    pub keys: Arc<Keys>,
    /// The one clock.
    pub clock: Clock,
    /// Who may try how often.
    pub limits: Limits,
    /// The password hasher.
    pub passwords: PasswordHashes,
    /// Which sessions ended lately.
    pub ended: EndedSessions,
    /// Whether the database can be the right one.
    pub database: DatabaseFacts,
    /// Events that no answer waits for.
    pub events: EventQueue,
    /// Who the accounts are that asked lately.
    pub profiles: Profiles,
    /// What an operator can count.
    pub metrics: Metrics,
    /// Whether this instance was told to stop.
    pub stopping: Stopping,
    /// Where the pages' files are.
    pub leptos: LeptosOptions,
    /// What they are called.
    pub site_files: SiteFiles,
}

/// What the page renderer asks for.
impl FromRef<AppState> for LeptosOptions {
    fn from_ref(state: &AppState) -> Self {
        state.leptos.clone()
    }
}
