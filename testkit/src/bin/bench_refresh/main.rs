//! `cargo xtask bench refresh`: how many rotations a second one instance answers.
//!
//! For comparison, `pgbench` runs the same update, with as many connections to Postgres as the
//! server has clients, on the same Postgres, in the same run. It shows what the database alone can
//! do. The ratio of the two shows how much of this Holdfast reaches. A number by itself says more
//! about the machine than about Holdfast. The two take turns, so that a minute in which the machine
//! was busy affects both.
//!
//! The server, the database and the load generator share the machine's processors. The second table
//! shows how much each of them used for one rotation.

mod database;
mod load;
mod pgbench;

use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use holdfast_local_postgres::LocalPostgres;
use holdfast_server::config::MasterSecret;
use holdfast_server::private_postgres;
use holdfast_testkit::cpu::{self, Cpu};
use holdfast_testkit::{Server, migrate, program};
use sqlx::{Connection as _, PgConnection};

use crate::load::Load;

/// How many rounds there are.
const ROUNDS: usize = 3;

/// Time in each round before measuring begins: caches are filled.
const WARM_UP: Duration = Duration::from_secs(1);

/// If other programs use more than this share of the machine, the result is not reliable.
const BUSY_MACHINE: f64 = 0.05;

fn main() -> anyhow::Result<()> {
    let argument = |n, default| -> anyhow::Result<u64> {
        std::env::args().nth(n).map_or(Ok(default), |text| {
            text.parse()
                .context("the arguments are the seconds of a round, and connections")
        })
    };
    let seconds = argument(1, 10)?;
    let connections = argument(2, 16)?;
    ensure!((1..=600).contains(&seconds), "from 1 to 600 seconds");
    ensure!(
        (1..=150).contains(&connections),
        "from 1 to 150 connections"
    );
    let connections = u32::try_from(connections)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let run = run(Duration::from_secs(seconds), connections);
    tokio::task::LocalSet::new().block_on(&runtime, run)
}

async fn run(time: Duration, connections: u32) -> anyhow::Result<()> {
    let data_dir = std::env::temp_dir().join(format!("holdfast-bench-{}", std::process::id()));
    // The database is durable, as in service: a rotation that a power cut can undo does not count.
    let postgres = private_postgres::start(private_postgres::options(&data_dir)).await?;
    let measured = measure(&postgres, time, connections).await;
    postgres.release().await?;
    let _ = std::fs::remove_dir_all(postgres.data_dir());
    let _ = std::fs::remove_dir_all(data_dir);
    let cores = std::thread::available_parallelism()?;
    println!(
        "{cores} cores, Postgres {}, {connections} connections, {ROUNDS} rounds of {} s each\n",
        postgres.version(),
        time.as_secs()
    );
    measured?.print();
    Ok(())
}

/// The measurements.
#[derive(Default)]
struct Measured {
    http: Side,
    pgbench: Side,
    /// `pgbench`'s own number for each round, without the time to connect.
    alone: Vec<f64>,
    ratios: Vec<f64>,
    latencies: Vec<Duration>,
    wal: i64,
    updates: (i64, i64),
    table: (i64, i64),
    resident_kib: Option<u64>,
}

/// One of the two ways, as a sum over its rounds.
#[derive(Default)]
struct Side {
    rotations: u64,
    took: Duration,
    server: Cpu,
    database: Cpu,
    load: Cpu,
    machine: Duration,
}

/// The processors' time up to now.
#[derive(Default)]
struct Reading {
    server: Option<Cpu>,
    database: Option<Cpu>,
    load: Option<Cpu>,
    machine: Option<Duration>,
}

impl Side {
    fn per_second(&self) -> f64 {
        self.rotations as f64 / self.took.as_secs_f64()
    }

    fn add(&mut self, before: &Reading, after: &Reading) {
        let passed = |before: Option<Cpu>, after: Option<Cpu>| match (before, after) {
            (Some(before), Some(after)) => after - before,
            _ => Cpu::default(),
        };
        self.server = self.server + passed(before.server, after.server);
        self.database = self.database + passed(before.database, after.database);
        self.load = self.load + passed(before.load, after.load);
        if let (Some(before), Some(after)) = (before.machine, after.machine) {
            self.machine += after.saturating_sub(before);
        }
    }

    /// The share of the machine that other programs have used.
    fn others(&self) -> f64 {
        let ours = self.server.total() + self.database.total() + self.load.total();
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        self.machine.saturating_sub(ours).as_secs_f64() / (self.took.as_secs_f64() * cores as f64)
    }
}

async fn measure(
    postgres: &LocalPostgres,
    time: Duration,
    connections: u32,
) -> anyhow::Result<Measured> {
    migrate(&postgres.connect_options()).await;
    let mut database = PgConnection::connect_with(&postgres.connect_options()).await?;
    let postmaster = database::postmaster(&mut database).await?;
    let settings = [
        ("DATABASE_URL", postgres.database_url()),
        (
            "HOLDFAST_SECRET",
            MasterSecret::generate().encode().to_string(),
        ),
        // All of them sign up from one address.
        ("HOLDFAST_ATTEMPTS", "1000".to_owned()),
        ("HOLDFAST_LOG", "error".to_owned()),
    ];
    let server = Server::start(&program()?, &settings, None, Stdio::inherit()).await?;
    server.until_ready().await?;
    let mut load = Load::sign_up(server.address(), connections).await?;

    let mut measured = Measured::default();
    let mut by_pgbench = 0;
    measured.table.0 = database::table_size(&mut database).await?;
    for round in 1..=ROUNDS {
        eprintln!("Round {round} of {ROUNDS}: through HTTP, then by pgbench …");
        let before = (measured.http.rotations, measured.http.took);
        http_round(
            &server,
            postmaster,
            &mut load,
            &mut database,
            time,
            &mut measured,
        )
        .await?;
        let by_http = (measured.http.rotations - before.0) as f64
            / (measured.http.took - before.1).as_secs_f64();

        let reading = || Reading {
            server: cpu::of_process(server.process_id()),
            database: postmaster.and_then(cpu::of_family),
            load: cpu::of_ended_children(),
            machine: cpu::of_machine(),
        };
        let (before, start) = (reading(), Instant::now());
        let alone = pgbench::run(postgres, &mut database, round, time, connections).await?;
        measured.pgbench.took += start.elapsed();
        measured.pgbench.add(&before, &reading());
        measured.pgbench.rotations += alone.transactions;
        by_pgbench += alone.transactions;
        measured.alone.push(alone.per_second);
        measured.ratios.push(by_http / alone.per_second);
    }
    measured.resident_kib = cpu::resident_kib(server.process_id());
    measured.table.1 = database::table_size(&mut database).await?;
    // Each rotation spends one token, so the rows must agree with the counts.
    let spent = database::generations(&mut database).await?;
    let counted = load.rotations() + by_pgbench;
    ensure!(
        u64::try_from(spent)? == counted,
        "{counted} rotations were counted, and {spent} made"
    );
    drop((load, server));
    tokio::time::sleep(Duration::from_secs(1)).await;
    measured.updates = database::updates(&mut database).await?;
    database.close().await?;
    measured.latencies.sort_unstable();
    Ok(measured)
}

async fn http_round(
    server: &Server,
    postmaster: Option<u32>,
    load: &mut Load,
    database: &mut PgConnection,
    time: Duration,
    measured: &mut Measured,
) -> anyhow::Result<()> {
    let reading = || Reading {
        server: cpu::of_process(server.process_id()),
        database: postmaster.and_then(cpu::of_family),
        load: cpu::of_process(std::process::id()),
        machine: cpu::of_machine(),
    };
    let database = tokio::sync::Mutex::new(database);
    let wal = async || database::wal_position(*database.lock().await).await;
    let (side, all_wal) = (&mut measured.http, &mut measured.wal);
    let rotations = load
        .run(
            WARM_UP,
            time,
            async || Ok((wal().await?, reading())),
            async |(wal_before, before): (i64, Reading)| {
                side.add(&before, &reading());
                *all_wal += wal().await? - wal_before;
                Ok(())
            },
        )
        .await?;
    measured.http.rotations += rotations.latencies.len() as u64;
    measured.http.took += rotations.took;
    measured.latencies.extend(rotations.latencies);
    Ok(())
}

impl Measured {
    fn print(&self) {
        let (http, pgbench) = (&self.http, &self.pgbench);
        let ratios: Vec<_> = self.ratios.iter().map(|it| format!("{it:.2}")).collect();
        println!("| what | result |\n| --- | --- |");
        println!(
            "| rotations a second through HTTP | {:.0} |",
            http.per_second()
        );
        println!(
            "| the same update by pgbench, a second | {:.0} |",
            mean(&self.alone)
        );
        println!(
            "| ratio (by round: {}) | {:.2} |",
            ratios.join(", "),
            mean(&self.ratios)
        );
        println!("| latency p50 | {:.2} ms |", self.percentile(50));
        println!("| latency p99 | {:.2} ms |", self.percentile(99));
        println!(
            "| WAL per rotation | {} bytes |",
            self.wal / i64::try_from(http.rotations.max(1)).unwrap_or(i64::MAX)
        );
        println!(
            "| HOT updates | {:.2} % |",
            self.updates.1 as f64 * 100.0 / self.updates.0.max(1) as f64
        );
        println!(
            "| table `sessions` before and after | {} KiB, {} KiB |",
            self.table.0 / 1024,
            self.table.1 / 1024
        );
        if let Some(resident) = self.resident_kib {
            println!(
                "| resident memory of the server | {:.1} MiB |",
                resident as f64 / 1024.0
            );
        }
        if http.machine.is_zero() {
            return;
        }
        println!("\n| processor time for one rotation | through HTTP | by pgbench |");
        println!("| --- | --- | --- |");
        let row = |what: &str, of: fn(&Side) -> Cpu| {
            println!("| {what} | {} | {} |", each(http, of), each(pgbench, of));
        };
        row("Holdfast", |side| side.server);
        row("Postgres", |side| side.database);
        row("the load generator", |side| side.load);
        row("together", |side| side.server + side.database + side.load);
        println!(
            "| used by other programs meanwhile | {:.0} % of the machine | {:.0} % |",
            http.others() * 100.0,
            pgbench.others() * 100.0
        );
        if http.others() > BUSY_MACHINE || pgbench.others() > BUSY_MACHINE {
            println!("\nThe machine was busy with something else: measure again.");
        }
    }

    /// In milliseconds.
    fn percentile(&self, percent: usize) -> f64 {
        let at = (self.latencies.len() * percent / 100).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1000.0
    }
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// `210 µs (90 in the kernel)`.
fn each(side: &Side, of: fn(&Side) -> Cpu) -> String {
    let micros = |time: Duration| time.as_secs_f64() * 1e6 / side.rotations.max(1) as f64;
    let cpu = of(side);
    format!(
        "{:.0} µs ({:.0} in the kernel)",
        micros(cpu.total()),
        micros(cpu.system)
    )
}
