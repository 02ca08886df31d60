//! The product for a minute: on a free port, with data that nobody keeps.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use crate::failure::{Failure, Outcome};
use crate::temporary::TemporaryDirectory;
use crate::toolbox::Toolbox;

/// Runs until it is dropped.
pub struct RunningServer {
    process: Child,
    address: String,
    // Held open: a server whose words nobody can hear must not die of it.
    _stdout: BufReader<ChildStdout>,
    _data: TemporaryDirectory,
}

impl RunningServer {
    /// Starts it and waits until it listens; its private Postgres takes two seconds.
    pub fn start(toolbox: &Toolbox, binary: &Path) -> Outcome<Self> {
        let data = TemporaryDirectory::new("holdfast-data")?;
        let mut command = toolbox.command(&binary.to_string_lossy());
        for (name, _) in std::env::vars_os() {
            let name = name.to_string_lossy();
            if name.starts_with("HOLDFAST_") || name == "DATABASE_URL" {
                command.env_remove(&*name);
            }
        }
        if crate::release::named().is_some() {
            command.current_dir(binary.parent().unwrap_or(binary));
        }
        let mut process = command
            .arg("serve")
            .env("HOLDFAST_DATA_DIR", data.path())
            .env("HOLDFAST_LISTEN", "127.0.0.1:0")
            .env("HOLDFAST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| Failure::new(format!("Cannot start the server: {error}.")))?;
        let stdout = process.stdout.take();
        let Some(mut stdout) = stdout.map(BufReader::new) else {
            return Err(Failure::new("The server has no output."));
        };
        let mut greeting = String::new();
        let read = stdout.read_line(&mut greeting);
        let address = greeting.trim_end().strip_prefix("Holdfast is at http://");
        match (read, address) {
            (Ok(_), Some(address)) => Ok(Self {
                process,
                address: address.to_owned(),
                _stdout: stdout,
                _data: data,
            }),
            _ => {
                let _ = process.kill();
                let _ = process.wait();
                Err(Failure::new("The server did not start."))
            }
        }
    }

    /// Where it listens.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl Drop for RunningServer {
    /// In good order, so that it stops its Postgres.
    fn drop(&mut self) {
        let process = self.process.id().to_string();
        let asked = Command::new("kill").args(["-TERM", &process]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.process.kill();
        }
        let _ = self.process.wait();
    }
}
