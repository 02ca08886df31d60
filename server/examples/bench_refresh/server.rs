//! The server under measurement, as a process of its own.

use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use holdfast_server::config::MasterSecret;

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts it on this database and waits until it listens.
    pub(crate) async fn start(database_url: &str, connections: u32) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let process = Command::new(crate::program()?)
            .arg("serve")
            .env("HOLDFAST_LISTEN", address.to_string())
            .env("DATABASE_URL", database_url)
            .env(
                "HOLDFAST_SECRET",
                MasterSecret::generate().encode().as_str(),
            )
            .env("HOLDFAST_DATABASE_CONNECTIONS", connections.to_string())
            .env("HOLDFAST_LOG", "error")
            .stdout(Stdio::null())
            .spawn()
            .context("the server does not start")?;
        let mut server = Self { process, address };
        let give_up = Instant::now() + Duration::from_secs(30);
        while tokio::net::TcpStream::connect(address).await.is_err() {
            ensure!(server.process.try_wait()?.is_none(), "the server stopped");
            ensure!(Instant::now() < give_up, "the server does not listen");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        Ok(server)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// What `/proc` says; NaN where there is no `/proc`.
    pub(crate) fn resident_kib(&self) -> anyhow::Result<f64> {
        let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", self.process.id()))
        else {
            return Ok(f64::NAN);
        };
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let number = line
            .and_then(|line| line.split_whitespace().next())
            .context("no VmRSS")?;
        Ok(number.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
