//! `cargo xtask bench memory`: how much memory one instance keeps.
//!
//! It is measured five times: when the server has just started, after sign-ins, when many sessions
//! have been renewed once, after they have gone on for some time, and at rest. Each renewal is followed by a
//! call with the new access token, so that the server's caches are filled as in service.

use std::cell::Cell;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use axum::http::Method;
use clap::Parser as _;
use holdfast_local_postgres::LocalPostgres;
use holdfast_protocol::wire::paths;
use holdfast_server::config::MasterSecret;
use holdfast_testkit::{
    Chain, Connection, Http, PASSWORD, Server, bench, cpu, migrate, program, variable,
};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;
use tokio::task::{JoinHandle, spawn_local};
use tokio::time::{Instant, sleep, timeout};

/// How many accounts sign in.
const ACCOUNTS: usize = 50;

/// How many sign-ins are under way at once. The server lets two wait for one address.
const SIGN_INS_AT_ONCE: usize = 2;

/// How long the server rests before its memory is read.
const REST: Duration = Duration::from_secs(2);

/// Measures how much memory one instance keeps.
#[derive(clap::Parser)]
struct Arguments {
    /// How many seconds the sessions go on, after each was renewed once.
    #[arg(default_value_t = 60)]
    seconds: u64,
    /// How many sign-ins there are.
    #[arg(long, default_value_t = 1_000)]
    sign_ins: usize,
    /// How many sessions renew.
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// How many connections the renewals use.
    #[arg(long, default_value_t = 256, value_parser = clap::value_parser!(u32).range(1..))]
    connections: u32,
    /// How many renewals a second there are, once each session was renewed. Without it there is no pause
    /// between two renewals of a connection.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    rate: Option<u32>,
    /// A variable for the server, such as `MALLOC_ARENA_MAX=2`; can be given several times.
    #[arg(long, value_name = "NAME=VALUE", value_parser = variable)]
    variable: Vec<(&'static str, String)>,
}

fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    bench::run(bench::on_own_postgres(async |postgres| {
        run(postgres, &arguments).await
    }))
}

async fn run(postgres: &LocalPostgres, arguments: &Arguments) -> anyhow::Result<()> {
    let measured = measure(postgres, arguments).await?;
    let cores = std::thread::available_parallelism()?;
    println!("{cores} cores, {} connections\n", arguments.connections);
    println!("| the server | resident memory |\n| --- | --- |");
    for (when, kib) in measured {
        println!("| {when} | {:.1} MiB |", kib as f64 / 1024.0);
    }
    Ok(())
}

async fn measure(
    postgres: &LocalPostgres,
    arguments: &Arguments,
) -> anyhow::Result<Vec<(String, u64)>> {
    migrate(&postgres.connect_options()).await;
    let mut database = PgConnection::connect_with(&postgres.connect_options()).await?;
    let secret = MasterSecret::generate();
    let mut settings = bench::settings(postgres, &secret);
    settings.extend(arguments.variable.iter().cloned());
    let server = Server::start(&program()?, &settings, None, Stdio::inherit()).await?;
    server.until_ready().await?;

    let mut measured = Vec::new();
    let mut read = async |when: String| {
        sleep(REST).await;
        let kib = cpu::resident_kib(server.process_id());
        measured.push((when, kib.context("the system does not tell it")?));
        anyhow::Ok(())
    };
    read("idle".to_owned()).await?;

    eprintln!("{} sign-ins …", arguments.sign_ins);
    sign_in(&server, arguments.sign_ins).await?;
    read(format!("after {} sign-ins", arguments.sign_ins)).await?;

    eprintln!("{} sessions renew …", arguments.sessions);
    let chains = Chain::open(&mut database, &secret, arguments.sessions).await?;
    let mut browsers = Browsers::start(&server, chains, arguments).await?;
    browsers.until_each_has_renewed().await?;
    read(format!(
        "when {} sessions have been renewed once, and go on",
        arguments.sessions
    ))
    .await?;
    browsers
        .go_on(Duration::from_secs(arguments.seconds))
        .await?;
    read(format!("after {} more seconds of this", arguments.seconds)).await?;
    let renewals = browsers.stop().await?;
    eprintln!("{renewals} renewals, each with a protected call.");
    read("afterwards, at rest".to_owned()).await?;
    database.close().await?;
    Ok(measured)
}

/// So many sign-ins, in turn by a few accounts.
async fn sign_in(server: &Server, count: usize) -> anyhow::Result<()> {
    let address = server.address();
    for n in 0..ACCOUNTS {
        Http.try_sign_up(address, &name(n)).await?;
    }
    let next = Rc::new(Cell::new(0));
    let mut people = Vec::new();
    for _ in 0..SIGN_INS_AT_ONCE {
        let next = Rc::clone(&next);
        people.push(spawn_local(async move {
            while next.get() < count {
                let account = next.replace(next.get() + 1) % ACCOUNTS;
                let mut answer = Http.log_in(address, &name(account), PASSWORD).await;
                // On a busy machine the server refuses some for now.
                while [429, 503].contains(&answer.status.as_u16()) {
                    sleep(Duration::from_secs(1)).await;
                    answer = Http.log_in(address, &name(account), PASSWORD).await;
                }
                ensure!(answer.status == 200, "a sign-in: {}", answer.summary());
            }
            Ok(())
        }));
    }
    for person in people {
        person.await??;
    }
    Ok(())
}

fn name(account: usize) -> String {
    format!("person{account}")
}

/// Sessions that renew one after the other, and again from the first.
struct Browsers {
    connections: Vec<JoinHandle<anyhow::Result<u64>>>,
    progress: Rc<Progress>,
}

#[derive(Default)]
struct Progress {
    /// How many connections have renewed all their sessions once.
    once: Cell<usize>,
    stopping: Cell<bool>,
    /// Wakes the connections that pause.
    stopped: Notify,
}

impl Browsers {
    async fn start(
        server: &Server,
        mut chains: Vec<Chain>,
        arguments: &Arguments,
    ) -> anyhow::Result<Self> {
        let progress = Rc::new(Progress::default());
        let each = chains.len().div_ceil(arguments.connections as usize);
        let pause = arguments
            .rate
            .map(|rate| Duration::from_secs(1) * arguments.connections / rate);
        let mut connections = Vec::new();
        while !chains.is_empty() {
            let own = chains.split_off(chains.len().saturating_sub(each));
            let connection = Connection::open(server.address()).await?;
            let renewing = renew(connection, own, pause, Rc::clone(&progress));
            connections.push(spawn_local(renewing));
        }
        Ok(Self {
            connections,
            progress,
        })
    }

    async fn until_each_has_renewed(&mut self) -> anyhow::Result<()> {
        while self.progress.once.get() < self.connections.len() {
            self.go_on(Duration::from_millis(50)).await?;
        }
        Ok(())
    }

    /// Waits for so long. A renewal that fails meanwhile is an error.
    async fn go_on(&mut self, time: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + time;
        while Instant::now() < end {
            if let Some(at) = self.connections.iter().position(JoinHandle::is_finished) {
                self.connections.swap_remove(at).await??;
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    async fn stop(self) -> anyhow::Result<u64> {
        self.progress.stopping.set(true);
        self.progress.stopped.notify_waiters();
        let mut renewals = 0;
        for connection in self.connections {
            renewals += connection.await??;
        }
        Ok(renewals)
    }
}

async fn renew(
    mut connection: Connection,
    mut chains: Vec<Chain>,
    pause: Option<Duration>,
    progress: Rc<Progress>,
) -> anyhow::Result<u64> {
    let mut renewals = 0;
    loop {
        for chain in &mut chains {
            let goes_on = chain.generation() > 0 && !progress.stopping.get();
            if let Some(pause) = pause.filter(|_| goes_on) {
                let _ = timeout(pause, progress.stopped.notified()).await;
            }
            if progress.stopping.get() {
                return Ok(renewals);
            }
            let rotated = chain.rotate(&mut connection).await?;
            renewals += 1;
            let bearer = format!("Bearer {}", rotated.access_token.expose());
            let headers = [("authorization", bearer.as_str())];
            let mut call = async || {
                connection
                    .send(Method::GET, paths::ACCOUNT, &headers, None)
                    .await
            };
            let mut called = call().await?;
            // On a busy machine the server refuses some for now.
            while called.status == 503 {
                sleep(Duration::from_millis(50)).await;
                called = call().await?;
            }
            ensure!(called.status == 200, "a call: {}", called.summary());
        }
        if renewals == chains.len() as u64 {
            progress.once.set(progress.once.get() + 1);
        }
    }
}
