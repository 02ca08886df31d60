//! The servers and their Postgres, and their restarts.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::Context as _;
use holdfast_local_postgres::LocalPostgres;
use holdfast_testkit::{Random, Server, program};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Variables of the environment.
pub(crate) type Settings = Vec<(&'static str, String)>;

/// Two servers, or more, on one Postgres.
pub(crate) struct Fleet {
    servers: Vec<Server>,
    settings: Settings,
    postgres: Arc<LocalPostgres>,
    logs: PathBuf,
}

/// Counts of what has happened.
#[derive(Default)]
struct Counts {
    killed: AtomicUsize,
    replaced: AtomicUsize,
    frozen: AtomicUsize,
    database_crashes: AtomicUsize,
    database_cuts: AtomicUsize,
}

/// The restarts, which go on until they are ended.
pub(crate) struct Restarts {
    counts: Arc<Counts>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<anyhow::Result<Fleet>>,
}

/// The result at the end: the fleet, with everything running.
pub(crate) struct Restarted {
    counts: Arc<Counts>,
    fleet: Fleet,
}

impl Fleet {
    /// Starts this many servers.
    pub(crate) async fn start(
        count: usize,
        settings: Settings,
        postgres: Arc<LocalPostgres>,
        logs: PathBuf,
    ) -> anyhow::Result<Self> {
        let mut fleet = Self {
            servers: Vec::new(),
            settings,
            postgres,
            logs,
        };
        for n in 0..count {
            let server = fleet.start_one(n, None).await?;
            fleet.servers.push(server);
        }
        Ok(fleet)
    }

    async fn start_one(&self, n: usize, address: Option<SocketAddr>) -> anyhow::Result<Server> {
        let log = File::options()
            .create(true)
            .append(true)
            .open(self.log_of(n))
            .context("a log cannot be written")?;
        let log = Stdio::from(log);
        let server = Server::start(&program()?, &self.settings, address, log).await?;
        server.until_ready().await?;
        Ok(server)
    }

    fn log_of(&self, n: usize) -> PathBuf {
        self.logs.join(format!("server-{n}.log"))
    }

    pub(crate) fn addresses(&self) -> Vec<SocketAddr> {
        self.servers.iter().map(Server::address).collect()
    }

    /// From now on a restart or a crash happens every ten to thirty seconds.
    pub(crate) fn restart_at_random(self, random: Random) -> Restarts {
        let counts = Arc::new(Counts::default());
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(self.go_on(random, Arc::clone(&counts), stopped));
        Restarts { counts, stop, task }
    }

    async fn go_on(
        mut self,
        mut random: Random,
        counts: Arc<Counts>,
        mut stopped: oneshot::Receiver<()>,
    ) -> anyhow::Result<Self> {
        loop {
            let pause = Duration::from_millis(10_000 + random.below(20_000));
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                _ = &mut stopped => return Ok(self),
            }
            self.something_happens(&mut random, &counts).await?;
        }
    }

    /// Makes one random restart or crash. Afterwards everything runs again.
    async fn something_happens(
        &mut self,
        random: &mut Random,
        counts: &Counts,
    ) -> anyhow::Result<()> {
        let n = usize::try_from(random.below(self.servers.len() as u64))?;
        let meanwhile = Duration::from_millis(random.below(4000));
        let count = match random.below(8) {
            0 | 1 => {
                self.servers[n].signal(Signal::SIGKILL)?;
                tokio::time::sleep(meanwhile).await;
                self.start_again(n).await?;
                &counts.killed
            }
            2 => {
                self.servers[n].signal(Signal::SIGTERM)?;
                self.start_again(n).await?;
                &counts.replaced
            }
            3 | 4 => {
                self.servers[n].signal(Signal::SIGSTOP)?;
                tokio::time::sleep(meanwhile).await;
                self.servers[n].signal(Signal::SIGCONT)?;
                &counts.frozen
            }
            5 | 6 => {
                self.crash_postgres()?;
                self.until_postgres_serves().await?;
                &counts.database_crashes
            }
            _ => {
                self.cut_database_connections().await?;
                &counts.database_cuts
            }
        };
        count.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Starts a server at the same address after the one before has ended.
    async fn start_again(&mut self, n: usize) -> anyhow::Result<()> {
        let address = self.servers[n].address();
        self.servers[n].until_gone().await?;
        self.servers[n] = self.start_one(n, Some(address)).await?;
        Ok(())
    }

    /// Crashes Postgres like `pg_ctl stop --mode immediate`, so that it has to recover afterwards.
    /// The supervisor starts it again.
    fn crash_postgres(&self) -> anyhow::Result<()> {
        let file = self.postgres.data_dir().join("postgres/postmaster.pid");
        let text = std::fs::read_to_string(file)?;
        let id = text.lines().next().unwrap_or_default().trim().parse()?;
        kill(Pid::from_raw(id), Signal::SIGQUIT).context("Postgres cannot be signalled")
    }

    async fn until_postgres_serves(&self) -> anyhow::Result<()> {
        tokio::time::sleep(Duration::from_millis(500)).await;
        for _ in 0..300 {
            if PgConnection::connect_with(&self.postgres.connect_options())
                .await
                .is_ok()
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        anyhow::bail!("Postgres does not come back")
    }

    async fn cut_database_connections(&self) -> anyhow::Result<()> {
        let options = self.postgres.connect_options();
        let mut database = PgConnection::connect_with(&options).await?;
        sqlx::query(
            "select pg_terminate_backend(pid) from pg_stat_activity
             where application_name = 'holdfast'",
        )
        .execute(&mut database)
        .await?;
        database.close().await?;
        Ok(())
    }
}

impl Restarts {
    pub(crate) fn so_far(&self) -> usize {
        self.counts.total()
    }

    /// Ends the restarts, with everything running.
    pub(crate) async fn end(self) -> anyhow::Result<Restarted> {
        let _ = self.stop.send(());
        Ok(Restarted {
            fleet: self.task.await??,
            counts: self.counts,
        })
    }
}

impl Restarted {
    pub(crate) fn so_far(&self) -> usize {
        self.counts.total()
    }

    pub(crate) fn print(&self) {
        let counts = &self.counts;
        for (what, count) in [
            ("servers killed", &counts.killed),
            ("servers replaced", &counts.replaced),
            ("servers frozen", &counts.frozen),
            ("crashes of Postgres", &counts.database_crashes),
            ("all database connections cut", &counts.database_cuts),
        ] {
            println!("| {what} | {} |", count.load(Ordering::Relaxed));
        }
        println!("| panics of servers | {} |", self.fleet.panics());
    }
}

impl Fleet {
    fn panics(&self) -> usize {
        (0..self.servers.len())
            .filter_map(|n| std::fs::read_to_string(self.log_of(n)).ok())
            .map(|log| log.matches("panicked").count())
            .sum()
    }
}

impl Counts {
    fn total(&self) -> usize {
        [
            &self.killed,
            &self.replaced,
            &self.frozen,
            &self.database_crashes,
            &self.database_cuts,
        ]
        .iter()
        .map(|count| count.load(Ordering::Relaxed))
        .sum()
    }
}
