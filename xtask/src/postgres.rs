//! A temporary Postgres, without durability and with the migrations applied.
//!
//! sqlx checks the queries of the server against this Postgres when the server is compiled. The
//! private Postgres of the server, with people's data, is another one. `local-postgres` starts
//! both.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use crate::failure::{Failure, Outcome};
use crate::programs;
use crate::temporary::TemporaryDirectory;
use crate::toolbox::{self, Toolbox};
use crate::workspace;

/// Runs until it is dropped.
pub struct TemporaryPostgres {
    program: Child,
    url: String,
    _data: TemporaryDirectory,
}

impl TemporaryPostgres {
    /// Builds the program that starts it, applies the migrations, and waits until it serves; about
    /// two seconds when the program is there.
    pub fn start(toolbox: &Toolbox) -> Outcome<Self> {
        let program = programs::build(toolbox, "local-postgres", &[])?;
        let data = TemporaryDirectory::new("holdfast-postgres")?;
        let mut program = toolbox
            .command(&program.to_string_lossy())
            .args(["run", "--name", "holdfast", "--throwaway", "--data-dir"])
            .arg(data.path())
            .arg("--migrations")
            .arg(workspace::path("migrations"))
            // It ends when its input ends, so it ends with this program, even after a kill.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| toolbox::cannot_start("Postgres", &error))?;
        let mut url = String::new();
        let read = program
            .stdout
            .take()
            .map(|stdout| BufReader::new(stdout).read_line(&mut url));
        let postgres = Self {
            program,
            url: url.trim_end().to_owned(),
            _data: data,
        };
        match read {
            Some(Ok(_)) if !postgres.url.is_empty() => Ok(postgres),
            _ => Err(Failure::new("The temporary Postgres did not start.")),
        }
    }

    /// Its URL.
    pub fn url(&self) -> &str {
        &self.url
    }
}

impl Drop for TemporaryPostgres {
    /// When its input ends, the program stops Postgres normally and then ends itself.
    fn drop(&mut self) {
        drop(self.program.stdin.take());
        let _ = self.program.wait();
    }
}
