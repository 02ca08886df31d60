//! `holdfast serve`.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::replacing::finish_replacing;
use super::which_database::Database;
use crate::config::{Config, LogFormat, ServeArgs};
use crate::serving::listen;
use crate::state::Holdfast;
use crate::{router, secrets, site_files};

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    start_logs(&args.log, args.log_format);
    std::panic::set_hook(Box::new(|panic| {
        // Only the place is logged: the message of a panic may contain what a client sent.
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        tracing::error!(code.place = %place, "The server panicked.");
    }));
    // A wrong setting is told before the private Postgres starts.
    Config::new(&args)?;
    // This comes before the start of the private Postgres, so that a signal can stop the
    // start, too.
    let signals = Signals::install()?;
    let database = Database::of_server(&args, site_files::is_watched()).await?;
    // From here on, the private Postgres is released in every case.
    let served = serve(args, &database, signals).await;
    let released = database.release().await;
    served.and(released)
}

async fn serve(
    mut args: ServeArgs,
    database: &Database,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let listener = listen(args.listen)
        .with_context(|| format!("cannot listen on {} (HOLDFAST_LISTEN)", args.listen))?;
    let listen_for_metrics = |address| {
        listen(address)
            .with_context(|| format!("cannot listen on {address} (HOLDFAST_METRICS_LISTEN)"))
    };
    let metrics = args.metrics_listen.map(listen_for_metrics).transpose()?;
    let arriving = async {
        if let Some(private) = &database.private {
            take_secret(&mut args, private.data_dir(), database).await?;
        }
        let options = database.address.options.clone();
        Holdfast::from_args(options, &args)?.start_unready().await
    };
    let holdfast = tokio::select! {
        started = arriving => started?,
        _ = signals.next() => {
            tracing::info!("Told to stop during the start.");
            return Ok(());
        }
    };
    if cfg!(feature = "pages") && !site_files::is_built(&holdfast.leptos) {
        let site = &holdfast.leptos.site_root;
        tracing::warn!(%site, "The pages' files are missing, so the buttons of pages will not work. Build the files with `cargo xtask run`.");
    }
    let metrics = metrics.map(|listener| holdfast.serve_metrics(listener));
    let metrics = metrics.transpose()?;
    let address = listener.local_addr()?;
    if let Some(private) = &database.private {
        tokio::spawn(Arc::clone(private).supervise());
    }

    let postgres = database.private.as_ref().map(|private| private.version());
    let secret = holdfast.secret_fingerprint();
    tracing::info!(%address, issuer = %holdfast.config.issuer, private.postgres = postgres, secret, "Serving.");
    println!("Holdfast is at http://{address}");
    if let Some(address) = metrics {
        println!("Its metrics are at http://{address}/metrics");
    }
    if let Some(private) = &database.private {
        println!(
            "Its private Postgres is in {}",
            private.data_dir().display()
        );
    }
    let limits = args.connection_limits();
    let stop = told_to_stop(&holdfast, args.shutdown_delay, signals);
    let application = router(holdfast.clone());
    holdfast.serve(listener, application, limits, stop).await
}

/// Without a secret in the settings, the server takes the one beside the private Postgres.
async fn take_secret(
    args: &mut ServeArgs,
    data_dir: &Path,
    database: &Database,
) -> anyhow::Result<()> {
    finish_replacing(data_dir, database, args.no_migrate).await?;
    // With a secret in the settings, the one beside the data is neither read nor made.
    if args.secret()?.is_none() {
        args.set_secret(&secrets::beside(data_dir)?);
    }
    Ok(())
}

fn start_logs(filter: &str, format: LogFormat) {
    let logs = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(filter))
        .with_writer(std::io::stderr);
    // If a process starts a second server (in a test), the logs of the first one stay in use.
    let _ = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// Waits until the server has to close its listener: at once after SIGINT, which a person
/// sends, and `delay` after SIGTERM. During the delay the server is not ready, so that a
/// balancer sends new requests to other instances before this one refuses them. Another
/// signal ends the delay.
async fn told_to_stop(holdfast: &Holdfast, delay: Duration, mut signals: Signals) {
    let told = signals.next().await;
    holdfast.stops_soon();
    if matches!(told, StopSignal::Interrupt) {
        return;
    }
    tracing::info!(
        delay.seconds = delay.as_secs(),
        "Told to stop: not ready any more."
    );
    tokio::select! {
        _ = signals.next() => {}
        () = tokio::time::sleep(delay) => {}
    }
}

/// The signals that tell a server to stop. A signal that comes early is kept until the server
/// waits for it.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
}

enum StopSignal {
    Interrupt,
    Terminate,
}

impl Signals {
    fn install() -> std::io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) -> StopSignal {
        tokio::select! {
            _ = self.interrupt.recv() => StopSignal::Interrupt,
            _ = self.terminate.recv() => StopSignal::Terminate,
        }
    }
}
