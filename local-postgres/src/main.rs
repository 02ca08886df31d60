//! `local-postgres`: a private Postgres for another program, or by hand.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Parser, Subcommand};
use holdfast_local_postgres::{Durability, LocalPostgres, Name, Options};
use sqlx::migrate::Migrator;
use sqlx::{Connection as _, PgConnection};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tracing_subscriber::EnvFilter;

/// A private Postgres from the programs on this machine.
#[derive(Parser)]
#[command(name = "local-postgres", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start Postgres, print its URL, and stop it when the standard input ends.
    ///
    /// SIGINT and SIGTERM also stop it. Postgres goes on if another process uses it.
    Run(Run),
    /// Stop Postgres, unless a process uses it.
    Stop(Place),
}

#[derive(Args)]
struct Place {
    /// The name of its database and of its role.
    #[arg(long)]
    name: Name,
    /// The directory of its data.
    #[arg(long, value_name = "DIRECTORY")]
    data_dir: PathBuf,
}

#[derive(Args)]
struct Run {
    #[command(flatten)]
    place: Place,
    /// Faster, for tests: a power cut may lose all data.
    #[arg(long)]
    throwaway: bool,
    /// SQL files to apply first, as sqlx names them: `<number>_<name>.sql`.
    #[arg(long, value_name = "DIRECTORY")]
    migrations: Option<PathBuf>,
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    // The log is for a person who looks for a fault; the caller only reads the URL.
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new("warn"))
        .with_writer(std::io::stderr)
        .init();
    let done = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(anyhow::Error::from)
        .and_then(|runtime| {
            runtime.block_on(async {
                match cli.command {
                    Command::Run(arguments) => run(arguments).await,
                    Command::Stop(place) => stop(place).await,
                }
            })
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("local-postgres: {error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(arguments: Run) -> anyhow::Result<()> {
    // This comes before the start, so that a signal during the start stops Postgres, too.
    let end = End::watch()?;
    let durability = if arguments.throwaway {
        Durability::Throwaway
    } else {
        Durability::Durable
    };
    let postgres = LocalPostgres::start(arguments.place.options(durability)).await?;
    // From here on, Postgres is released in every case.
    let served = serve(&postgres, arguments.migrations, end).await;
    let released = postgres.release().await;
    served?;
    released?;
    Ok(())
}

async fn serve(
    postgres: &LocalPostgres,
    migrations: Option<PathBuf>,
    end: End,
) -> anyhow::Result<()> {
    if let Some(directory) = migrations {
        let migrations = Migrator::new(directory.clone())
            .await
            .with_context(|| format!("cannot read the migrations in {}", directory.display()))?;
        let mut connection = PgConnection::connect_with(&postgres.connect_options()).await?;
        migrations
            .run(&mut connection)
            .await
            .context("a migration cannot be applied")?;
        connection.close().await?;
    }
    println!("{}", postgres.database_url());
    end.comes().await;
    Ok(())
}

async fn stop(place: Place) -> anyhow::Result<()> {
    if LocalPostgres::stop(&place.options(Durability::Durable)).await? {
        println!("Postgres was stopped.");
    } else {
        println!("No Postgres runs in this directory.");
    }
    Ok(())
}

impl Place {
    fn options(self, durability: Durability) -> Options {
        Options {
            name: self.name,
            data_dir: self.data_dir,
            companions: &[],
            durability,
            keep_running: false,
        }
    }
}

/// What ends a run.
struct End {
    input: oneshot::Receiver<()>,
    interrupt: Signal,
    terminate: Signal,
}

impl End {
    fn watch() -> std::io::Result<Self> {
        let (tell, input) = oneshot::channel();
        // This is a thread, because reading the standard input cannot be cancelled. The thread
        // does not keep the process alive.
        std::thread::spawn(move || {
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            let _ = tell.send(());
        });
        Ok(Self {
            input,
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn comes(mut self) {
        tokio::select! {
            _ = &mut self.input => {}
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}
