//! What the benches have in common.

use std::fs;

use holdfast_local_postgres::LocalPostgres;
use holdfast_server::config::MasterSecret;
use holdfast_server::private_postgres;
use tokio::runtime::Builder;
use tokio::task::LocalSet;

/// Runs a bench on one thread, so that it takes little of the machine that it measures.
///
/// # Errors
/// That of the bench, or if the runtime does not start.
pub fn run(bench: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    LocalSet::new().block_on(&runtime, bench)
}

/// Gives the bench a Postgres of its own, and removes it afterwards. It is durable, as in service: what a
/// power cut can undo does not count.
///
/// # Errors
/// That of the bench, or if the Postgres does not start or stop.
pub async fn on_own_postgres(
    bench: impl AsyncFnOnce(&LocalPostgres) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let data_dir = std::env::temp_dir().join(format!("holdfast-bench-{}", std::process::id()));
    let postgres = private_postgres::start(private_postgres::options(&data_dir)).await?;
    let outcome = bench(&postgres).await;
    postgres.release().await?;
    let _ = fs::remove_dir_all(postgres.data_dir());
    let _ = fs::remove_dir_all(data_dir);
    outcome
}

/// The settings of a server on this Postgres. It only logs errors.
pub fn settings(postgres: &LocalPostgres, secret: &MasterSecret) -> Vec<(&'static str, String)> {
    vec![
        ("DATABASE_URL", postgres.database_url()),
        ("HOLDFAST_SECRET", secret.encode().to_string()),
        ("HOLDFAST_LOG", "error".to_owned()),
    ]
}
