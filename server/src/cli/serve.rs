//! `holdfast serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::arrive::arrive;
use super::which_database::{Database, Migrations, WhenUnreachable};
use crate::client_address::Proxies;
use crate::clock::Clock;
use crate::config::{Config, LogFormat, ServeArgs};
use crate::hooks::InstalledHooks;
use crate::http::answer_errors::{LONGEST, LONGEST_WORK};
use crate::keys::{Obstacle, shown};
use crate::lanes::Lanes;
use crate::metrics::{self, ConnectionCounts};
use crate::start::{self, Prepared};
use crate::state::Holdfast;
use crate::stopping::Stopping;
use crate::{connections, router, secrets, site_files};

/// How long requests may take to finish after the server has stopped listening. This is longer than
/// a request and the work that goes on after it may take together.
const SHUTDOWN: Duration = Duration::from_secs(LONGEST.as_secs() + LONGEST_WORK.as_secs() + 2);

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    start_logs(&args.log, args.log_format);
    std::panic::set_hook(Box::new(|panic| {
        // Only the place is logged: the message of a panic may contain what a client sent.
        let place = panic.location().map(ToString::to_string);
        let place = place.unwrap_or_default();
        tracing::error!(code.place = %place, "The server panicked.");
    }));
    let config = Config::new(&args)?;
    // This comes before the start of the private Postgres, so that a signal can stop the
    // start, too.
    let signals = Signals::install()?;
    let database = Database::of_server(&args, site_files::is_watched()).await?;
    // From here on, the private Postgres is released in every case.
    let served = serve(&args, config, &database, signals).await;
    let released = database.release().await;
    served.and(released)
}

async fn serve(
    args: &ServeArgs,
    config: Config,
    database: &Database,
    mut signals: Signals,
) -> anyhow::Result<()> {
    let listener = connections::listen(args.listen)
        .with_context(|| format!("cannot listen on {} (HOLDFAST_LISTEN)", args.listen))?;
    let private_data = database.private.as_ref().map(|private| private.data_dir());
    // This comes before the first query, so that a missing secret is reported at once.
    secrets::from_args(args, private_data)?;
    let clock = Clock::system();
    let migrations = if args.no_migrate {
        Migrations::Check
    } else {
        Migrations::Apply
    };
    let arriving = async {
        // This comes before the migrations, which would make tables in a foreign database.
        database.must_be_one(WhenUnreachable::Wait).await?;
        let pool = database.pool(args.database_connections, migrations).await?;
        let arrived = arrive(args, &config, private_data, &pool, &clock).await?;
        anyhow::Ok((pool, arrived))
    };
    let (pool, arrived) = tokio::select! {
        arrived = arriving => arrived?,
        _ = signals.next() => {
            tracing::info!("Told to stop during the start.");
            return Ok(());
        }
    };
    let secret = shown(arrived.keys.fingerprint());
    let lanes = Lanes::new(pool.clone(), args.rotation_lanes, args.rotation_commit);
    let Prepared {
        holdfast: state,
        reader,
        forbidden,
    } = start::prepare(
        config,
        pool.clone(),
        lanes.clone(),
        arrived,
        InstalledHooks::default(),
        clock,
    )?;
    if cfg!(feature = "pages") && !site_files::is_built(&state.leptos) {
        let site = &state.leptos.site_root;
        tracing::warn!(%site, "The pages' files are missing, so the buttons of pages will not work. Build the files with `cargo xtask run`.");
    }
    let metrics = match args.metrics_listen {
        Some(address) => Some(serve_metrics(address, &state).await?),
        None => None,
    };
    let address = listener.local_addr()?;
    start::work(&state, reader);
    if let Some(private) = &database.private {
        tokio::spawn(Arc::clone(private).supervise());
    }

    let postgres = database.private.as_ref().map(|private| private.version());
    tracing::info!(%address, issuer = %state.config.issuer, private.postgres = postgres, secret, "Serving.");
    println!("Holdfast is at http://{address}");
    if let Some(address) = metrics {
        println!("Its metrics are at http://{address}/metrics");
    }
    if let Some(data) = private_data {
        println!("Its private Postgres is in {}", data.display());
    }
    let (closing, closed) = tokio::sync::oneshot::channel();
    let delay = args.shutdown_delay;
    let stopping = state.stopping.clone();
    let stop = {
        let stopping = stopping.clone();
        async move {
            told_to_stop(&stopping, delay, signals).await;
            tracing::info!("Stopping: finishing the requests that are under way.");
            let _ = closing.send(());
        }
    };
    let counts = state.metrics.connections();
    let limits = args.connection_limits();
    let serving = async {
        let proxies = state.config.proxies.clone();
        connections::serve(
            listener,
            router(state.clone()),
            limits,
            proxies,
            counts,
            stop,
        )
        .await;
        stopping.finished().await;
    };
    let served = tokio::select! {
        () = serving => Ok(()),
        () = forbidden.notified() => Err(anyhow::anyhow!("{}.", Obstacle::Forbidden)),
        // A request that hangs must not keep the server alive for ever.
        () = async { let _ = closed.await; tokio::time::sleep(SHUTDOWN).await } => {
            tracing::warn!("Some requests did not finish in time.");
            Ok(())
        }
    };
    state.release().await;
    served
}

/// Serves the metrics on an address of their own.
async fn serve_metrics(address: SocketAddr, state: &Holdfast) -> anyhow::Result<SocketAddr> {
    let listener = connections::listen(address)
        .with_context(|| format!("cannot listen on {address} (HOLDFAST_METRICS_LISTEN)"))?;
    let address = listener.local_addr()?;
    let (ended, events) = (state.ended.clone(), state.events.clone());
    let (pool, limits) = (state.pool.clone(), state.limits.clone());
    let service = metrics::router(&state.metrics, ended, events, pool, limits);
    let limits = connections::ConnectionLimits {
        most: 64,
        ..connections::ConnectionLimits::default()
    };
    let never = std::future::pending();
    let counts = ConnectionCounts::default();
    let proxies = Proxies::default();
    tokio::spawn(connections::serve(
        listener, service, limits, proxies, counts, never,
    ));
    Ok(address)
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
async fn told_to_stop(stopping: &Stopping, delay: Duration, mut signals: Signals) {
    let told = signals.next().await;
    stopping.tell();
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
