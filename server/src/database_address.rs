//! Where the database is, and the wait until it answers and its tables are right.

use std::str::FromStr as _;
use std::time::Duration;

use anyhow::{Context as _, bail};
use holdfast_protocol::secret::Secret;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use sqlx::{Connection as _, PgConnection};
use tokio::time::Instant;

use crate::setting::Setting;
use crate::store::schema::{self, Layout, Schema};
use crate::store::{self, ConnectionRefusal, Pool};

/// How long a database may take to answer before the start gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// How long an address may take to say where it leads.
const ANSWERS_WITHIN: Duration = Duration::from_secs(5);

/// How long to wait before a migration that met a lock is tried again. Statements that
/// waited behind it go on meanwhile.
const PAUSE: Duration = Duration::from_secs(1);

/// If the database refuses a server, the server waits this long before it tries again. Each try may
/// count as a failed sign-in there.
const PAUSE_WHEN_REFUSED: Duration = Duration::from_secs(3);

/// Where to connect. Its waits all end at the same time.
pub(crate) struct DatabaseAddress {
    pub(crate) options: PgConnectOptions,
    /// The address without a pooler.
    pub(crate) direct: Option<PgConnectOptions>,
    /// The schema that is made if there are no tables.
    pub(crate) schema: Schema,
    /// Whether to try again while the database refuses the connection.
    when_refused: WhenRefused,
    /// When the waits end.
    give_up: Instant,
}

/// Whether the tables may be changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Migrations {
    /// They are migrated to this version.
    Apply,
    /// They must be at this version, or a later one.
    Check,
}

/// What to do if one of two addresses does not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenUnreachable {
    /// Try again for a while, and then fail.
    Wait,
    /// Go on. The command needs only the direct address.
    GoOn,
}

/// What to do while the database refuses the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WhenRefused {
    /// A server tries again, because in a new deployment its role and its database may be made while
    /// it starts.
    Wait,
    /// A person who types a command wants to know at once.
    Fail,
}

impl Migrations {
    /// What a server does with this setting.
    pub(crate) fn unless(no_migrate: bool) -> Self {
        if no_migrate { Self::Check } else { Self::Apply }
    }
}

impl DatabaseAddress {
    /// The waits begin now.
    pub(crate) fn new(
        options: PgConnectOptions,
        direct: Option<PgConnectOptions>,
        schema: Schema,
        when_refused: WhenRefused,
    ) -> Self {
        Self {
            options,
            direct,
            schema,
            when_refused,
            give_up: Instant::now() + PATIENCE,
        }
    }

    /// Refuses two addresses that lead to two databases: the server would look for sessions in
    /// one of them, and would read the facts that show a wrong database in the other. Migrations
    /// would make tables in a database that is perhaps not meant for them.
    pub(crate) async fn must_be_one(&self, unreachable: WhenUnreachable) -> anyhow::Result<()> {
        let Some(direct) = &self.direct else {
            return Ok(());
        };
        let pooled = store::without_settings(self.options.clone());
        loop {
            let error = match lead_to_one(&pooled, direct).await {
                Ok(true) => return Ok(()),
                Ok(false) => bail!(
                    "{} and {} lead to two databases. Set both to the same one.",
                    Setting::Database,
                    Setting::DirectDatabase
                ),
                Err(_) if unreachable == WhenUnreachable::GoOn => return Ok(()),
                Err(error) => error,
            };
            let pause = if self.waits_after(&error)? {
                PAUSE_WHEN_REFUSED
            } else if self.is_in_time() {
                tracing::info!(%error, "The database does not answer yet; trying again.");
                PAUSE
            } else {
                return Err(error).context("The database does not answer");
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// A pool on it, and where the tables are. It waits until the database answers and its tables are
    /// right.
    pub(crate) async fn pool(
        &self,
        connections: u32,
        migrations: Migrations,
    ) -> anyhow::Result<Pool> {
        let layout = self.tables(migrations).await?;
        let options = self.options.clone();
        let Some(direct) = self.direct.clone() else {
            return Ok(store::pool(options, &layout, connections));
        };
        let pool = store::pool_behind_pooler(options, direct, &layout, connections);
        let mut connection = pool.acquire().await?;
        if !schema::leads_to(&mut connection, &layout).await? {
            bail!("{}", without_path(&layout));
        }
        connection.release();
        Ok(pool)
    }

    /// Waits until the database answers and its tables are right.
    pub(crate) async fn tables(&self, migrations: Migrations) -> anyhow::Result<Layout> {
        loop {
            let error = match self.layout(migrations).await {
                Ok(layout) => return layout,
                Err(error) => error,
            };
            let pause = self.pause_after(error)?;
            tokio::time::sleep(pause).await;
        }
    }

    /// How long to wait before the tables are looked at again.
    ///
    /// # Errors
    /// If waiting does not help.
    fn pause_after(&self, error: MigrateError) -> anyhow::Result<Duration> {
        if store::found_a_lock(&error) {
            tracing::info!("A table is in use, so the migration waits; trying again.");
            return Ok(PAUSE);
        }
        if let MigrateError::Execute(error) = &error {
            if self.waits_after(error)? {
                return Ok(PAUSE_WHEN_REFUSED);
            }
            if store::is_refused_by_pooler(error) {
                bail!(
                    "A pooler, such as PgBouncer, is in front of the database, and refuses the settings of connections. Set {} to the address of Postgres itself.",
                    Setting::DirectDatabase
                );
            }
        }
        let may_pass = match &error {
            MigrateError::Execute(_) => true,
            // The connection broke during a migration.
            MigrateError::ExecuteMigration(error, _) => error.as_database_error().is_none(),
            _ => false,
        };
        if may_pass && self.is_in_time() {
            tracing::info!(%error, "The database does not answer yet; trying again.");
            return Ok(PAUSE);
        }
        Err(error).context("The tables could not be brought up to date")
    }

    fn is_in_time(&self) -> bool {
        Instant::now() < self.give_up
    }

    /// Returns `true` if the database refuses the connection now but may accept it later. The log
    /// then says what is missing. `false` if the database does not refuse.
    ///
    /// # Errors
    /// If the database refuses, and waiting does not help.
    fn waits_after(&self, error: &sqlx::Error) -> anyhow::Result<bool> {
        let waits = self.when_refused == WhenRefused::Wait && self.is_in_time();
        match ConnectionRefusal::of(error) {
            None => Ok(false),
            Some(ConnectionRefusal::NotYet(why)) if waits => {
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
        if migrations == Migrations::Apply {
            return schema::migrate(options, &self.schema).await;
        }
        let layout = match schema::check(options, &self.schema).await? {
            Ok(layout) => layout,
            Err(final_error) => return Ok(Err(final_error)),
        };
        Ok(layout.with_context(|| {
            format!(
                "The tables of Holdfast are not at this version, or not in the schema {} ({}). Migrate them with `holdfast migrate`, or let a server migrate them at its start.",
                self.schema,
                Setting::Schema
            )
        }))
    }

    /// Where Postgres itself is.
    fn without_pooler(&self) -> &PgConnectOptions {
        self.direct.as_ref().unwrap_or(&self.options)
    }
}

/// The address in this variable.
///
/// # Errors
/// If it is not a URL of Postgres. sqlx takes a URL of any scheme for one.
pub(crate) fn parse(variable: &str, url: &Secret) -> anyhow::Result<PgConnectOptions> {
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
pub(crate) fn without_path(layout: &Layout) -> String {
    let Layout::Own(schema) = layout else {
        return String::new();
    };
    format!(
        "Connections through the pooler do not find the tables of Holdfast, because a pooler does not pass on settings. Set the path of the role (`alter role … set search_path = {schema}`), and let the pooler connect again (`RECONNECT` in PgBouncer)."
    )
}
