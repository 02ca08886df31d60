//! The database that a command uses: the operator's, or the private one.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use holdfast_local_postgres::{LocalPostgres, Options};
use holdfast_protocol::secret::Secret;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use crate::config::{DatabaseArgs, ServeArgs};
use crate::private_postgres;
use crate::store::schema::{self, Layout, Schema};
use crate::store::{self, ConnectionRefusal, Pool};

/// How long a database may take to answer before the command gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an address may take to say where it leads.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before a migration that met a lock is tried again. Statements that
/// waited behind it go on meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// If the database refuses a server, the server waits this long before it tries again. Each try may
/// count as a failed sign-in there.
const PAUSE_WHEN_REFUSED: Duration = Duration::from_secs(3);

/// Where to connect, and the private Postgres if it is used.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    /// The address without a pooler.
    pub(super) direct: Option<PgConnectOptions>,
    pub(super) private: Option<Arc<LocalPostgres>>,
    /// The schema that is made if there are no tables.
    pub(super) schema: Schema,
    /// Whether to try again while the database refuses the connection. A server does so, because in
    /// a new deployment its role and its database may be made while it starts. A person who types a
    /// command wants to know at once.
    waits_when_refused: bool,
    /// When the command stops waiting for an answer. All its waits together end then.
    give_up: Instant,
}

/// Whether a command may change the tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Migrations {
    /// The command migrates them to this version.
    Apply,
    /// They must be at this version, or a later one.
    Check,
}

/// What to do if one of two addresses does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum WhenUnreachable {
    /// Try again for a while, and then fail.
    Wait,
    /// Go on. The command needs only the direct address.
    GoOn,
}

impl Database {
    /// The database of a server, which may make a private one.
    ///
    /// A private one is only made if no setting suggests another database. Otherwise an
    /// instance that lost its `DATABASE_URL` would serve an empty database, and it would sign
    /// out every browser that comes to it.
    pub(super) async fn of_server(args: &ServeArgs, keep_running: bool) -> anyhow::Result<Self> {
        let database = &args.database;
        if database.url()?.is_some() && database.private_postgres {
            bail!(
                "DATABASE_URL is set, and the private Postgres is chosen with --private-postgres (HOLDFAST_PRIVATE_POSTGRES=true). Set one of them."
            );
        }
        if database.url()?.is_none()
            && !database.private_postgres
            && let Some(sign) = args.speaks_of_another_database()
        {
            bail!(
                "DATABASE_URL is missing, although {sign}. Set it, or choose the private Postgres with --private-postgres (HOLDFAST_PRIVATE_POSTGRES=true)."
            );
        }
        let database = Self::open(database, keep_running).await?;
        Ok(Self {
            waits_when_refused: true,
            ..database
        })
    }

    /// The database of an operator's command, which never makes one.
    pub(super) async fn of_operator(args: &DatabaseArgs) -> anyhow::Result<Self> {
        let data_dir = &args.data_dir;
        if args.url()?.is_none() && !private_postgres::exists(data_dir).await? {
            bail!(
                "There is no database: DATABASE_URL is not set, and there is no private Postgres in {} (HOLDFAST_DATA_DIR).",
                data_dir.display()
            );
        }
        Self::open(args, false).await
    }

    async fn open(args: &DatabaseArgs, keep_running: bool) -> anyhow::Result<Self> {
        let direct = args.direct_url()?;
        if let Some(url) = args.url()? {
            return Ok(Self {
                options: parse("DATABASE_URL", &url)?,
                direct: direct
                    .map(|url| parse("DATABASE_DIRECT_URL", &url))
                    .transpose()?,
                private: None,
                schema: args.schema.clone(),
                waits_when_refused: false,
                give_up: Instant::now() + PATIENCE,
            });
        }
        anyhow::ensure!(
            direct.is_none(),
            "DATABASE_DIRECT_URL is set, but DATABASE_URL is not. Set DATABASE_URL to the address of the pooler."
        );
        let options = Options {
            keep_running,
            ..private_postgres::options(&args.data_dir)
        };
        let private = Arc::new(private_postgres::start(options).await?);
        Ok(Self {
            options: private.connect_options(),
            direct: None,
            private: Some(private),
            schema: args.schema.clone(),
            waits_when_refused: false,
            give_up: Instant::now() + PATIENCE,
        })
    }

    /// Refuses two addresses that lead to two databases: the server would look for sessions in
    /// one of them, and would read the facts that show a wrong database in the other. Migrations
    /// would make tables in a database that is perhaps not meant for them.
    pub(super) async fn must_be_one(&self, unreachable: WhenUnreachable) -> anyhow::Result<()> {
        let Some(direct) = &self.direct else {
            return Ok(());
        };
        let pooled = store::without_settings(self.options.clone());
        loop {
            let error = match lead_to_one(&pooled, direct).await {
                Ok(true) => return Ok(()),
                Ok(false) => bail!(
                    "DATABASE_URL and DATABASE_DIRECT_URL lead to two databases. Set both to the same one."
                ),
                Err(_) if unreachable == WhenUnreachable::GoOn => return Ok(()),
                Err(error) => error,
            };
            let is_in_time = Instant::now() < self.give_up;
            let pause = if self.waits_after(&error, is_in_time)? {
                PAUSE_WHEN_REFUSED
            } else if is_in_time {
                tracing::info!(%error, "The database does not answer yet; trying again.");
                PAUSE
            } else {
                return Err(error).context("the database does not answer");
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// A pool on it. It waits until the database answers and its tables are right.
    pub(super) async fn pool(
        &self,
        connections: u32,
        migrations: Migrations,
    ) -> anyhow::Result<Pool> {
        let layout = self.tables(migrations).await?;
        self.pool_at(&layout, connections).await
    }

    /// Waits until the database answers and its tables are right.
    pub(super) async fn tables(&self, migrations: Migrations) -> anyhow::Result<Layout> {
        loop {
            let error = match self.layout(migrations).await {
                Ok(layout) => return layout,
                Err(error) => error,
            };
            let is_in_time = Instant::now() < self.give_up;
            let pause = match error {
                MigrateError::Execute(error) if self.waits_after(&error, is_in_time)? => {
                    PAUSE_WHEN_REFUSED
                }
                MigrateError::Execute(error) if store::is_refused_by_pooler(&error) => {
                    bail!(
                        "DATABASE_URL leads to a pooler, such as PgBouncer. Set DATABASE_DIRECT_URL to the address of Postgres itself."
                    );
                }
                error if store::found_a_lock(&error) => {
                    tracing::info!("A table is in use, so the migration waits; trying again.");
                    PAUSE
                }
                MigrateError::Execute(error) if is_in_time => {
                    tracing::info!(%error, "The database does not answer yet; trying again.");
                    PAUSE
                }
                error => {
                    return Err(error).context("the database could not be brought up to date");
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns `true` if the database refuses this command now but may accept it later. The log
    /// then says what is missing. `false` if the database does not refuse.
    ///
    /// # Errors
    /// If the database refuses, and waiting does not help.
    fn waits_after(&self, error: &sqlx::Error, is_in_time: bool) -> anyhow::Result<bool> {
        match ConnectionRefusal::of(error) {
            None => Ok(false),
            Some(ConnectionRefusal::NotYet(why)) if self.waits_when_refused && is_in_time => {
                tracing::warn!(
                    %why,
                    "The database refuses this server. Perhaps the role or the database is not made yet, the password is wrong, or pg_hba.conf does not allow the connection; trying again."
                );
                Ok(true)
            }
            Some(ConnectionRefusal::NotYet(why) | ConnectionRefusal::ForGood(why)) => {
                bail!("The database refuses this server: {why}")
            }
        }
    }

    /// Where the tables are, at this version. The inner error is final.
    async fn layout(&self, migrations: Migrations) -> Result<anyhow::Result<Layout>, MigrateError> {
        let options = self.without_pooler();
        match migrations {
            Migrations::Apply => schema::migrate(options, &self.schema).await,
            Migrations::Check => {
                let layout = match schema::check(options, &self.schema).await? {
                    Ok(layout) => layout,
                    Err(final_error) => return Ok(Err(final_error)),
                };
                Ok(layout.with_context(|| {
                    let schema = &self.schema;
                    format!(
                        "The database is not at this version, or its tables are not in the schema {schema} (HOLDFAST_SCHEMA). Migrate it with `holdfast migrate`."
                    )
                }))
            }
        }
    }

    async fn pool_at(&self, layout: &Layout, connections: u32) -> anyhow::Result<Pool> {
        let options = self.options.clone();
        let Some(direct) = self.direct.clone() else {
            return Ok(store::pool(options, layout, connections));
        };
        let pool = store::pool_behind_pooler(options, direct, layout, connections);
        let mut connection = pool.acquire().await?;
        if !schema::leads_to(&mut connection, layout).await? {
            bail!("{}", without_path(layout));
        }
        connection.release();
        Ok(pool)
    }

    /// Where Postgres itself is.
    pub(super) fn without_pooler(&self) -> &PgConnectOptions {
        self.direct.as_ref().unwrap_or(&self.options)
    }

    /// Stops the private Postgres, unless another program uses it.
    pub(super) async fn release(self) -> anyhow::Result<()> {
        if let Some(private) = self.private {
            private.release().await?;
        }
        Ok(())
    }
}

/// sqlx takes a URL of any scheme for one of Postgres.
fn parse(variable: &str, url: &Secret) -> anyhow::Result<PgConnectOptions> {
    let what = || format!("{variable} is not a Postgres URL such as postgres://user@host/name");
    let scheme = url.expose().split_once("://").map(|(scheme, _)| scheme);
    if !matches!(scheme, Some("postgres" | "postgresql")) {
        bail!(what());
    }
    PgConnectOptions::from_str(url.expose()).with_context(what)
}

/// Whether both addresses lead to the same database.
async fn lead_to_one(pooled: &PgConnectOptions, direct: &PgConnectOptions) -> sqlx::Result<bool> {
    let identity = async |options: &PgConnectOptions| {
        let asked = async {
            let mut connection = PgConnection::connect_with(options).await?;
            let identity = store::diagnosis::server(&mut connection).await?.identity;
            connection.close().await?;
            Ok::<_, sqlx::Error>(identity)
        };
        let answer = tokio::time::timeout(ANSWERS_WITHIN, asked).await;
        answer.map_err(|_| sqlx::Error::PoolTimedOut)?
    };
    Ok(identity(pooled).await? == identity(direct).await?)
}

/// What to do if connections through a pooler do not find the tables.
pub(super) fn without_path(layout: &Layout) -> String {
    let Layout::Own(schema) = layout else {
        return String::new();
    };
    format!(
        "Connections through the pooler do not find the tables of Holdfast, because a pooler does not pass on settings. Set the path of the role (`alter role … set search_path = {schema}`), and let the pooler connect again (`RECONNECT` in PgBouncer)."
    )
}
