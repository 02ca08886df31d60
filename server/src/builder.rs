//! Starts Holdfast inside an application: settings are values, and there are no flags and no pages.
//!
//! ```no_run
//! use axum::Router;
//! use axum::extract::FromRef;
//! use axum::routing::get;
//! use holdfast_server::http::CurrentAccount;
//! use holdfast_server::state::Holdfast;
//!
//! #[derive(Clone)]
//! struct AppState {
//!     holdfast: Holdfast,
//!     pool: sqlx::PgPool,
//! }
//!
//! impl FromRef<AppState> for Holdfast {
//!     fn from_ref(state: &AppState) -> Self {
//!         state.holdfast.clone()
//!     }
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
//! let app: Router = Router::new()
//!     .merge(holdfast.routes())
//!     .merge(holdfast.with_layers(routes))
//!     .with_state(AppState { holdfast, pool });
//! // Limits by address need the addresses of clients.
//! let service = app.into_make_service_with_connect_info::<std::net::SocketAddr>();
//! # let _ = service;
//! # Ok(())
//! # }
//! ```

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use axum::Router;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::http::HeaderName;
use clap::{CommandFactory as _, Parser};
use ipnet::IpNet;
use sqlx::postgres::{PgConnectOptions, PgPool};
use tokio::time::timeout;
use zeroize::Zeroizing;

use crate::additions::Lend;
use crate::client_address::Proxies;
use crate::clock::Clock;
use crate::config::{self, Config, MasterSecret, ServeArgs};
use crate::connections_wanted::{connections_wanted, too_many};
use crate::database_address::{DatabaseAddress, Migrations, WhenRefused, WhenUnreachable};
use crate::endings::reader::Reader;
use crate::hooks::{Hooks, InstalledHooks, OnOpened};
use crate::http::answer_errors::LONGEST_WORK;
use crate::keys::shown;
use crate::lanes::Lanes;
pub use crate::lanes::RotationCommit;
use crate::setting::Setting;
use crate::state::Holdfast;
pub use crate::store::schema::Schema;
use crate::store::{self, Pool};
use crate::{api, secrets, server_functions, setting, start, with_layers};

/// The settings of an instance inside an application. Each except the issuer has the default of
/// `holdfast serve`.
#[derive(Clone)]
#[must_use = "nothing starts before `start`"]
pub struct Builder {
    database: PgConnectOptions,
    direct_database: Option<PgConnectOptions>,
    secrets: Vec<Zeroizing<Vec<u8>>>,
    issuer: Option<String>,
    config: Config,
    connections: u32,
    lanes: u32,
    commit: RotationCommit,
    schema: Schema,
    no_migrate: bool,
    hooks: InstalledHooks,
    /// Whether the application has set its hooks more than once.
    has_hooks_twice: bool,
}

/// Without the options of the database, which have a password.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("issuer", &self.issuer)
            .field("config", &self.config)
            .finish_non_exhaustive()
    }
}

impl Holdfast {
    /// An instance for the database to which this pool connects now. Holdfast opens connections of
    /// its own, because they need settings that an application's connections do not have.
    ///
    /// The tables of Holdfast have a schema of their own, with a table of migrations of their own. So
    /// they may be in the database of the application, and a table of the application may refer to
    /// `holdfast.accounts (account_id)`.
    ///
    /// Every instance on a database needs the same master secret. `holdfast keys new-secret` makes
    /// one.
    pub fn builder(pool: &PgPool, secret: MasterSecret) -> Builder {
        Builder {
            database: pool.connect_options().as_ref().clone(),
            direct_database: None,
            secrets: vec![secret.into_bytes()],
            issuer: None,
            config: Config::default(),
            connections: config::DATABASE_CONNECTIONS,
            lanes: config::ROTATION_LANES,
            commit: RotationCommit::Synchronous,
            schema: Schema::default(),
            no_migrate: false,
            hooks: InstalledHooks::default(),
            has_hooks_twice: false,
        }
    }

    /// An instance whose settings come from the environment: the variables of `holdfast serve`, for
    /// example `HOLDFAST_SECRET`, `HOLDFAST_ISSUER` and `HOLDFAST_ACCESS_TOKEN_TTL`. `DATABASE_URL` and
    /// the variables about addresses, connections of clients, stopping and the log have no effect,
    /// because the application decides about these. If the pool leads to a pooler, such as PgBouncer,
    /// `DATABASE_DIRECT_URL` is the address of Postgres itself.
    ///
    /// Set `HOLDFAST_ISSUER` to the https address of the application before the first start in
    /// production: it is written to the database, and a change needs `HOLDFAST_ISSUER_PREVIOUS`.
    ///
    /// # Errors
    /// One sentence about a variable that is wrong, or a secret that is missing.
    pub fn from_env(pool: &PgPool) -> anyhow::Result<Builder> {
        let FromEnvironment { args } = FromEnvironment::try_parse_from([""]).map_err(in_short)?;
        Self::from_args(pool.connect_options().as_ref().clone(), &args)
    }

    /// An instance whose settings come from the flags and variables of `holdfast serve`, for an
    /// application that has these flags, too (`#[command(flatten)]`). `database` is the address of the
    /// database; [`DatabaseArgs::address`](config::DatabaseArgs::address) reads it from the settings. The
    /// settings about addresses, connections of clients, stopping and the log have no effect on the
    /// instance. The application uses them itself, for example `args.listen` and
    /// [`ServeArgs::connection_limits`].
    ///
    /// # Errors
    /// One sentence about a setting that is wrong, or a secret that is missing.
    pub fn from_args(database: PgConnectOptions, args: &ServeArgs) -> anyhow::Result<Builder> {
        setting::name_variables_of_application();
        let config = Config::new(args)?;
        Ok(Builder {
            database,
            direct_database: args.database.direct_address()?,
            secrets: secrets::from_args(args)?,
            issuer: Some(config.issuer.clone()),
            config,
            connections: args.database_connections,
            lanes: args.rotation_lanes,
            commit: args.rotation_commit,
            schema: args.database.schema.clone(),
            no_migrate: args.no_migrate,
            hooks: InstalledHooks::default(),
            has_hooks_twice: false,
        })
    }

    /// The application's router for `axum::serve`, with the addresses of clients: the same as
    /// `into_make_service_with_connect_info::<SocketAddr>()`. Without the addresses, the limits by
    /// address do not work.
    pub fn make_service(
        &self,
        application: Router,
    ) -> IntoMakeServiceWithConnectInfo<Router, SocketAddr> {
        application.into_make_service_with_connect_info()
    }

    /// The API of Holdfast below `/api/v1`, `/oauth`, `/.well-known`, `/healthz` and `/readyz`, for
    /// a router of any state. `holdfast serve` answers the document that describes these addresses at
    /// `/openapi.json`. This address is not here, so the application may have a document of its own there.
    ///
    /// The application may have routes of its own below `/api/v1`. An address there that neither has
    /// is answered with problem JSON (404, `not_found`), and not by the application's fallback.
    ///
    /// If a route of the application overlaps with one of these, axum panics when the routers are
    /// merged. The panic is ``Overlapping method route. Handler for `POST /api/v1/login` already
    /// exists`` for one address, and it names `/api/v1/{*address_of_holdfast}` if the application has
    /// a parameter there, as in `/api/v1/{tenant}`. Then put Holdfast's routes below a path of their
    /// own: `.nest("/auth", holdfast.routes())`, and the client's `Config::api_base` is `/auth`.
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
    /// every route with `CurrentAccount` needs these layers. They do not protect a route that has no
    /// `CurrentAccount`. A request may take 18 seconds, and a body has at most
    /// [`MAX_BODY`](holdfast_protocol::wire::MAX_BODY) bytes unless a route sets another
    /// `DefaultBodyLimit`.
    pub fn with_layers<S: Clone + Send + Sync + 'static>(&self, routes: Router<S>) -> Router<S> {
        with_layers(self, routes)
    }

    /// The master secret as an operator sees it in the log: the first bytes of a hash. It is the same on
    /// every instance with this secret.
    pub fn secret_fingerprint(&self) -> String {
        shown(self.keys.fingerprint())
    }

    /// Notes that the application will stop. `/readyz` answers 503 from now on, so that balancers
    /// send no new requests, but every request that comes is answered.
    pub fn stops_soon(&self) {
        self.stopping.tell();
    }

    /// Stops the instance: waits for work that goes on after its client has gone, stops the tasks
    /// in the background, and closes the connections to the database. Call it after the application
    /// has answered its last request; [`Holdfast::serve`] does so. If it is not called, the tasks go on
    /// as long as the runtime.
    pub async fn stop(&self) {
        self.stopping.tell();
        let _ = timeout(LONGEST_WORK, self.stopping.finished()).await;
        self.release().await;
    }
}

/// The settings of `holdfast serve`, without flags.
#[derive(Parser)]
struct FromEnvironment {
    #[command(flatten)]
    args: ServeArgs,
}

/// The first line of clap's message, with the variable in place of the flag. The other lines tell how
/// to use the flags.
fn in_short(error: clap::Error) -> anyhow::Error {
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    let mut line = line.trim_start_matches("error: ").to_owned();
    for argument in FromEnvironment::command().get_arguments() {
        if let (Some(flag), Some(variable)) = (argument.get_long(), argument.get_env()) {
            for end in ["'", " "] {
                let variable = format!("{}{end}", variable.to_string_lossy());
                line = line.replace(&format!("--{flag}{end}"), &variable);
            }
        }
    }
    anyhow!("{line}")
}

impl Builder {
    /// The address at which browsers reach the application: the issuer and the audience of access
    /// tokens, the same on every instance. It must be https, except for an address of this machine.
    pub fn issuer(mut self, url: impl Into<String>) -> Self {
        self.issuer = Some(url.into());
        self
    }

    /// An issuer that the application had before. Its access tokens are accepted.
    pub fn previous_issuer(mut self, url: impl Into<String>) -> Self {
        self.config.issuer_previous.push(url.into());
        self
    }

    /// A master secret that is also accepted.
    pub fn previous_secret(mut self, secret: MasterSecret) -> Self {
        self.secrets.push(secret.into_bytes());
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

    /// How long the activity of accounts is kept.
    pub fn activity_kept(mut self, kept: Duration) -> Self {
        self.config.activity_kept = kept;
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

    /// The same database without a pooler. Set it if the pool leads to a pooler, such as PgBouncer, in
    /// transaction mode: migrations, notifications and the reads of every second do not work through
    /// it. The role needs the schema of Holdfast in its `search_path`, because a pooler passes on no
    /// settings. If this is the address of the pool, it has no effect.
    pub fn direct_database(mut self, address: PgConnectOptions) -> Self {
        self.direct_database = Some(address);
        self
    }

    /// How many statements write rotations at once, from 1 to 64. Each has a connection to the database
    /// of its own, in addition to [`Builder::database_connections`]. Behind a pooler there are no lanes.
    pub fn rotation_lanes(mut self, lanes: u32) -> Self {
        self.lanes = lanes;
        self
    }

    /// Whether a rotation waits until the disk of the database has it.
    pub fn rotation_commit(mut self, commit: RotationCommit) -> Self {
        self.commit = commit;
        self
    }

    /// How many connections to the database this instance opens, from 2 to 1,000. The lanes of the
    /// rotations have more ([`Builder::rotation_lanes`]), and 4 others do the work in the background.
    pub fn database_connections(mut self, most: u32) -> Self {
        self.connections = most;
        self
    }

    /// The schema that Holdfast makes for its tables: `holdfast` if this is not called. Earlier
    /// versions made the tables where the `search_path` of the role leads, usually in `public`. In such a
    /// database they stay there.
    pub fn schema(mut self, schema: Schema) -> Self {
        self.schema = schema;
        self
    }

    /// What the application does when an account is opened or deleted, and what it adds to access
    /// tokens.
    pub fn hooks(self, hooks: impl Hooks) -> Self {
        self.with_hooks(InstalledHooks::new(hooks))
    }

    /// What the application does when an account is opened: an `async fn` that gets the transaction
    /// of the sign-up and the account. [`Hooks`] says what it may do. With [`Builder::hooks`], write it
    /// there.
    ///
    /// ```no_run
    /// use holdfast_server::{ApiError, Holdfast, OpenedAccount};
    /// use sqlx::PgConnection;
    ///
    /// async fn welcome(db: &mut PgConnection, new: OpenedAccount<'_>) -> Result<(), ApiError> {
    ///     sqlx::query("insert into public.notebooks (account_id) values ($1)")
    ///         .bind(new.account_id)
    ///         .execute(db)
    ///         .await?;
    ///     Ok(())
    /// }
    ///
    /// # async fn example(pool: sqlx::PgPool) -> anyhow::Result<()> {
    /// let builder = Holdfast::from_env(&pool)?.account_opened(welcome);
    /// let holdfast = builder.start().await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn account_opened(self, hook: impl for<'a> OnOpened<'a>) -> Self {
        self.with_hooks(InstalledHooks::of_opened(hook))
    }

    fn with_hooks(self, hooks: InstalledHooks) -> Self {
        Self {
            has_hooks_twice: self.hooks.are_some(),
            hooks,
            ..self
        }
    }

    /// Never migrate the tables, and start only if they are already at this version.
    pub fn without_migrations(mut self) -> Self {
        self.no_migrate = true;
        self
    }

    /// Checks the settings, migrates the tables, reads what the instance must know, and starts the
    /// work in the background. It waits up to 30 seconds for a database that does not answer yet or
    /// refuses the connection, and as long as another transaction holds the lock of a table that a
    /// migration changes.
    ///
    /// # Errors
    /// One sentence: about a setting that is missing or wrong, a database that does not answer, a
    /// schema with tables of another application, tables that are not at this version, or other instances
    /// with another issuer or master secret.
    pub async fn start(self) -> anyhow::Result<Holdfast> {
        let (holdfast, mut reader) = self.prepare().await?;
        if let Some(other) = holdfast.database.other_issuer() {
            bail!(
                "The other instances have the issuer {other}. To change the issuer, name the one of the others with {}.",
                Setting::PreviousIssuers
            );
        }
        // Until then, the instance would answer 503 to every access token.
        let read = reader.read().await;
        read.context("The ended sessions cannot be read")?;
        if let Some(obstacle) = holdfast.keys.obstacle() {
            bail!("{obstacle}.");
        }
        start::work(&holdfast, reader);
        Ok(holdfast)
    }

    /// As [`Builder::start`], but an instance that cannot serve yet is started, too: one that has not
    /// read the ended sessions, and one beside others with another issuer or master secret. `/readyz`
    /// answers 503 until the reason is gone, and the log says the reason. `holdfast serve` starts so:
    /// a balancer leaves the old instances in use meanwhile.
    ///
    /// # Errors
    /// As those of [`Builder::start`], without those about other instances. A master secret that was
    /// forbidden after a leak is still an error.
    pub async fn start_unready(self) -> anyhow::Result<Holdfast> {
        let (holdfast, reader) = self.prepare().await?;
        start::work(&holdfast, reader);
        Ok(holdfast)
    }

    async fn prepare(self) -> anyhow::Result<(Holdfast, Reader)> {
        let issuer = self.issuer.context(
            "The setting `issuer` is missing. Set it with `Builder::issuer` to the address at which browsers reach the application.",
        )?;
        ensure!(
            !self.has_hooks_twice,
            "The hooks are set twice. Call one of `Builder::hooks` and `Builder::account_opened`, and call it once."
        );
        let config = Config {
            issuer,
            ..self.config
        };
        let config = config.checked(self.connections, self.lanes)?;
        let direct = self.direct_database;
        let direct = direct.filter(|direct| !are_one(direct, &self.database));
        let is_behind_pooler = direct.is_some();
        let address = DatabaseAddress::new(self.database, direct, self.schema, WhenRefused::Wait);
        // This comes before the migrations, which would make tables in a foreign database.
        address.must_be_one(WhenUnreachable::Wait).await?;
        let migrations = Migrations::unless(self.no_migrate);
        let pool = address.pool(self.connections, migrations).await?;
        if !is_behind_pooler {
            warn_of_too_many(&pool, connections_wanted(self.connections, self.lanes)).await?;
        }
        let clock = Clock::system();
        let arrived = start::arrive(&config, self.secrets, &pool, &clock).await?;
        let lanes = Lanes::new(pool.clone(), self.lanes, self.commit);
        let connections = self.connections + self.lanes;
        start::prepare(config, pool, lanes, arrived, self.hooks, clock, connections)
    }
}

/// Whether these are one address.
fn are_one(one: &PgConnectOptions, other: &PgConnectOptions) -> bool {
    let parts = |options: &PgConnectOptions| {
        (
            options.get_host().to_owned(),
            options.get_port(),
            options.get_socket().cloned(),
            options.get_database().map(str::to_owned),
        )
    };
    parts(one) == parts(other)
}

/// Warns if Postgres accepts fewer connections than this instance wants.
async fn warn_of_too_many(pool: &Pool, wanted: i64) -> anyhow::Result<()> {
    let mut connection = pool.acquire().await?;
    let server = store::diagnosis::server(&mut connection).await?;
    connection.release();
    if let Some(sentence) = too_many(wanted, &server) {
        tracing::warn!("{sentence}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrong_variable_is_told_in_one_sentence() {
        // A flag of the same name has the same check.
        let read = FromEnvironment::try_parse_from(["", "--access-token-ttl", "5"]);
        let told = in_short(read.err().expect("it has no unit")).to_string();
        assert!(told.starts_with("invalid value '5' for '"), "{told}");
        assert!(told.contains("_ACCESS_TOKEN_TTL "), "{told}");
        assert!(!told.contains("--"), "{told}");
        assert!(told.contains("a number with a unit"), "{told}");
        assert!(!told.contains('\n'), "{told}");
    }
}
