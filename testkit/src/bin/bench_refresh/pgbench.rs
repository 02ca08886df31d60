//! The same update by `pgbench`: each client owns one session and rotates it.

use std::time::Duration;

use holdfast_local_postgres::LocalPostgres;
use holdfast_testkit::pgbench::{self, Done};
use sqlx::PgConnection;

/// The statement of `store::sessions::rotate`, with hashes that `pgbench` can compute.
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

/// Rotates a new session for each client. The caller compares the rows with the count, because
/// pgbench also counts an update that changes no row.
pub(crate) async fn run(
    postgres: &LocalPostgres,
    database: &mut PgConnection,
    round: usize,
    time: Duration,
    connections: u32,
) -> anyhow::Result<Done> {
    open_sessions(database, round, connections).await?;
    pgbench::run(
        postgres,
        SCRIPT,
        connections,
        &[
            "--define=g=0".to_owned(),
            format!("--define=round={round}"),
            format!("--time={}", time.as_secs()),
        ],
    )
    .await
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
