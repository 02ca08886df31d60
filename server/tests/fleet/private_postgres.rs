//! A server and its private Postgres, which it starts itself.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use holdfast_server::private_postgres;

/// A data directory that is gone after the test, with the Postgres in it.
struct DataDir(PathBuf);

impl DataDir {
    fn new() -> Self {
        let number = u64::from_le_bytes(holdfast_server::random::bytes());
        Self(std::env::temp_dir().join(format!("holdfast-stopped-{number:016x}")))
    }

    /// The process id of the running Postgres.
    fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.0.join("postgres/postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[tokio::test]
async fn a_server_that_is_told_to_stop_while_it_starts_leaves_no_postgres_behind() {
    let dir = DataDir::new();
    // The test makes the database first, so that the start is short. Then only the server uses it.
    let made = private_postgres::start(private_postgres::options(&dir.0)).await;
    made.unwrap().release().await.unwrap();
    assert_eq!(dir.pid(), None);
    let mut server = serve_in(&dir.0);
    while dir.pid().is_none() {
        assert!(server.try_wait().unwrap().is_none(), "it has ended");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let told = Command::new("kill").arg(server.id().to_string()).status();
    assert!(told.unwrap().success());
    let ended = tokio::task::spawn_blocking(move || server.wait());
    assert!(ended.await.unwrap().unwrap().success());
    assert_eq!(dir.pid(), None);
}

fn serve_in(data_dir: &Path) -> std::process::Child {
    Command::new(env!("CARGO_BIN_EXE_holdfast"))
        .arg("serve")
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOLDFAST_DATA_DIR", data_dir)
        .env("HOLDFAST_LISTEN", "127.0.0.1:0")
        .spawn()
        .unwrap()
}
