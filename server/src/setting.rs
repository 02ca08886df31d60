//! How a setting is named in a sentence that says what to do.
//!
//! An operator of `holdfast serve` sets variables, and an application calls functions of
//! [`Builder`](crate::builder::Builder). So the same sentence names one or the other.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};

/// Whether the settings of this process come from variables: it is the program `holdfast`, or an
/// application that uses [`Holdfast::from_env`](crate::state::Holdfast::from_env). It is set once, before
/// anything starts, and no rule depends on it.
static HAS_VARIABLES: AtomicBool = AtomicBool::new(false);

/// Whether the address of the database comes from a variable, too. An application gives a pool.
static HAS_DATABASE_VARIABLES: AtomicBool = AtomicBool::new(false);

/// From now on, sentences name the variables of the program `holdfast`.
pub(crate) fn name_variables() {
    HAS_DATABASE_VARIABLES.store(true, Ordering::Relaxed);
    name_variables_of_application();
}

/// From now on, sentences name the variables that [`Holdfast::from_env`](crate::state::Holdfast::from_env)
/// reads.
pub(crate) fn name_variables_of_application() {
    HAS_VARIABLES.store(true, Ordering::Relaxed);
}

/// A setting that a sentence names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Setting {
    /// The database.
    Database,
    /// The database, past a pooler.
    DirectDatabase,
    /// The schema of Holdfast's tables.
    Schema,
    /// The current master secret.
    Secret,
    /// The master secrets that are also accepted.
    PreviousSecrets,
    /// The issuers whose access tokens are also accepted.
    PreviousIssuers,
    /// The lifetime of access tokens.
    AccessTokenTtl,
    /// How long a session may stay unused.
    RefreshIdle,
    /// The networks of the proxies.
    TrustedProxies,
    /// The header of the proxies.
    ProxyHeader,
    /// How many connections to the database an instance opens.
    DatabaseConnections,
    /// How many statements write rotations at once.
    RotationLanes,
}

impl Setting {
    /// The variable of `holdfast serve`.
    fn variable(self) -> &'static str {
        match self {
            Self::Database => "DATABASE_URL",
            Self::DirectDatabase => "DATABASE_DIRECT_URL",
            Self::Schema => "HOLDFAST_SCHEMA",
            Self::Secret => "HOLDFAST_SECRET",
            Self::PreviousSecrets => "HOLDFAST_SECRET_PREVIOUS",
            Self::PreviousIssuers => "HOLDFAST_ISSUER_PREVIOUS",
            Self::AccessTokenTtl => "HOLDFAST_ACCESS_TOKEN_TTL",
            Self::RefreshIdle => "HOLDFAST_REFRESH_IDLE",
            Self::TrustedProxies => "HOLDFAST_TRUSTED_PROXIES",
            Self::ProxyHeader => "HOLDFAST_PROXY_HEADER",
            Self::DatabaseConnections => "HOLDFAST_DATABASE_CONNECTIONS",
            Self::RotationLanes => "HOLDFAST_ROTATION_LANES",
        }
    }

    /// The function that an application calls.
    fn function(self) -> &'static str {
        match self {
            Self::Database => "the pool in `Holdfast::builder`",
            Self::DirectDatabase => "`Builder::direct_database`",
            Self::Schema => "`Builder::schema`",
            Self::Secret => "the secret in `Holdfast::builder`",
            Self::PreviousSecrets => "`Builder::previous_secret`",
            Self::PreviousIssuers => "`Builder::previous_issuer`",
            Self::AccessTokenTtl => "`Builder::access_token_ttl`",
            Self::RefreshIdle => "`Builder::refresh_idle`",
            Self::TrustedProxies | Self::ProxyHeader => "`Builder::trusted_proxies`",
            Self::DatabaseConnections => "`Builder::database_connections`",
            Self::RotationLanes => "`Builder::rotation_lanes`",
        }
    }
}

impl fmt::Display for Setting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has_variable = match self {
            Self::Database => &HAS_DATABASE_VARIABLES,
            _ => &HAS_VARIABLES,
        };
        f.write_str(if has_variable.load(Ordering::Relaxed) {
            self.variable()
        } else {
            self.function()
        })
    }
}
