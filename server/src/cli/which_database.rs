//! The database that a command uses: the operator's, or the private one.

use std::sync::Arc;

use anyhow::bail;
use holdfast_local_postgres::{LocalPostgres, Options};

use crate::config::{DatabaseArgs, ServeArgs};
use crate::database_address::{DatabaseAddress, WhenRefused};
use crate::private_postgres;

/// Where to connect, and the private Postgres if it is used.
pub(super) struct Database {
    pub(super) address: DatabaseAddress,
    pub(super) private: Option<Arc<LocalPostgres>>,
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
        Self::open(database, keep_running, WhenRefused::Wait).await
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
        Self::open(args, false, WhenRefused::Fail).await
    }

    async fn open(
        args: &DatabaseArgs,
        keep_running: bool,
        when_refused: WhenRefused,
    ) -> anyhow::Result<Self> {
        let direct = args.direct_address()?;
        let (options, direct, private) = match args.address()? {
            Some(options) => (options, direct, None),
            None => {
                anyhow::ensure!(
                    direct.is_none(),
                    "DATABASE_DIRECT_URL is set, but DATABASE_URL is not. Set DATABASE_URL to the address of the pooler."
                );
                let options = Options {
                    keep_running,
                    ..private_postgres::options(&args.data_dir)
                };
                let private = Arc::new(private_postgres::start(options).await?);
                (private.connect_options(), None, Some(private))
            }
        };
        let address = DatabaseAddress::new(options, direct, args.schema.clone(), when_refused);
        Ok(Self { address, private })
    }

    /// Stops the private Postgres, unless another program uses it.
    pub(super) async fn release(self) -> anyhow::Result<()> {
        if let Some(private) = self.private {
            private.release().await?;
        }
        Ok(())
    }
}
