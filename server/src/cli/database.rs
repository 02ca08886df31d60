//! The database of a command: the operator's, or the private one.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sqlx::migrate::MigrateError;
use sqlx::postgres::PgConnectOptions;
use tokio::time::Instant;

use crate::config::DatabaseArgs;
use crate::local_postgres::{Durability, LocalPostgres, Options};
use crate::store::{self, MIGRATOR, Pool};

/// How long a database may take to come up before the start gives up.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where to connect, and the private Postgres where that is it.
pub(super) struct Database {
    pub(super) options: PgConnectOptions,
    pub(super) private: Option<Arc<LocalPostgres>>,
}

impl Database {
    /// Finds the database, starting the private one where none was named.
    pub(super) async fn open(args: &DatabaseArgs, keep_running: bool) -> anyhow::Result<Self> {
        if let Some(url) = args.url()? {
            let options = PgConnectOptions::from_str(url.expose())
                .context("DATABASE_URL is not a Postgres URL such as postgres://user@host/name")?;
            return Ok(Self {
                options,
                private: None,
            });
        }
        let options = Options {
            data_dir: args.data_dir.clone(),
            durability: Durability::Durable,
            keep_running,
        };
        let private = Arc::new(LocalPostgres::start(options).await?);
        Ok(Self {
            options: private.connect_options(),
            private: Some(private),
        })
    }

    /// A pool on it, once it answers and has been brought up to this version.
    pub(super) async fn migrated_pool(&self, connections: u32) -> anyhow::Result<Pool> {
        let pool = store::pool(self.options.clone(), connections);
        let give_up = Instant::now() + PATIENCE;
        loop {
            match migrate(&pool).await {
                Ok(()) => return Ok(pool),
                Err(MigrateError::Execute(error)) if Instant::now() < give_up => {
                    tracing::info!(%error, "The database does not answer yet; trying again.");
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
                Err(error) => {
                    return Err(error).context("the database could not be brought up to date");
                }
            }
        }
    }

    /// Stops the private Postgres, unless somebody else uses it.
    pub(super) async fn release(self) -> anyhow::Result<()> {
        if let Some(private) = self.private {
            private.release().await?;
        }
        Ok(())
    }
}

async fn migrate(pool: &Pool) -> Result<(), MigrateError> {
    let mut connection = pool.acquire().await?;
    MIGRATOR.run(&mut *connection).await
}
