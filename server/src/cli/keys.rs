//! `holdfast keys`.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use holdfast_protocol::secret::Secret;

use super::which_database::Database;
use crate::clock::Clock;
use crate::config::{self, DatabaseArgs, MasterSecret};
use crate::database_address::Migrations;
use crate::keys::Keys;
use crate::store::Pool;
use crate::{secrets, secrets_in_use};

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Print a new master secret for HOLDFAST_SECRET.
    NewSecret,
    /// Replace a master secret that leaked: forbid every secret except the new one, and delete
    /// every session. All people have to sign in again. To change a secret
    /// that did not leak, use HOLDFAST_SECRET_PREVIOUS and not this command.
    Replace(Box<Replace>),
}

#[derive(Debug, Args)]
pub(super) struct Replace {
    /// Confirms that the old secret leaked and must not be trusted any more.
    #[arg(long, required = true)]
    after_leak: bool,

    /// Hidden: the variable HOLDFAST_SECRET replaces this flag.
    #[arg(long, env = "HOLDFAST_SECRET", hide = true, hide_env_values = true, value_parser = config::unchecked)]
    secret: Option<Secret>,

    /// A file with the new master secret. Or set the variable HOLDFAST_SECRET to the
    /// secret itself. For the private Postgres the command makes one.
    #[arg(long, env = "HOLDFAST_SECRET_FILE", value_name = "FILE")]
    secret_file: Option<PathBuf>,

    #[command(flatten)]
    database: DatabaseArgs,
}

pub(super) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::NewSecret => {
            println!("{}", *MasterSecret::generate().encode());
            Ok(())
        }
        Command::Replace(args) => {
            let (value, file) = (args.secret.as_ref(), args.secret_file.as_deref());
            let new = config::given("HOLDFAST_SECRET", value, file)?;
            let database = Database::of_operator(&args.database).await?;
            let private = database.private.as_ref().map(|private| private.data_dir());
            let pool = database.address.pool(2, Migrations::Check).await?;
            let replaced = replace(&pool, new.as_ref(), private).await;
            pool.close().await;
            database.release().await.and(replaced)
        }
    }
}

async fn replace(
    pool: &Pool,
    secret: Option<&Secret>,
    private_data: Option<&Path>,
) -> anyhow::Result<()> {
    let new: MasterSecret = match (secret, private_data) {
        (Some(secret), _) => secret
            .expose()
            .parse()
            .map_err(|error| anyhow::anyhow!("HOLDFAST_SECRET: {error}"))?,
        // The secret of an interrupted run, or else a new one.
        (None, Some(directory)) => secrets::next(directory)?.unwrap_or_else(MasterSecret::generate),
        (None, None) => bail!(
            "HOLDFAST_SECRET is missing: set it to the new secret. Make one with `holdfast keys new-secret`."
        ),
    };
    // The new secret is on the disk before the old one is forbidden, so that it cannot get
    // lost.
    if let Some(directory) = private_data {
        secrets::prepare_replacing(directory, &new)?;
    }
    let clock = Clock::system();
    let keys = Keys::new(vec![new.clone().into_bytes()], clock.now());
    let mut connection = pool
        .acquire()
        .await
        .context("the database does not answer")?;
    secrets_in_use::replace_after_leak(&mut connection, &keys).await?;
    if let Some(directory) = private_data {
        // A server that has started since then may have removed the file with the new secret.
        secrets::prepare_replacing(directory, &new)?;
        secrets::finish_replacing(directory)?;
    }
    println!(
        "Every other master secret is forbidden. Tokens that were made with those secrets are not valid any more."
    );
    let deleted = secrets_in_use::delete_dead_sessions(&mut connection, &clock).await?;
    connection.release();
    println!("Sessions that were deleted: {deleted}. Start every server with the new secret.");
    Ok(())
}
