//! One server process.

use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::Context as _;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::time::Instant;

use crate::http::Http;
use crate::places::named_program;

/// How long a server may take to become ready, and to end.
const PATIENCE: Duration = Duration::from_secs(30);

/// The variables that a server gets from the environment: those that find the programs of Postgres.
/// It gets no others, so that no test and no bench uses a real database.
const PASSED_ON: [&str; 4] = ["PATH", "PG_BIN", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"];

/// Reads a variable for a server, such as `HOLDFAST_ROTATION_LANES=2`, from the command line of a bench.
///
/// # Errors
/// If it has no value.
pub fn variable(text: &str) -> anyhow::Result<(&'static str, String)> {
    let (name, value) = text.split_once('=').context("write NAME=VALUE")?;
    // The bench needs the name until its end.
    Ok((name.to_owned().leak(), value.to_owned()))
}

/// A running server. It is killed when dropped.
pub struct Server {
    process: Child,
    address: SocketAddr,
    // This is kept open, because a server must not end because it cannot write its output.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    /// Starts it with these variables and waits until it listens. If no address is given, it uses a
    /// free port.
    pub async fn start(
        program: &Path,
        variables: &[(&'static str, String)],
        address: Option<SocketAddr>,
        log: Stdio,
    ) -> anyhow::Result<Self> {
        let listen = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let mut command = Command::new(program);
        command.arg("serve").env_clear();
        for name in PASSED_ON {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        // An installed server has its site beside it; the built one has it in the project's root.
        if let Some(directory) = named_program().and(program.parent()) {
            command.current_dir(directory);
        }
        let mut process = command
            .env("HOLDFAST_LISTEN", listen.to_string())
            // All clients here have the same address.
            .env("HOLDFAST_ATTEMPTS", "1000000")
            .envs(variables.iter().map(|(name, value)| (name, value)))
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
        Ok(Self {
            process,
            address,
            _stdout: stdout,
        })
    }

    /// Waits until it can serve.
    pub async fn until_ready(&self) -> anyhow::Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while !self.is_ready().await {
            anyhow::ensure!(Instant::now() < give_up, "the server does not become ready");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    async fn is_ready(&self) -> bool {
        let answer = Http.get(self.address, "/readyz").await;
        answer.is_ok_and(|answer| answer.status == 200)
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The number of its process.
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let id = i32::try_from(self.process.id())?;
        kill(Pid::from_raw(id), signal).context("a server cannot be signalled")
    }

    /// Whether it has ended.
    pub fn has_ended(&mut self) -> bool {
        !matches!(self.process.try_wait(), Ok(None))
    }

    /// Waits until it has ended.
    pub async fn until_gone(&mut self) -> anyhow::Result<()> {
        let give_up = Instant::now() + PATIENCE;
        while !self.has_ended() {
            anyhow::ensure!(Instant::now() < give_up, "the server does not end");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }

    /// Kills it with SIGKILL, so that it finishes nothing.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
