//! One server process.

use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Http, Settings, until};

/// A command that has ended.
pub struct Ended {
    pub success: bool,
    /// On both channels.
    pub said: String,
}

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(90);

/// Runs `holdfast` with these variables only, to its end.
pub async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = tokio::process::Command::new(env!("CARGO_BIN_EXE_holdfast"));
    command
        .args(arguments)
        .env_clear()
        .envs(variables.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = tokio::time::timeout(COMMAND, command.output());
    let output = output.await.expect("the command ends").unwrap();
    let said = [output.stdout, output.stderr].concat();
    Ended {
        success: output.status.success(),
        said: String::from_utf8_lossy(&said).into_owned(),
    }
}

pub struct Instance {
    process: Child,
    address: SocketAddr,
    log: PathBuf,
    // Held open: a server whose words nobody can hear must not die of it.
    _stdout: BufReader<ChildStdout>,
}

impl Instance {
    /// Starts a server and waits until it is ready; on a free port where none is given.
    pub async fn start(settings: &Settings, address: Option<SocketAddr>) -> Self {
        let instance = Self::start_unready(settings, address).await;
        let http = Http;
        until("ready", Duration::from_secs(30), async || {
            matches!(http.get(instance.address, "/readyz").await, Ok(answer) if answer.status == 200)
        })
        .await;
        instance
    }

    /// Starts a server that answers, whether it is ready or not.
    pub async fn start_unready(settings: &Settings, address: Option<SocketAddr>) -> Self {
        let log = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!(
            "fleet-server-{:016x}.log",
            u64::from_le_bytes(holdfast_server::random::bytes())
        ));
        let listen = address.unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 0)));
        let previous: Vec<_> = settings
            .previous
            .iter()
            .map(|secret| secret.encode().to_string())
            .collect();
        let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast"));
        command
            .arg("serve")
            .env_clear()
            .env("HOLDFAST_LISTEN", listen.to_string())
            .env("HOLDFAST_SECRET", settings.secret.encode().as_str())
            .env("HOLDFAST_ISSUER", "https://id.example")
            .env("HOLDFAST_SHUTDOWN_DELAY", "0s")
            // Everybody here has one address.
            .env("HOLDFAST_ATTEMPTS", "1000000")
            .envs(settings.more.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(&log).unwrap());
        if !settings.database_url.is_empty() {
            command.env("DATABASE_URL", &settings.database_url);
        }
        if !previous.is_empty() {
            command.env("HOLDFAST_SECRET_PREVIOUS", previous.join(","));
        }
        let mut process = command.spawn().unwrap();
        let mut stdout = BufReader::new(process.stdout.take().unwrap());
        let (stdout, greeting) = tokio::task::spawn_blocking(move || {
            let mut line = String::new();
            stdout.read_line(&mut line).unwrap();
            (stdout, line)
        })
        .await
        .unwrap();
        let address = greeting
            .trim_end()
            .strip_prefix("Holdfast is at http://")
            .and_then(|address| address.parse().ok());
        let Some(address) = address else {
            let _ = process.kill();
            panic!("no start: {}", std::fs::read_to_string(&log).unwrap());
        };
        Self {
            process,
            address,
            log,
            _stdout: stdout,
        }
    }

    /// Waits until it has ended by itself.
    pub async fn until_ended(&mut self, within: Duration) {
        let process = std::sync::Mutex::new(&mut self.process);
        until("ended", within, async || {
            process.lock().unwrap().try_wait().unwrap().is_some()
        })
        .await;
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything it has logged.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap()
    }

    /// Asks it to stop, as a supervisor does.
    pub fn tell_to_stop(&self) {
        self.signal(Signal::SIGTERM);
    }

    /// Its resident memory, in MiB.
    pub fn memory(&self) -> u64 {
        let status = format!("/proc/{}/status", self.process.id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.unwrap().parse::<u64>().unwrap() / 1024
    }

    /// How many connections of clients it has open.
    pub fn connections(&self) -> usize {
        let path = format!("/proc/{}/net/tcp", self.process.id());
        let port = format!(":{:04X}", self.address.port());
        let table = std::fs::read_to_string(path).unwrap();
        let columns = table.lines().map(|line| line.split_whitespace().collect());
        columns
            // The second is the own address, the fourth the state: 01 is "established".
            .filter(|row: &Vec<_>| row[1].ends_with(&port) && row[3] == "01")
            .count()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) {
        // It may have stopped already.
        let _ = kill(self.pid(), Signal::SIGTERM);
        let process = std::sync::Mutex::new(&mut self.process);
        until("stopped", Duration::from_secs(20), async || {
            process.lock().unwrap().try_wait().unwrap().is_some()
        })
        .await;
    }

    /// SIGKILL: no goodbye, nothing finished.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Stops it in its tracks, with every request that it is working on.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).unwrap();
    }

    fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.process.id()).unwrap())
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.address, self.log());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}
