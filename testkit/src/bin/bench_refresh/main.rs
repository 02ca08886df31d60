//! `cargo xtask bench refresh`: how many rotations a second one instance and two instances answer.
//!
//! For comparison, `pgbench` runs the same update, with as many connections to Postgres as the
//! servers have clients, on the same Postgres, in the same run. It shows what the database alone can
//! do. The ratio of the two shows how much of this Holdfast reaches. A number by itself says more
//! about the machine than about Holdfast. The two take turns, so that a minute in which the machine
//! was busy affects both.
//!
//! After the rounds without a pause, the clients send half as many rotations a second. The latency
//! without a pause is mostly the time in which a request waits for the others; the latency at half
//! load is what a person meets.
//!
//! The servers, the database and the load generator share the machine's processors. The second table
//! shows how much each of them used for one rotation.

mod database;
mod flame;
mod load;
mod measured;
mod pgbench;
mod processors;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use clap::Parser as _;
use holdfast_local_postgres::LocalPostgres;
use holdfast_server::config::MasterSecret;
use holdfast_testkit::{Chain, Server, bench, cpu, migrate, program, variable};
use sqlx::{Connection as _, PgConnection};

use crate::load::Pace;
use crate::measured::{Measured, OnInstances, Row, mean};
use crate::processors::{Reading, Side};

/// How often the ways take turns.
const ROUNDS: usize = 3;

/// Time in each round before measuring begins: caches are filled.
const WARM_UP: Duration = Duration::from_secs(1);

/// Measures rotations a second.
#[derive(clap::Parser)]
struct Arguments {
    /// How many seconds a round takes.
    #[arg(default_value_t = 3, value_parser = clap::value_parser!(u64).range(1..=600))]
    seconds: u64,
    /// The numbers of clients.
    #[arg(value_delimiter = ',', default_values_t = [1, 16, 64, 256], value_parser = clap::value_parser!(u32).range(1..=256))]
    clients: Vec<u32>,
    /// How many other sessions are in the table.
    #[arg(long, default_value_t = 0)]
    sessions: u64,
    /// A variable for the servers, such as `HOLDFAST_ROTATION_LANES=2`; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    variable: Vec<(&'static str, String)>,
    /// Only records with `perf`, into this file, what one server does. Nothing is measured.
    #[arg(long)]
    record: Option<PathBuf>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    bench::run(bench::on_own_postgres(async |postgres| {
        run(postgres, &arguments).await
    }))
}

async fn run(postgres: &LocalPostgres, arguments: &Arguments) -> anyhow::Result<()> {
    let Some(measured) = use_database(postgres, arguments).await? else {
        return Ok(());
    };
    println!(
        "{} cores, Postgres {}, {} other sessions, {ROUNDS} rounds of {} s each\n",
        std::thread::available_parallelism()?,
        postgres.version(),
        arguments.sessions,
        arguments.seconds
    );
    measured.print();
    Ok(())
}

/// What the measurements need.
struct Bench<'a> {
    postgres: &'a LocalPostgres,
    postmaster: Option<u32>,
    database: PgConnection,
    servers: Vec<Server>,
    chains: Vec<Chain>,
    time: Duration,
    /// How often `pgbench` has run, and what it has rotated in all.
    by_pgbench: (usize, u64),
    wal: i64,
}

async fn use_database(
    postgres: &LocalPostgres,
    arguments: &Arguments,
) -> anyhow::Result<Option<Measured>> {
    migrate(&postgres.connect_options()).await;
    let mut database = PgConnection::connect_with(&postgres.connect_options()).await?;
    let secret = MasterSecret::generate();
    let mut settings = bench::settings(postgres, &secret);
    settings.extend(arguments.variable.iter().cloned());
    let instances = if arguments.record.is_some() { 1 } else { 2 };
    let mut servers = Vec::new();
    for _ in 0..instances {
        let server = Server::start(&program()?, &settings, None, Stdio::inherit()).await?;
        server.until_ready().await?;
        servers.push(server);
    }
    database::open_others(&mut database, arguments.sessions).await?;
    let most = arguments.clients.iter().max().context("no clients")?;
    let chains = Chain::open(&mut database, &secret, usize::try_from(*most)?).await?;
    let bench = Bench {
        postgres,
        postmaster: database::postmaster(&mut database).await?,
        database,
        servers,
        chains,
        time: Duration::from_secs(arguments.seconds),
        by_pgbench: (0, 0),
        wal: 0,
    };
    if let Some(file) = &arguments.record {
        bench.record(file).await?;
        return Ok(None);
    }
    bench.measure(&arguments.clients).await.map(Some)
}

impl Bench<'_> {
    async fn measure(mut self, clients: &[u32]) -> anyhow::Result<Measured> {
        let mut measured = Measured::default();
        measured.table.0 = database::table_size(&mut self.database).await?;
        for clients in clients {
            measured.rows.push(self.row(*clients).await?);
        }
        measured.wal = self.wal;
        measured.resident_kib = self
            .servers
            .iter()
            .filter_map(|server| cpu::resident_kib(server.process_id()))
            .collect();
        measured.table.1 = database::table_size(&mut self.database).await?;
        // Each rotation spends one token, so the rows must agree with the counts.
        let spent = database::generations(&mut self.database).await?;
        let by_http: u64 = self
            .chains
            .iter()
            .map(|chain| u64::from(chain.generation()))
            .sum();
        let counted = by_http + self.by_pgbench.1;
        ensure!(
            u64::try_from(spent)? == counted,
            "{counted} rotations were counted, and {spent} made"
        );
        self.servers.clear();
        tokio::time::sleep(Duration::from_secs(1)).await;
        measured.updates = database::updates(&mut self.database).await?;
        self.database.close().await?;
        Ok(measured)
    }

    /// Everything about one number of clients.
    async fn row(&mut self, clients: u32) -> anyhow::Result<Row> {
        let on_instances = |instances| OnInstances {
            instances,
            ..OnInstances::default()
        };
        let mut row = Row {
            clients: usize::try_from(clients)?,
            pgbench: Side::default(),
            http: (1..=self.servers.len()).map(on_instances).collect(),
        };
        for round in 1..=ROUNDS {
            eprintln!(
                "{clients} clients, round {round} of {ROUNDS}: through HTTP, then by pgbench …"
            );
            for on in &mut row.http {
                self.without_a_pause(on, row.clients).await?;
            }
            self.by_pgbench(&mut row.pgbench, clients).await?;
        }
        eprintln!("{clients} clients, at half load …");
        for on in &mut row.http {
            on.latencies.sort_unstable();
            let half = Pace::PerSecond(mean(&on.side.per_second) / 2.0);
            on.at_half_load = self
                .renew(on.instances, row.clients, half, None)
                .await?
                .latencies;
        }
        Ok(row)
    }

    async fn without_a_pause(
        &mut self,
        on: &mut OnInstances,
        clients: usize,
    ) -> anyhow::Result<()> {
        let (instances, side) = (on.instances, Some(&mut on.side));
        let round = self
            .renew(instances, clients, Pace::WithoutPause, side)
            .await?;
        let rotations = round.latencies.len() as u64;
        let per_second = rotations as f64 / round.took.as_secs_f64();
        on.side.add_round(rotations, round.took, per_second);
        on.latencies.extend(round.latencies);
        Ok(())
    }

    /// The first `clients` sessions renew at the first `instances` servers.
    async fn renew(
        &mut self,
        instances: usize,
        clients: usize,
        pace: Pace,
        side: Option<&mut Side>,
    ) -> anyhow::Result<load::Rotations> {
        let addresses = self.addresses(instances);
        let (servers, postmaster) = (&self.servers, self.postmaster);
        let database = tokio::sync::Mutex::new(&mut self.database);
        let wal = async || database::wal_position(*database.lock().await).await;
        let all_wal = &mut self.wal;
        let mut chains: Vec<_> = self.chains.drain(..clients).collect();
        let rotations = load::run(
            &mut chains,
            &addresses,
            pace,
            (WARM_UP, self.time),
            async || Ok((wal().await?, Reading::of_clients(servers, postmaster))),
            async |(wal_before, before): (i64, Reading)| {
                if let Some(side) = side {
                    side.add_usage(&before, &Reading::of_clients(servers, postmaster));
                    *all_wal += wal().await? - wal_before;
                }
                Ok(())
            },
        )
        .await?;
        self.chains.splice(..0, chains);
        Ok(rotations)
    }

    fn addresses(&self, instances: usize) -> Vec<SocketAddr> {
        let servers = self.servers.iter().take(instances);
        servers.map(Server::address).collect()
    }

    async fn by_pgbench(&mut self, side: &mut Side, clients: u32) -> anyhow::Result<()> {
        let (runs, rotations) = &mut self.by_pgbench;
        *runs += 1;
        let before = Reading::of_pgbench(&self.servers, self.postmaster);
        let start = Instant::now();
        let done =
            pgbench::run(self.postgres, &mut self.database, *runs, self.time, clients).await?;
        // The processes of its connections end a moment later. While Postgres takes note of that,
        // their time cannot be read.
        tokio::time::sleep(Duration::from_millis(300)).await;
        // This is with the time to connect, which pgbench does not count in its own number.
        let took = start.elapsed();
        let after = Reading::of_pgbench(&self.servers, self.postmaster);
        side.add_usage(&before, &after);
        side.add_round(done.transactions, took, done.per_second);
        *rotations += done.transactions;
        Ok(())
    }

    /// Records one server while all clients renew.
    async fn record(mut self, file: &std::path::Path) -> anyhow::Result<()> {
        let recording = flame::Recording::start(&self.servers[0], WARM_UP + self.time, file)?;
        let clients = self.chains.len();
        self.renew(1, clients, Pace::WithoutPause, None).await?;
        recording.finish()
    }
}
