//! The settings of the instances of a fleet.

use std::path::PathBuf;

use holdfast_server::config::MasterSecret;

/// The settings of an instance.
#[derive(Clone)]
pub struct Settings {
    /// Empty for a private Postgres.
    pub database_url: String,
    /// The current master secret.
    pub secret: MasterSecret,
    /// The previous master secrets.
    pub previous: Vec<MasterSecret>,
    /// More variables of the environment.
    pub more: Vec<(&'static str, String)>,
    /// The program of another release, if that has to run.
    pub program: Option<PathBuf>,
}

impl Settings {
    /// Settings for a fleet on this database, with a secret of its own.
    pub fn on(database_url: String) -> Self {
        Self {
            database_url,
            secret: MasterSecret::generate(),
            previous: Vec::new(),
            more: Vec::new(),
            program: None,
        }
    }

    /// The settings as variables of the environment.
    pub(crate) fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = vec![
            ("HOLDFAST_SECRET", self.secret.encode().to_string()),
            ("HOLDFAST_ISSUER", "https://id.example".to_owned()),
            ("HOLDFAST_SHUTDOWN_DELAY", "0s".to_owned()),
        ];
        if !self.database_url.is_empty() {
            variables.push(("DATABASE_URL", self.database_url.clone()));
        }
        if !self.previous.is_empty() {
            let previous = self.previous.iter();
            let previous: Vec<_> = previous.map(|it| it.encode().to_string()).collect();
            variables.push(("HOLDFAST_SECRET_PREVIOUS", previous.join(",")));
        }
        variables.extend(self.more.iter().cloned());
        variables
    }
}
