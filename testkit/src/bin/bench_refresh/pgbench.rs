//! The same update by `pgbench`: each client owns one session and rotates it.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use holdfast_local_postgres::LocalPostgres;
use sqlx::PgConnection;
use tokio::process::Command;

/// The statement of `store::sessions::rotate`, with hashes that `pgbench` can count.
const SCRIPT: &str = r"\set n :round * 1000 + :client_id
\set from :g
\set g :g + 1
update sessions
set
    generation = :g,
    token_hash = sha256(int8send(:g)),
    attempt_keys = substring(int8send(:g) || attempt_keys from 1 for 128),
    rotated_at = clock_timestamp(),
    ip = '127.0.0.1',
    user_agent = 'bench'
where
    session_id = ('00000000-0000-7000-8000-' || lpad(to_hex(:n::bigint), 12, '0'))::uuid
    and generation = :from
    and token_hash = sha256(int8send(:from))
    and expires_at > now()
    and rotated_at + make_interval(secs => idle_seconds) > now()
returning
    account_id,
    floor(extract(epoch from expires_at - now()))::bigint,
    idle_seconds;
";

/// What `pgbench` has done.
pub(crate) struct Done {
    pub(crate) rotations: u64,
    pub(crate) per_second: f64,
}

/// Rotates a new session for each client. The caller holds the rows against what was
/// counted: a client whose update hits nothing would go on at no cost.
pub(crate) async fn run(
    postgres: &LocalPostgres,
    database: &mut PgConnection,
    round: usize,
    time: Duration,
    connections: u32,
) -> anyhow::Result<Done> {
    open_sessions(database, round, connections).await?;
    let script = std::env::temp_dir().join(format!("holdfast-{}.sql", std::process::id()));
    std::fs::write(&script, SCRIPT)?;
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg("--define=g=0")
        .arg(format!("--define=round={round}"))
        .arg(format!("--client={connections}"))
        .arg(format!("--time={}", time.as_secs()))
        .arg(format!("--file={}", script.display()))
        .arg(postgres.database_url())
        .env("PATH", search_path())
        .output()
        .await
        .context("pgbench is not installed; on Debian it comes with postgresql-15")?;
    std::fs::remove_file(&script)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "pgbench: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Done {
        rotations: number(&text, "number of transactions actually processed: ")?,
        per_second: number(&text, "tps = ")?,
    })
}

async fn open_sessions(
    database: &mut PgConnection,
    round: usize,
    connections: u32,
) -> anyhow::Result<()> {
    let first = i64::try_from(round)? * 1000;
    sqlx::query(
        "insert into sessions (
             session_id, account_id, generation, token_hash, attempt_keys,
             expires_at, idle_seconds, remember, ip, user_agent
         )
         select
             ('00000000-0000-7000-8000-' || lpad(to_hex(n), 12, '0'))::uuid,
             (select account_id from accounts limit 1),
             0, sha256(int8send(0)), decode(repeat('ff', 128), 'hex'),
             now() + interval '90 days', 2592000, true, '127.0.0.1', 'bench'
         from generate_series($1::bigint, $2::bigint) as n",
    )
    .bind(first)
    .bind(first + i64::from(connections) - 1)
    .execute(database)
    .await?;
    Ok(())
}

fn number<T: std::str::FromStr>(text: &str, label: &str) -> anyhow::Result<T> {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("pgbench did not say «{label}»"))
}

/// Where Debian keeps it, too.
fn search_path() -> String {
    let path = std::env::var("PATH").unwrap_or_default();
    let versions = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .flatten();
    let mut places: Vec<_> = versions
        .map(|entry| entry.path().join("bin").display().to_string())
        .collect();
    places.sort();
    places.reverse();
    places.insert(0, path);
    places.join(":")
}
