//! One server of a fleet, with its log.

use std::fs::File;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Mutex;
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::places::{built_program, directory_of_tests};
use crate::server::Server;
use crate::settings::Settings;
use crate::until::until;

/// A command that has ended.
pub struct Ended {
    /// Whether its exit code was 0.
    pub success: bool,
    /// Its output on both channels.
    pub said: String,
}

/// How long a command may take.
const COMMAND: Duration = Duration::from_secs(90);

/// Runs `holdfast` with these variables only, to its end.
pub(crate) async fn run(arguments: &[&str], variables: &[(&str, &str)]) -> Ended {
    let mut command = tokio::process::Command::new(built_program().unwrap());
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

/// A server of a fleet. It is killed when dropped, and its log printed if the test has failed.
pub struct Instance {
    server: Server,
    log: PathBuf,
}

impl Instance {
    /// Starts a server and waits until it is ready. If no port is given, it uses a free one.
    pub async fn start(settings: &Settings, address: Option<SocketAddr>) -> Self {
        let instance = Self::start_unready(settings, address).await;
        instance.server.until_ready().await.unwrap();
        instance
    }

    /// Starts a server and waits until it answers. It need not be ready.
    pub async fn start_unready(settings: &Settings, address: Option<SocketAddr>) -> Self {
        let log = directory_of_tests().join(format!(
            "fleet-server-{:016x}.log",
            u64::from_le_bytes(holdfast_server::random::bytes())
        ));
        let writer = Stdio::from(File::create(&log).unwrap());
        let this_release = built_program().unwrap();
        let program = settings.program.as_deref().unwrap_or(&this_release);
        match Server::start(program, &settings.variables(), address, writer).await {
            Ok(server) => Self { server, log },
            Err(error) => panic!("{error}: {}", std::fs::read_to_string(&log).unwrap()),
        }
    }

    /// Waits until it has ended by itself.
    pub async fn until_ended(&mut self, within: Duration) {
        let server = Mutex::new(&mut self.server);
        until("ended", within, async || server.lock().unwrap().has_ended()).await;
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
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
        let status = format!("/proc/{}/status", self.server.process_id());
        let status = std::fs::read_to_string(status).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS:"));
        let kib = line.and_then(|line| line.split_whitespace().nth(1));
        kib.unwrap().parse::<u64>().unwrap() / 1024
    }

    /// How many bytes it has read so far from files. Bytes from connections do not count.
    pub fn bytes_read(&self) -> u64 {
        let io = format!("/proc/{}/io", self.server.process_id());
        let io = std::fs::read_to_string(io).unwrap();
        let line = io.lines().find_map(|line| line.strip_prefix("rchar: "));
        line.unwrap().parse().unwrap()
    }

    /// How many files it has open, with its connections.
    pub fn open_files(&self) -> usize {
        let open = format!("/proc/{}/fd", self.server.process_id());
        std::fs::read_dir(open).unwrap().count()
    }

    /// How many connections of clients it has open.
    pub fn connections(&self) -> usize {
        let path = format!("/proc/{}/net/tcp", self.server.process_id());
        let port = format!(":{:04X}", self.address().port());
        let table = std::fs::read_to_string(path).unwrap();
        let columns = table.lines().map(|line| line.split_whitespace().collect());
        columns
            // The second field is the local address, the fourth the state: 01 is "established".
            .filter(|row: &Vec<_>| row[1].ends_with(&port) && row[3] == "01")
            .count()
    }

    /// Asks it to stop, and waits until it has.
    pub async fn stop(&mut self) {
        // It may have stopped already.
        let _ = self.server.signal(Signal::SIGTERM);
        let server = Mutex::new(&mut self.server);
        let within = Duration::from_secs(20);
        until("stopped", within, async || {
            server.lock().unwrap().has_ended()
        })
        .await;
    }

    /// Kills it with SIGKILL, so that it finishes nothing.
    pub fn kill(&mut self) {
        self.server.kill();
    }

    /// Freezes it, with every request on which it works.
    pub fn freeze(&self) {
        self.signal(Signal::SIGSTOP);
    }

    /// Lets it go on after a [`freeze`](Self::freeze).
    pub fn thaw(&self) {
        self.signal(Signal::SIGCONT);
    }

    fn signal(&self, signal: Signal) {
        self.server.signal(signal).unwrap();
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.server.kill();
        if std::thread::panicking() {
            eprintln!("--- {} ---\n{}", self.address(), self.log());
        }
        let _ = std::fs::remove_file(&self.log);
    }
}
