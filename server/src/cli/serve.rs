//! `holdfast serve`.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use super::database::Database;
use crate::clock::Clock;
use crate::config::{Config, LogFormat, ServeArgs};
use crate::endings::{self, EndedSessions};
use crate::keys::Keys;
use crate::metrics::{self, Metrics};
use crate::password_hash::PasswordHashes;
use crate::profiles::Profiles;
use crate::state::AppState;
use crate::store::Pool;
use crate::{router, secrets, ssr, sweep};

/// How long requests may take to finish once the server has been told to stop.
const SHUTDOWN: Duration = Duration::from_secs(10);

pub(super) async fn run(args: ServeArgs) -> anyhow::Result<()> {
    start_logs(args.log_format);
    let config = Config::new(&args)?;
    let database = Database::open(&args.database, ssr::is_watched()).await?;
    // Whatever happens from here on, the private Postgres is released.
    let served = serve(&args, config, &database).await;
    let released = database.release().await;
    served.and(released)
}

async fn serve(args: &ServeArgs, config: Config, database: &Database) -> anyhow::Result<()> {
    let listener = TcpListener::bind(args.listen)
        .await
        .with_context(|| format!("cannot listen on {} (HOLDFAST_LISTEN)", args.listen))?;
    let private_data = database.private.as_ref().map(|private| private.data_dir());
    let secrets = secrets::from_args(args, private_data)?;
    let clock = Clock::system();
    let keys = Keys::new(secrets, clock.now());
    let pool = database.migrated_pool(args.database_connections).await?;
    secrets::check(&pool, &keys).await?;

    let state = state(config, pool.clone(), keys, clock);
    if !ssr::site_is_built(&state.leptos) {
        let site = &state.leptos.site_root;
        tracing::warn!(%site, "The pages' files are not there, so pages will not come alive. Build them with `cargo leptos build`.");
    }
    tokio::spawn(endings::reader::run(pool.clone(), state.ended.clone()));
    tokio::spawn(endings::listener::run(pool.clone(), state.ended.clone()));
    tokio::spawn(sweep::run(state.clone()));
    let metrics = match args.metrics_listen {
        Some(address) => Some(serve_metrics(address, &state).await?),
        None => None,
    };
    if let Some(private) = &database.private {
        tokio::spawn(Arc::clone(private).supervise());
    }

    let address = listener.local_addr()?;
    let postgres = database.private.as_ref().map(|private| private.version());
    tracing::info!(%address, issuer = %state.config.issuer, private.postgres = postgres, "Serving.");
    println!("Holdfast is at http://{address}");
    if let Some(address) = metrics {
        println!("Its metrics are at http://{address}/metrics");
    }
    if let Some(data) = private_data {
        println!("Its private Postgres lives in {}", data.display());
    }
    let service = router(state).into_make_service_with_connect_info::<SocketAddr>();
    let (stopping, stopped) = tokio::sync::oneshot::channel();
    let serving = axum::serve(listener, service).with_graceful_shutdown(async move {
        told_to_stop().await;
        tracing::info!("Stopping: finishing the requests that are under way.");
        let _ = stopping.send(());
    });
    tokio::select! {
        served = serving => served?,
        // A connection that stays open must not keep the server alive for ever.
        () = async { let _ = stopped.await; tokio::time::sleep(SHUTDOWN).await } => {
            tracing::warn!("Some requests did not finish in time.");
        }
    }
    let _ = tokio::time::timeout(Duration::from_secs(2), pool.close()).await;
    Ok(())
}

/// What operators count, on an address of its own.
async fn serve_metrics(address: SocketAddr, state: &AppState) -> anyhow::Result<SocketAddr> {
    let listener = TcpListener::bind(address)
        .await
        .with_context(|| format!("cannot listen on {address} (HOLDFAST_METRICS_LISTEN)"))?;
    let address = listener.local_addr()?;
    let service = metrics::router(&state.metrics, state.ended.clone(), state.pool.clone());
    tokio::spawn(async move { axum::serve(listener, service).await });
    Ok(address)
}

/// The state of an instance of this configuration.
fn state(config: Config, pool: Pool, keys: Keys, clock: Clock) -> AppState {
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    AppState {
        // One core stays free for people who are signed in already.
        passwords: PasswordHashes::new(config.password_cost, (cores - 1).max(1), 32),
        ended: EndedSessions::new(config.access_token_ttl),
        profiles: Profiles::default(),
        metrics: Metrics::default(),
        config: Arc::new(config),
        keys: Arc::new(keys),
        leptos: ssr::leptos_options(),
        pool,
        clock,
    }
}

fn start_logs(format: LogFormat) {
    let filter = EnvFilter::try_from_env("HOLDFAST_LOG")
        .unwrap_or_else(|_| EnvFilter::new("info,sqlx=warn"));
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    // A second start in one process (a test) keeps the first one's logs.
    let _ = match format {
        LogFormat::Text => logs.try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
}

/// SIGINT or SIGTERM.
async fn told_to_stop() {
    match (
        signal(SignalKind::interrupt()),
        signal(SignalKind::terminate()),
    ) {
        (Ok(mut interrupt), Ok(mut terminate)) => {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        }
        _ => std::future::pending().await,
    }
}
