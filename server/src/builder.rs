//! Starts Holdfast inside an application: settings are values, and there are no flags and no pages.
//!
//! ```no_run
//! use axum::Router;
//! use axum::extract::FromRef;
//! use axum::routing::get;
//! use holdfast_server::http::CurrentAccount;
//! use holdfast_server::state::Holdfast;
//!
//! #[derive(Clone, FromRef)]
//! struct AppState {
//!     holdfast: Holdfast,
//!     pool: sqlx::PgPool,
//! }
//!
//! /// Only for a signed-in person, because `CurrentAccount` is in the signature.
//! async fn greet(current: CurrentAccount) -> String {
//!     format!("Hello, {}.", current.account_id)
//! }
//!
//! # async fn example(pool: sqlx::PgPool) -> anyhow::Result<()> {
//! let secret = std::env::var("HOLDFAST_SECRET")?.parse().map_err(anyhow::Error::msg)?;
//! let holdfast = Holdfast::builder(&pool, secret)
//!     .issuer("https://notes.example")
//!     .start()
//!     .await?;
//! let routes = Router::new().route("/greet", get(greet));
//! let app = Router::new()
//!     .merge(holdfast.routes())
//!     .merge(holdfast.protect(routes))
//!     .with_state(AppState { holdfast, pool });
//! # let _ = app;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use anyhow::Context as _;
use axum::Router;
use axum::http::HeaderName;
use ipnet::IpNet;
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgPool};

use crate::additions::Lend;
use crate::client_address::Proxies;
use crate::clock::Clock;
use crate::config::{self, Config, MasterSecret};
use crate::lanes::{Lanes, RotationCommit};
use crate::state::Holdfast;
use crate::store::{self, MIGRATOR};
use crate::{api, server_functions, start, with_layers};

/// The settings of an instance inside an application. Each has the default of `holdfast serve`.
#[derive(Clone, Debug)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    database: PgConnectOptions,
    secrets: Vec<MasterSecret>,
    config: Config,
    connections: u32,
    lanes: u32,
    migrates: bool,
}

impl Holdfast {
    /// An instance for the database of this pool. Holdfast opens connections of its own, because
    /// they need settings that an application's connections do not have.
    ///
    /// Every instance on a database needs the same master secret. `holdfast keys new-secret` makes
    /// one.
    pub fn builder(pool: &PgPool, secret: MasterSecret) -> Builder {
        Builder {
            database: pool.connect_options().as_ref().clone(),
            secrets: vec![secret],
            config: Config::default(),
            connections: config::DATABASE_CONNECTIONS,
            lanes: config::ROTATION_LANES,
            migrates: true,
        }
    }

    /// The API of Holdfast below `/api/v1`, `/oauth`, `/.well-known`, `/healthz` and `/readyz`, for
    /// a router of any state.
    pub fn routes<S: Clone + Send + Sync + 'static>(&self) -> Router<S> {
        api(self).with_state(self.clone())
    }

    /// Every server function that is compiled into the program, behind the check of the access
    /// token. `lend` runs before each of them and calls `provide_context`. The functions whose
    /// addresses are in `public` need no access token.
    ///
    /// The routes of the application's pages must leave the server functions out
    /// (`generate_route_list_with_exclusions`). Otherwise two routes have the same address.
    ///
    /// # Panics
    /// If a function that is listed as public does not exist.
    pub fn server_functions<S: Clone + Send + Sync + 'static>(
        &self,
        lend: Option<Lend>,
        public: &[&'static str],
    ) -> Router<S> {
        let functions = server_functions::server_functions(self, public, |_| {}, lend);
        with_layers(self, functions).with_state(self.clone())
    }

    /// Puts routes of the application behind the layers of Holdfast's own routes. An `ApiError` of
    /// these routes is then logged, and it is answered in the form that the client understands. So
    /// every route with `CurrentAccount` needs these layers.
    pub fn protect<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        with_layers(self, routes)
    }

    /// Stops the instance: waits for work that goes on after its client has gone, stops the tasks
    /// that go on in the background, and closes the connections to the database. Call it after the
    /// application has answered its last request.
    pub async fn stop(&self) {
        /// How long each part may take. The database may not answer.
        const PATIENCE: Duration = Duration::from_secs(2);
        self.stopping.tell();
        self.stopping.finished().await;
        self.background.stop().await;
        let _ = tokio::time::timeout(PATIENCE, self.events.written()).await;
        let closing = async { tokio::join!(self.pool.close(), self.lanes.close()) };
        let _ = tokio::time::timeout(PATIENCE, closing).await;
    }
}

impl Builder {
    /// The address at which browsers reach the application: the issuer and the audience of access
    /// tokens, the same on every instance. It must be https, except for an address of this machine.
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.config.issuer = url.into();
        self
    }

    /// An issuer that the application had before. Its access tokens are accepted.
    pub fn previous_issuer(mut self, url: impl Into<String>) -> Self {
        self.config.issuer_previous.push(url.into());
        self
    }

    /// A master secret that is also accepted.
    pub fn previous_secret(mut self, secret: MasterSecret) -> Self {
        self.secrets.push(secret);
        self
    }

    /// How long an access token is valid: whole seconds, from 1 second to 1 hour.
    pub fn access_token_ttl(mut self, ttl: Duration) -> Self {
        self.config.access_token_ttl = ttl;
        self
    }

    /// How long a session lives at most.
    pub fn refresh_token_ttl(mut self, ttl: Duration) -> Self {
        self.config.refresh_token_ttl = ttl;
        self
    }

    /// How long a session may stay unused.
    pub fn refresh_idle(mut self, idle: Duration) -> Self {
        self.config.refresh_idle = idle;
        self
    }

    /// How long a session lives if the person did not choose to stay signed in.
    pub fn session_ttl_short(mut self, ttl: Duration) -> Self {
        self.config.session_ttl_short = ttl;
        self
    }

    /// How many sessions an account may have, from 1 to 10,000. One more ends the least recently
    /// used one.
    pub fn sessions_per_account(mut self, most: u32) -> Self {
        self.config.sessions_per_account = most;
        self
    }

    /// The networks of the proxies in front of the application, and the one header into which they
    /// write the client's address. Without this, the address of the connection counts.
    pub fn trusted_proxies(mut self, networks: Vec<IpNet>, header: HeaderName) -> Self {
        self.config.proxies = Proxies::new(networks, header);
        self
    }

    /// How many connections to the database this instance opens, from 2 to 1,000. The rotations
    /// have 4 more.
    pub fn database_connections(mut self, most: u32) -> Self {
        self.connections = most;
        self
    }

    /// Never migrate the tables, and start only if they are already at this version.
    pub fn without_migrations(mut self) -> Self {
        self.migrates = false;
        self
    }

    /// Checks the settings, migrates the tables and starts the work in the background.
    ///
    /// # Errors
    /// One sentence: about a setting with a wrong value, a database that does not answer or whose
    /// tables are not at this version, or a database of a fleet with another master secret.
    pub async fn start(self) -> anyhow::Result<Holdfast> {
        let config = self.config.checked(self.connections)?;
        let clock = Clock::system();
        let pool = store::pool(self.database.clone(), self.connections);
        if self.migrates {
            let mut connection = store::connect_for_migrations(self.database).await?;
            let migrated = MIGRATOR.run(&mut connection).await;
            // The advisory lock ends with the connection.
            let _ = connection.close().await;
            migrated.context("the tables could not be brought up to date")?;
        } else {
            let mut connection = pool.acquire().await?;
            let is_migrated = store::is_migrated(&mut connection).await?;
            connection.release();
            anyhow::ensure!(
                is_migrated,
                "The tables of Holdfast are not at this version. Migrate them with `holdfast migrate`, or leave out `without_migrations`."
            );
        }
        let secrets = self.secrets.into_iter().map(MasterSecret::into_bytes);
        let arrived = start::arrive(&config, secrets.collect(), &pool, &clock).await?;
        let lanes = Lanes::new(pool.clone(), self.lanes, RotationCommit::Synchronous);
        Ok(start::start(config, pool, lanes, arrived, clock)?.holdfast)
    }
}
