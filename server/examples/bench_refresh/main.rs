//! `cargo xtask bench refresh`: how many rotations a second one instance answers.
//!
//! Beside it runs `pgbench` with the same update, the same number of connections, on
//! the same Postgres, in the same run: what the database alone can do. The ratio of
//! the two is what Holdfast makes of it. A number by itself says more about the
//! machine than about Holdfast.
//!
//! Both share the machine's cores with the program that asks.

mod http;
mod pgbench;
mod server;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::wire::{RefreshRequest, SignupRequest, Tokens, paths};
use holdfast_server::local_postgres::{Durability, LocalPostgres, Options};
use holdfast_server::random;
use holdfast_server::store::MIGRATOR;
use sqlx::{Connection as _, PgConnection};

use crate::http::Connection;
use crate::server::Server;

/// Seconds before measuring begins: connections are made and caches filled.
const WARM_UP: Duration = Duration::from_secs(3);

fn main() -> anyhow::Result<()> {
    let argument = |n, default| -> anyhow::Result<u64> {
        std::env::args().nth(n).map_or(Ok(default), |text| {
            text.parse()
                .context("the arguments are seconds and connections")
        })
    };
    let seconds = argument(1, 15)?;
    let connections = argument(2, 16)?;
    ensure!((1..=600).contains(&seconds), "from 1 to 600 seconds");
    ensure!((1..=64).contains(&connections), "from 1 to 64 connections");
    let connections = u32::try_from(connections)?;
    tokio::runtime::Runtime::new()?.block_on(run(Duration::from_secs(seconds), connections))
}

async fn run(time: Duration, connections: u32) -> anyhow::Result<()> {
    let data_dir = std::env::temp_dir().join(format!("holdfast-bench-{}", std::process::id()));
    // Durable, as in service: a rotation that a power cut undoes does not count.
    let options = Options {
        data_dir: data_dir.clone(),
        durability: Durability::Durable,
        keep_running: false,
    };
    let postgres = LocalPostgres::start(options).await?;
    let measured = measure(&postgres, time, connections).await;
    postgres.release().await?;
    let _ = std::fs::remove_dir_all(postgres.data_dir());
    let _ = std::fs::remove_dir_all(data_dir);
    measured
}

async fn measure(postgres: &LocalPostgres, time: Duration, connections: u32) -> anyhow::Result<()> {
    let mut database = PgConnection::connect_with(&postgres.connect_options()).await?;
    MIGRATOR.run(&mut database).await?;

    eprintln!(
        "Rotations through HTTP for {} s, {connections} connections …",
        time.as_secs()
    );
    let server = Server::start(&postgres.database_url(), connections).await?;
    let http = rotate_by_http(&server, &mut database, time, connections).await?;
    drop(server);

    eprintln!("The same update by pgbench for {} s …", time.as_secs());
    let alone = pgbench::run(postgres, &mut database, time, connections).await?;
    database.close().await?;

    let cores = std::thread::available_parallelism()?;
    println!(
        "{cores} cores, Postgres {}, {connections} connections, {} s each\n",
        postgres.version(),
        time.as_secs()
    );
    println!("| what | result |\n| --- | --- |");
    println!(
        "| rotations a second through HTTP | {:.0} |",
        http.per_second
    );
    println!("| the same update by pgbench, a second | {alone:.0} |");
    println!("| ratio | {:.2} |", http.per_second / alone);
    println!("| latency p50 | {:.2} ms |", http.percentile(50));
    println!("| latency p99 | {:.2} ms |", http.percentile(99));
    println!("| WAL per rotation | {} bytes |", http.wal_per_rotation);
    println!("| HOT updates | {:.2} % |", http.hot_percent);
    println!(
        "| table `sessions` before and after | {} KiB, {} KiB |",
        http.table_before / 1024,
        http.table_after / 1024
    );
    println!(
        "| resident memory of the server | {:.1} MiB |",
        http.resident_kib / 1024.0
    );
    Ok(())
}

/// What was measured through HTTP.
struct Measured {
    per_second: f64,
    latencies: Vec<Duration>,
    wal_per_rotation: i64,
    hot_percent: f64,
    table_before: i64,
    table_after: i64,
    resident_kib: f64,
}

impl Measured {
    /// In milliseconds. The latencies are sorted.
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1000.0
    }
}

async fn rotate_by_http(
    server: &Server,
    database: &mut PgConnection,
    time: Duration,
    connections: u32,
) -> anyhow::Result<Measured> {
    let measuring = Arc::new(AtomicBool::new(false));
    let stopping = Arc::new(AtomicBool::new(false));
    let mut chains = Vec::new();
    for n in 0..connections {
        let mut connection = Connection::open(server.address()).await?;
        let tokens = sign_up(&mut connection, n).await?;
        chains.push((connection, tokens));
    }
    let tasks: Vec<_> = chains
        .into_iter()
        .map(|(connection, tokens)| {
            let (measuring, stopping) = (Arc::clone(&measuring), Arc::clone(&stopping));
            tokio::spawn(rotate_on(connection, tokens, measuring, stopping))
        })
        .collect();

    tokio::time::sleep(WARM_UP).await;
    let table_before = table_size(database).await?;
    let wal_before = wal_position(database).await?;
    let (updates_before, hot_before) = updates(database).await?;
    let start = Instant::now();
    measuring.store(true, Ordering::Relaxed);
    tokio::time::sleep(time).await;
    measuring.store(false, Ordering::Relaxed);
    let took = start.elapsed();
    let wal_after = wal_position(database).await?;
    let resident_kib = server.resident_kib()?;
    stopping.store(true, Ordering::Relaxed);

    let mut latencies = Vec::new();
    for task in tasks {
        latencies.extend(task.await??);
    }
    latencies.sort_unstable();
    ensure!(!latencies.is_empty(), "no rotation was answered");
    // Backends hand in their statistics a moment after they go idle.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let (updates_after, hot_after) = updates(database).await?;
    let count = i64::try_from(latencies.len())?;
    let (updates, hot) = (updates_after - updates_before, hot_after - hot_before);
    Ok(Measured {
        per_second: latencies.len() as f64 / took.as_secs_f64(),
        wal_per_rotation: (wal_after - wal_before) / count,
        hot_percent: hot as f64 * 100.0 / updates.max(1) as f64,
        table_before,
        table_after: table_size(database).await?,
        resident_kib,
        latencies,
    })
}

/// One browser that renews without a pause.
async fn rotate_on(
    mut connection: Connection,
    mut tokens: Tokens,
    measuring: Arc<AtomicBool>,
    stopping: Arc<AtomicBool>,
) -> anyhow::Result<Vec<Duration>> {
    let mut latencies = Vec::new();
    while !stopping.load(Ordering::Relaxed) {
        let key = AttemptKey::from_random(random::bytes());
        let body = serde_json::to_string(&RefreshRequest {
            refresh_token: tokens.refresh_token.clone(),
        })?;
        let start = Instant::now();
        let answer = connection
            .post(paths::REFRESH, &body, Some(key.expose()))
            .await?;
        if measuring.load(Ordering::Relaxed) {
            latencies.push(start.elapsed());
        }
        ensure!(
            answer.status == 200,
            "a rotation was answered {}",
            answer.status
        );
        tokens = serde_json::from_slice(&answer.body)?;
    }
    Ok(latencies)
}

async fn sign_up(connection: &mut Connection, n: u32) -> anyhow::Result<Tokens> {
    let body = serde_json::to_string(&SignupRequest {
        username: format!("bench{n}"),
        password: "correct horse battery staple".into(),
        remember: true,
    })?;
    let answer = connection.post(paths::SIGNUP, &body, None).await?;
    ensure!(
        answer.status == 201,
        "a sign-up was answered {}",
        answer.status
    );
    Ok(serde_json::from_slice(&answer.body)?)
}

async fn table_size(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select pg_table_size('sessions')")
        .fetch_one(database)
        .await
}

async fn wal_position(database: &mut PgConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("select (pg_current_wal_insert_lsn() - '0/0')::bigint")
        .fetch_one(database)
        .await
}

async fn updates(database: &mut PgConnection) -> sqlx::Result<(i64, i64)> {
    sqlx::query_as(
        "select n_tup_upd, n_tup_hot_upd from pg_stat_user_tables where relname = 'sessions'",
    )
    .fetch_one(database)
    .await
}

/// The server's program, beside this one's directory.
fn program() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let program = own
        .parent()
        .and_then(|examples| examples.parent())
        .map(|profile| profile.join("holdfast"))
        .filter(|program| program.is_file());
    program.context("build the server first: `cargo build --release --bin holdfast`")
}
