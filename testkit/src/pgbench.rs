//! The program `pgbench`: what the database alone can do.

use anyhow::{Context as _, ensure};
use holdfast_local_postgres::LocalPostgres;
use tokio::process::Command;

/// What `pgbench` has done.
pub struct Done {
    /// How often the script ran to its end.
    pub transactions: u64,
    /// How often a second, without the time that it took to connect.
    pub per_second: f64,
}

/// Runs this script repeatedly on this many connections.
///
/// # Errors
/// When there is no `pgbench`, or it fails.
pub async fn run(
    postgres: &LocalPostgres,
    script: &str,
    connections: u32,
    arguments: &[String],
) -> anyhow::Result<Done> {
    let path = std::env::temp_dir().join(format!("holdfast-{}.sql", std::process::id()));
    std::fs::write(&path, script)?;
    let output = Command::new("pgbench")
        .args(["--no-vacuum", "--protocol=prepared", "--jobs=2"])
        .arg(format!("--client={connections}"))
        .args(arguments)
        .arg(format!("--file={}", path.display()))
        .arg(postgres.database_url())
        .env("PATH", search_path())
        .output()
        .await
        .context("pgbench is not installed; on Debian it comes with postgresql-15")?;
    std::fs::remove_file(&path)?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(
        output.status.success(),
        "pgbench: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(Done {
        transactions: number(&text, "number of transactions actually processed: ")?,
        per_second: number(&text, "tps = ")?,
    })
}

fn number<T: std::str::FromStr>(text: &str, label: &str) -> anyhow::Result<T> {
    text.lines()
        .find_map(|line| line.strip_prefix(label))
        .and_then(|rest| rest.split(['/', ' ']).next())
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("pgbench did not say «{label}»"))
}

/// `PATH`, and the folders in which Debian has `pgbench`.
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
