//! The server under measurement, as a process of its own.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use tokio::time::Instant;

/// A running server. It is killed when dropped.
pub(crate) struct Server {
    process: Child,
    address: SocketAddr,
    // Held open: a server whose words nobody can hear must not die of it.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it with these settings and waits until it is ready; on a free port where
    /// no address is given.
    pub(crate) async fn start(
        settings: &[(&str, String)],
        address: Option<SocketAddr>,
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let listen = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let program = program()?;
        let mut command = Command::new(&program);
        command.arg("serve");
        // An installed one has its site beside it; ours has it below the project's root.
        if let Some(directory) = installed().and(program.parent()) {
            command.current_dir(directory);
        }
        // Nothing of the shell's: a bench must not end up in somebody's database.
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("HOLDFAST_") || name == "DATABASE_URL" {
                command.env_remove(&*name);
            }
        }
        let mut process = command
            .env("HOLDFAST_LISTEN", listen.to_string())
            .env("HOLDFAST_LOG", "error")
            // Everybody here has one address.
            .env("HOLDFAST_ATTEMPTS", "1000000")
            .envs(settings.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .context("the server does not start")?;
        let stdout = process.stdout.take().context("the server has no output")?;
        let mut stdout = BufReader::new(stdout);
        let (stdout, greeting) = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).map(|_| (stdout, line))
        })
        .await??;
        let address = greeting
            .trim_end()
            .strip_prefix("Holdfast is at http://")
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = process.kill();
            let _ = process.wait();
            anyhow::bail!("the server does not start; it said: {greeting}");
        };
        let server = Self {
            process,
            address,
            _stdout: stdout,
        };
        server.until_ready().await?;
        Ok(server)
    }

    async fn until_ready(&self) -> anyhow::Result<()> {
        let give_up = Instant::now() + Duration::from_secs(30);
        while !self.is_ready().await.unwrap_or(false) {
            anyhow::ensure!(Instant::now() < give_up, "the server does not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> std::io::Result<bool> {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

        let mut connection = tokio::net::TcpStream::connect(self.address).await?;
        let request = "GET /readyz HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";
        connection.write_all(request.as_bytes()).await?;
        let mut answer = Vec::new();
        connection.read_to_end(&mut answer).await?;
        Ok(answer.starts_with(b"HTTP/1.1 200 "))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until it has ended.
    pub(crate) async fn until_gone(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + Duration::from_secs(20);
        while self.process.try_wait()?.is_none() {
            anyhow::ensure!(Instant::now() < give_up, "the server does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.process.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The server's program: the one that is named, or the one that was built with this.
fn program() -> anyhow::Result<PathBuf> {
    if let Some(program) = installed() {
        return std::path::absolute(program).context("there is no current directory");
    }
    let own = std::env::current_exe()?;
    own.parent()
        .and_then(|examples| examples.parent())
        .map(|profile| profile.join("holdfast"))
        .filter(|program| program.is_file())
        .context("build the server first: `cargo build --release --bin holdfast`")
}

/// As for the tests in the browser.
fn installed() -> Option<std::ffi::OsString> {
    std::env::var_os("HOLDFAST_BINARY").filter(|path| !path.is_empty())
}
