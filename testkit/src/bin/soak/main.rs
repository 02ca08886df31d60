//! `cargo xtask soak`: faults and restarts sign no client out.
//!
//! Two servers run on one Postgres, with access tokens of five seconds. The network in front of
//! them loses, delays, cuts and doubles requests and answers. Meanwhile servers are killed, frozen
//! and replaced, and Postgres crashes. Two hundred clients and ten tabs of one browser keep making
//! calls. Each client carries out what `holdfast_protocol::renewal` decides, like the browser, so
//! the rules are not written a second time.
//!
//! Afterwards everything is repaired, and each client and each tab must make one more call.

mod answers;
mod browser;
mod client;
mod faults;
mod restarts;
mod tally;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use clap::Parser;
use holdfast_local_postgres::LocalPostgres;
use holdfast_server::config::MasterSecret;
use holdfast_server::private_postgres;
use holdfast_testkit::{FaultProxy, Http, Random};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::answers::Answers;
use crate::browser::Browser;
use crate::client::{Client, Phase};
use crate::faults::Faults;
use crate::restarts::{Fleet, Settings};
use crate::tally::Tally;

/// How many servers there are.
const SERVERS: usize = 2;

/// How often a line is printed.
const PROGRESS: Duration = Duration::from_secs(10);

/// How long each client has to make a call after everything was repaired. A client that has waited
/// during a long failure tries again after at most a minute.
const AFTERWARDS: Duration = Duration::from_secs(150);

#[derive(Parser)]
#[command(about = "Renew for minutes under faults and restarts; no client may be signed out")]
struct Args {
    /// How long the soak runs.
    #[arg(long, default_value_t = 10.0)]
    minutes: f64,
    /// How many clients without a browser.
    #[arg(long, default_value_t = 200)]
    clients: usize,
    /// How many tabs of the browser; 0 for none.
    #[arg(long, default_value_t = 10)]
    tabs: usize,
    /// Repeats the same choice of faults and restarts.
    #[arg(long)]
    seed: Option<u64>,
}

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    anyhow::ensure!(
        (0.05..=24.0 * 60.0).contains(&args.minutes),
        "from 3 seconds to a day"
    );
    let is_content = tokio::runtime::Runtime::new()?.block_on(run(&args))?;
    Ok(if is_content {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn run(args: &Args) -> anyhow::Result<bool> {
    let data_dir = std::env::temp_dir().join(format!("holdfast-soak-{}", std::process::id()));
    // Durable: a crash of Postgres must not lose what it has committed.
    let options = private_postgres::options(&data_dir);
    let postgres = Arc::new(private_postgres::start(options).await?);
    let supervisor = tokio::spawn(Arc::clone(&postgres).supervise());
    let soaked = soak(args, &postgres, data_dir.clone()).await;
    supervisor.abort();
    postgres.release().await?;
    let _ = std::fs::remove_dir_all(postgres.data_dir());
    let _ = std::fs::remove_dir_all(data_dir);
    soaked
}

async fn soak(args: &Args, postgres: &Arc<LocalPostgres>, logs: PathBuf) -> anyhow::Result<bool> {
    let seed = args
        .seed
        .unwrap_or_else(|| u64::from_le_bytes(holdfast_server::random::bytes()));
    let mut random = Random::from_seed(seed);
    println!("Seed {seed}: `--seed {seed}` repeats the choice of faults and restarts.");

    let settings = settings(postgres);
    let fleet = Fleet::start(SERVERS, settings, Arc::clone(postgres), logs).await?;
    let servers = fleet.addresses();
    let (answers, faults) = (Arc::new(Answers::default()), Arc::new(Faults::default()));
    let proxy = {
        let (answers, faults, mut random) = (
            Arc::clone(&answers),
            Arc::clone(&faults),
            Random::from_seed(random.next()),
        );
        FaultProxy::start_watched(
            servers.clone(),
            move || faults.next(&mut random),
            move |request, answer| answers.see(request, answer),
        )
        .await
    };

    println!("Signing up {} clients …", args.clients);
    let tally = Arc::new(Tally::default());
    let (tell, told) = watch::channel(Phase::Soak);
    let mut clients = JoinSet::new();
    for client in sign_up(args.clients, &servers, &proxy, &tally, &mut random).await? {
        clients.spawn(client.run(told.clone()));
    }

    let time = Duration::from_secs_f64(args.minutes * 60.0);
    let browser = match args.tabs {
        0 => None,
        tabs => Some(Browser::start(proxy.address(), tabs, time)?),
    };
    faults.begin();
    let restarts = fleet.restart_at_random(Random::from_seed(random.next()));
    println!(
        "{} clients and {} tabs for {:.1} minutes.",
        args.clients, args.tabs, args.minutes
    );
    let start = Instant::now();
    let progress = |restarts: usize| {
        let at = start.elapsed().as_secs();
        println!(
            "{:02}:{:02}  {answers}, {tally}, faults {}, restarts {restarts}",
            at / 60,
            at % 60,
            faults.total()
        );
    };
    let interrupted = wait(time, || progress(restarts.so_far())).await;

    faults.end();
    // Ctrl-C has also reached the servers, so the last phase is not possible then.
    let afterwards = if interrupted {
        Duration::ZERO
    } else {
        println!("Everything is repaired; each of them makes one more call.");
        AFTERWARDS
    };
    let restarts = restarts.end().await?;
    tell.send_replace(Phase::Afterwards);
    let give_up = Instant::now() + afterwards;
    while tally.settled() + tally.signed_out() < args.clients && Instant::now() < give_up {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let browser_is_content = match browser {
        Some(browser) => browser.end(interrupted).await?,
        None => true,
    };
    tell.send_replace(Phase::Over);
    while let Some(client) = clients.join_next().await {
        client?;
    }
    progress(restarts.so_far());

    println!();
    println!("| what | how often |\n| --- | --- |");
    println!(
        "| clients, tabs, minutes | {}, {}, {:.1} |",
        args.clients,
        args.tabs,
        start.elapsed().as_secs_f64() / 60.0
    );
    answers.print();
    tally.print();
    faults.print();
    restarts.print();
    let mut stranded = args.clients - tally.settled() - tally.signed_out();
    if interrupted {
        stranded = 0;
    }
    println!("| clients that could make no call afterwards | {stranded} |");
    println!("| unwanted sign-outs | {} |", tally.signed_out());
    tally.explain();
    if !browser_is_content {
        println!("A check of the browser failed. Its message is above.");
    }
    Ok(tally.signed_out() == 0 && stranded == 0 && browser_is_content)
}

/// The settings of every server.
fn settings(postgres: &LocalPostgres) -> Settings {
    vec![
        ("DATABASE_URL", postgres.database_url()),
        (
            "HOLDFAST_SECRET",
            MasterSecret::generate().encode().to_string(),
        ),
        ("HOLDFAST_LOG", "error".to_owned()),
        ("HOLDFAST_ISSUER", "https://id.example".to_owned()),
        ("HOLDFAST_SHUTDOWN_DELAY", "0s".to_owned()),
        ("HOLDFAST_ACCESS_TOKEN_TTL", "5s".to_owned()),
    ]
}

/// Makes an account for each client before anything breaks.
async fn sign_up(
    count: usize,
    servers: &[std::net::SocketAddr],
    proxy: &FaultProxy,
    tally: &Arc<Tally>,
    random: &mut Random,
) -> anyhow::Result<Vec<Client>> {
    let mut clients = Vec::new();
    for n in 0..count {
        let server = servers[n % servers.len()];
        let tokens = Http.try_sign_up(server, &format!("soak-{n}")).await?;
        let tally = Arc::clone(tally);
        let random = Random::from_seed(random.next());
        clients.push(Client::new(n, proxy.address(), &tokens, tally, random)?);
    }
    Ok(clients)
}

/// Waits, and prints the state from time to time. Returns whether a person stopped it early.
async fn wait(time: Duration, progress: impl Fn()) -> bool {
    let end = Instant::now() + time;
    let mut lines = tokio::time::interval(PROGRESS);
    lines.tick().await;
    loop {
        tokio::select! {
            _ = lines.tick() => progress(),
            () = tokio::time::sleep_until(end) => return false,
            _ = tokio::signal::ctrl_c() => return true,
        }
    }
}
