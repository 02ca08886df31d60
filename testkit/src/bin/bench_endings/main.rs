//! `cargo xtask bench endings`: how many sessions one instance ends in a second.
//!
//! Each client signs one session out after the other, through HTTP. For comparison, `pgbench` runs
//! the same statements with as many connections, on the same Postgres, in the same run. It does so
//! in two ways: it notifies the other instances after the commit, as Holdfast does it, or within
//! the transaction. A `NOTIFY` within a transaction takes a lock of the whole database until the
//! commit is on the disk, so endings are written one after the other. The ratios show the cost of
//! this lock on this machine. The numbers by themselves say more about the machine: on a disk that
//! answers at once, the difference is small.

use std::collections::VecDeque;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::http::Method;
use holdfast_local_postgres::LocalPostgres;
use holdfast_protocol::refresh_token::{self, ChainSecret, RefreshKey};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{LogoutRequest, paths};
use holdfast_server::clock::Clock;
use holdfast_server::config::MasterSecret;
use holdfast_server::keys::refresh_key;
use holdfast_server::random;
use holdfast_server::store::accounts;
use holdfast_testkit::{Connection, Server, bench, migrate, pgbench, program};
use sqlx::{Connection as _, PgConnection};
use uuid::Uuid;

/// How often the three ways take turns.
const ROUNDS: usize = 3;

/// The statements with which Holdfast ends a session, without the notification.
const ENDING: &str = r"delete from sessions where session_id = :id returning account_id;
insert into session_ends (session_id, reason)
select session_id, 'logout'
from unnest(array[:id]) as ended (session_id)
on conflict (session_id) do update set ended_at = clock_timestamp();
insert into events (event_id, account_id, session_id, kind, ip, user_agent, detail)
select gen_random_uuid(), account_id, :id, 'sign_out', '127.0.0.1', 'bench', 'logout'
from accounts limit 1;
";

/// Which session is the next one of this client.
const NEXT: &str = r"\set n :first + :client_id * :each + :i
\set i :i + 1
";

/// The id that belongs to a number.
const ID: &str = "('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid";

const TELL: &str = "select pg_notify('session_ended', :id::text || ' logout');\n";

fn main() -> anyhow::Result<()> {
    let argument = |n, default| -> anyhow::Result<u32> {
        std::env::args().nth(n).map_or(Ok(default), |text| {
            text.parse()
                .context("the arguments are the endings of a client in a round, and clients")
        })
    };
    let (each, clients) = (argument(1, 500)?, argument(2, 16)?);
    ensure!((1..=10_000).contains(&each), "from 1 to 10000 endings");
    ensure!((2..=64).contains(&clients), "from 2 to 64 clients");
    bench::run(bench::on_own_postgres(async |postgres| {
        run(postgres, each, clients).await
    }))
}

async fn run(postgres: &LocalPostgres, each: u32, clients: u32) -> anyhow::Result<()> {
    let measured = measure(postgres, each, clients).await?;
    let cores = std::thread::available_parallelism()?;
    println!(
        "{cores} cores, Postgres {}, {clients} clients, {ROUNDS} rounds of {each} endings each\n",
        postgres.version(),
    );
    measured.print();
    Ok(())
}

/// Endings a second, by round.
#[derive(Default)]
struct Measured {
    http: Vec<f64>,
    told_after: Vec<f64>,
    told_within: Vec<f64>,
}

async fn measure(postgres: &LocalPostgres, each: u32, clients: u32) -> anyhow::Result<Measured> {
    migrate(&postgres.connect_options()).await;
    let mut database = PgConnection::connect_with(&postgres.connect_options()).await?;
    let secret = MasterSecret::generate();
    let key = refresh_key(&secret.clone().into_bytes());
    let mut settings = bench::settings(postgres, &secret);
    settings.push(("HOLDFAST_DATABASE_CONNECTIONS", clients.to_string()));
    let server = Server::start(&program()?, &settings, None, Stdio::inherit()).await?;
    server.until_ready().await?;
    let account_id = random::id(&Clock::system());
    let username = Username::parse("bench")?;
    accounts::insert(&mut database, account_id, &username, "never signed in").await?;

    let mut measured = Measured::default();
    let count = each * clients;
    let after = format!("{NEXT}begin;\n{ENDING}commit;\n{TELL}").replace(":id", ID);
    let within = format!("{NEXT}begin;\n{ENDING}{TELL}commit;\n").replace(":id", ID);
    let mut first = 0;
    for round in 1..=ROUNDS {
        eprintln!("Round {round} of {ROUNDS}: through HTTP, then by pgbench in two ways …");
        let session_ids = open_sessions(&mut database, account_id, first, count).await?;
        first += i64::from(count);
        let tokens: Vec<_> = session_ids.iter().map(|id| token(&key, *id)).collect();
        let took = end_by_http(&server, tokens, each).await?;
        measured.http.push(f64::from(count) / took.as_secs_f64());

        for (script, results) in [
            (&after, &mut measured.told_after),
            (&within, &mut measured.told_within),
        ] {
            open_sessions(&mut database, account_id, first, count).await?;
            let arguments = [
                "--define=i=0".to_owned(),
                format!("--define=first={first}"),
                format!("--define=each={each}"),
                format!("--transactions={each}"),
            ];
            let done = pgbench::run(postgres, script, clients, &arguments).await?;
            ensure!(
                done.transactions == u64::from(count),
                "pgbench has not ended all of them"
            );
            results.push(done.per_second);
            first += i64::from(count);
        }
    }
    // Each ending that was counted is in the database.
    let (left, ended): (i64, i64) = sqlx::query_as(
        "select (select count(*) from sessions), (select count(*) from session_ends)",
    )
    .fetch_one(&mut database)
    .await?;
    ensure!(
        (left, ended) == (0, first),
        "{first} endings were counted; {ended} were made, and {left} sessions are left"
    );
    database.close().await?;
    Ok(measured)
}

/// Opens sessions with the ids that belong to the numbers from `first` on.
async fn open_sessions(
    database: &mut PgConnection,
    account_id: Uuid,
    first: i64,
    count: u32,
) -> sqlx::Result<Vec<Uuid>> {
    let session_ids = sqlx::query_scalar(
        "insert into sessions (
             session_id, account_id, generation, token_hash, attempt_keys,
             expires_at, idle_seconds, remember, ip, user_agent
         )
         select
             ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
             $1, 0, sha256(int8send(n)), decode(repeat('ff', 128), 'hex'),
             now() + interval '90 days', 2592000, true, '127.0.0.1', 'bench'
         from generate_series($2::bigint, $3::bigint) as n
         returning session_id",
    )
    .bind(account_id)
    .bind(first)
    .bind(first + i64::from(count) - 1)
    .fetch_all(&mut *database)
    .await?;
    // The work that one way leaves in the database must not slow the next way.
    for statement in ["vacuum sessions", "checkpoint"] {
        sqlx::query(statement).execute(&mut *database).await?;
    }
    Ok(session_ids)
}

/// A genuine token of a session. Any of them ends it.
fn token(key: &RefreshKey, session_id: Uuid) -> Secret {
    let secret = ChainSecret::from_random(random::bytes());
    refresh_token::print(key, session_id, 0, &secret)
}

/// Each client ends this many sessions, one after the other.
async fn end_by_http(server: &Server, tokens: Vec<Secret>, each: u32) -> anyhow::Result<Duration> {
    let mut tokens = VecDeque::from(tokens);
    let mut clients = Vec::new();
    while !tokens.is_empty() {
        let own: Vec<_> = tokens.drain(..usize::try_from(each)?).collect();
        clients.push((Connection::open(server.address()).await?, own));
    }
    let start = Instant::now();
    let ending: Vec<_> = clients
        .into_iter()
        .map(|(connection, own)| tokio::task::spawn_local(end_each(connection, own)))
        .collect();
    for client in ending {
        client.await??;
    }
    Ok(start.elapsed())
}

async fn end_each(mut connection: Connection, tokens: Vec<Secret>) -> anyhow::Result<()> {
    for refresh_token in tokens {
        let body = serde_json::to_string(&LogoutRequest { refresh_token })?;
        let answer = connection
            .send(Method::POST, paths::LOGOUT, &[], Some(&body))
            .await?;
        ensure!(
            answer.status == 204,
            "an ending was answered {}: {}",
            answer.status,
            answer.text()
        );
    }
    Ok(())
}

impl Measured {
    fn print(&self) {
        println!("| what | a second, by round | mean |\n| --- | --- | --- |");
        for (what, results) in [
            ("endings through HTTP, told after the commit", &self.http),
            (
                "the same statements by pgbench, told after the commit",
                &self.told_after,
            ),
            (
                "the same statements by pgbench, told within the transaction",
                &self.told_within,
            ),
        ] {
            println!("| {what} | {} | {:.0} |", list(results, 0), mean(results));
        }
        for (what, other) in [
            ("HTTP beside pgbench, told after", &self.told_after),
            ("HTTP beside pgbench, told within", &self.told_within),
        ] {
            let ratios: Vec<_> = self.http.iter().zip(other).map(|(a, b)| a / b).collect();
            println!("| {what} | {} | {:.2} |", list(&ratios, 2), mean(&ratios));
        }
    }
}

fn list(numbers: &[f64], digits: usize) -> String {
    let texts: Vec<_> = numbers.iter().map(|it| format!("{it:.digits$}")).collect();
    texts.join(", ")
}

fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}
