//! A Postgres for a minute: without durability, on a Unix socket only, with the migrations applied.
//!
//! The server has one of its own for people's data. This one exists because the server cannot be
//! compiled before its queries were checked against a database.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::setup;
use crate::temporary::TemporaryDirectory;
use crate::workspace;

/// Runs until it is dropped.
pub struct TemporaryPostgres {
    server: Child,
    directory: TemporaryDirectory,
}

impl TemporaryPostgres {
    /// Makes a cluster, applies the migrations, and waits until it listens; about two seconds.
    pub fn start() -> Outcome<Self> {
        let programs = setup::find_postgres()
            .ok_or_else(|| Failure::new("Postgres was not found; run `cargo xtask setup`."))?;
        let directory = TemporaryDirectory::new("holdfast-postgres")?;
        let account = Account::to_run_postgres()?;
        let cluster = Cluster {
            programs,
            directory: directory.path(),
            account,
        };
        cluster.prepare_directory()?;
        cluster.initialise()?;
        cluster.apply_migrations()?;
        let server = cluster.start()?;

        let mut postgres = Self { server, directory };
        postgres.wait_until_it_listens()?;
        Ok(postgres)
    }

    /// How to reach it.
    pub fn url(&self) -> String {
        format!(
            "postgres://postgres@localhost/postgres?host={}",
            self.directory.path().display()
        )
    }

    fn wait_until_it_listens(&mut self) -> Outcome {
        let socket = self.directory.path().join(".s.PGSQL.5432");
        let started = Instant::now();
        while started.elapsed() < Duration::from_secs(20) {
            if UnixStream::connect(&socket).is_ok() {
                return Ok(());
            }
            if !matches!(self.server.try_wait(), Ok(None)) {
                break;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Err(with_log(
            self.directory.path(),
            "The temporary Postgres did not start",
        ))
    }
}

impl Drop for TemporaryPostgres {
    /// SIGINT is Postgres's fast shutdown; it removes its shared memory, which a kill would leave.
    fn drop(&mut self) {
        let process = self.server.id().to_string();
        let asked = Command::new("kill").args(["-INT", &process]).status();
        if !asked.is_ok_and(|status| status.success()) {
            let _ = self.server.kill();
        }
        let _ = self.server.wait();
    }
}

/// Postgres refuses to run as root, so root runs it as somebody else.
struct Account {
    uid: u32,
    gid: u32,
}

impl Account {
    /// `None` when we are not root and can run it ourselves.
    fn to_run_postgres() -> Outcome<Option<Self>> {
        if !machine::is_root() {
            return Ok(None);
        }
        ["postgres", "nobody"]
            .iter()
            .find_map(|name| Self::find(name))
            .map(Some)
            .ok_or_else(|| Failure::new("There is no account `postgres` to run Postgres as."))
    }

    fn find(name: &str) -> Option<Self> {
        let number = |flag| {
            machine::ask(Command::new("id").args([flag, name]))?
                .parse::<u32>()
                .ok()
        };
        Some(Self {
            uid: number("-u")?,
            gid: number("-g")?,
        })
    }
}

struct Cluster<'a> {
    programs: PathBuf,
    directory: &'a Path,
    account: Option<Account>,
}

impl Cluster<'_> {
    /// Whoever may enter the folder may connect, without a password: nobody else then.
    fn prepare_directory(&self) -> Outcome {
        let mut done = fs::set_permissions(self.directory, fs::Permissions::from_mode(0o700));
        if let Some(account) = &self.account {
            done = done.and_then(|()| chown(self.directory, Some(account.uid), Some(account.gid)));
        }
        done.map_err(|error| {
            Failure::new(format!(
                "Cannot prepare {}: {error}.",
                self.directory.display()
            ))
        })
    }

    fn initialise(&self) -> Outcome {
        let mut initdb = self.program("initdb")?;
        initdb
            .args([
                "--username=postgres",
                "--auth=trust",
                "--encoding=UTF8",
                "--locale=C",
            ])
            .args(["--no-sync", "--pgdata"])
            .arg(self.data());
        let done = initdb.status();
        if done.is_ok_and(|status| status.success()) {
            return Ok(());
        }
        Err(with_log(self.directory, "`initdb` failed"))
    }

    /// In Postgres's single-user mode, because not every packaging brings `psql`. With `-j`, a
    /// command ends at a semicolon before an empty line, so a file without empty lines is one
    /// command, and either all of it is applied or none.
    fn apply_migrations(&self) -> Outcome {
        for path in migrations()? {
            let text = fs::read_to_string(&path).map_err(|error| {
                Failure::new(format!("Cannot read {}: {error}.", path.display()))
            })?;
            let mut single = self
                .program("postgres")?
                .args(["--single", "-j", "-c", "exit_on_error=on", "-D"])
                .arg(self.data())
                .arg("postgres")
                .stdin(Stdio::piped())
                .spawn()
                .map_err(|error| Failure::new(format!("Cannot start Postgres: {error}.")))?;
            let written = single
                .stdin
                .take()
                .map(|mut input| input.write_all(one_command(&text).as_bytes()));
            let applied = single.wait().is_ok_and(|status| status.success());
            if !applied || !matches!(written, Some(Ok(()))) {
                let what = format!("{} cannot be applied", path.display());
                return Err(with_log(self.directory, &what));
            }
        }
        Ok(())
    }

    fn start(&self) -> Outcome<Child> {
        self.program("postgres")?
            .arg("-D")
            .arg(self.data())
            .args(["-c", "listen_addresses=", "-c", "fsync=off", "-k"])
            .arg(self.directory)
            .stdin(Stdio::null())
            .spawn()
            .map_err(|error| Failure::new(format!("Cannot start Postgres: {error}.")))
    }

    /// A program that writes what it says to the log.
    fn program(&self, name: &str) -> Outcome<Command> {
        let log = || {
            File::options()
                .create(true)
                .append(true)
                .open(log(self.directory))
                .map_err(|error| Failure::new(format!("Cannot write a log: {error}.")))
        };
        let mut command = Command::new(self.programs.join(name));
        command
            .current_dir(self.directory)
            .env("LC_ALL", "C")
            .stdin(Stdio::null())
            .stdout(log()?)
            .stderr(log()?);
        if let Some(account) = &self.account {
            command.uid(account.uid).gid(account.gid);
        }
        Ok(command)
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }
}

fn migrations() -> Outcome<Vec<PathBuf>> {
    let directory = workspace::path("migrations");
    let mut paths: Vec<PathBuf> = fs::read_dir(&directory)
        .map_err(|error| Failure::new(format!("Cannot read {}: {error}.", directory.display())))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "sql"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn one_command(text: &str) -> String {
    let mut command = String::new();
    for line in text.lines().filter(|line| !line.trim().is_empty()) {
        command.push_str(line);
        command.push('\n');
    }
    command.push('\n');
    command
}

fn log(directory: &Path) -> PathBuf {
    directory.join("log")
}

/// The end of the log goes with the failure, because the folder will be gone.
fn with_log(directory: &Path, what: &str) -> Failure {
    let text = fs::read_to_string(log(directory)).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = lines[lines.len().saturating_sub(8)..].join("\n");
    Failure::new(format!("{what}:\n{last}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_migration_is_one_command_whatever_its_spacing() {
        let text = "-- why\n\ncreate table a ();\n\n  \ncreate table b ();\n";
        assert_eq!(
            one_command(text),
            "-- why\ncreate table a ();\ncreate table b ();\n\n"
        );
    }
}
