//! A Postgres that belongs to one test, which may stop it, crash it and make a failover. It uses
//! the programs and the account of Holdfast's private Postgres.

use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{Connection as _, PgConnection};

use crate::database::TestDatabase;

const ROLE: &str = "holdfast";

/// The programs of Postgres, and the account that runs them.
#[derive(Clone)]
struct Programs {
    directory: PathBuf,
    /// A directory that this account can pass through.
    place: PathBuf,
    uid: u32,
    gid: u32,
}

/// A running Postgres. It is removed after the test.
pub struct Cluster {
    programs: Programs,
    directory: PathBuf,
    sockets: PathBuf,
}

impl Programs {
    /// The programs of the Postgres that the tests share.
    async fn find() -> Self {
        let shared = TestDatabase::create().await.options;
        let mut connection = PgConnection::connect_with(&shared).await.unwrap();
        let data: String = sqlx::query_scalar("show data_directory")
            .fetch_one(&mut connection)
            .await
            .unwrap();
        let data = PathBuf::from(data);
        let started_with = std::fs::read_to_string(data.join("postmaster.opts")).unwrap();
        let postgres = started_with.split(' ').next().unwrap();
        let owner = data.metadata().unwrap();
        Self {
            directory: Path::new(postgres).parent().unwrap().to_owned(),
            place: data.parent().and_then(Path::parent).unwrap().to_owned(),
            uid: owner.uid(),
            gid: owner.gid(),
        }
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(self.directory.join(program));
        command
            .env_clear()
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .current_dir("/")
            .stdin(Stdio::null());
        if nix::unistd::Uid::effective().is_root() {
            command.gid(self.gid).uid(self.uid);
        }
        command
    }

    /// Makes an empty directory that only the account can enter.
    fn make_directory(&self, path: &Path) {
        std::fs::create_dir(path).unwrap();
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o700)).unwrap();
        if nix::unistd::Uid::effective().is_root() {
            chown(path, Some(self.uid), Some(self.gid)).unwrap();
        }
    }
}

impl Cluster {
    /// A new, running Postgres with these settings in addition.
    pub async fn start(settings: &[&str]) -> Self {
        let cluster = Self::prepare(Programs::find().await);
        let mut initdb = cluster.programs.command("initdb");
        initdb
            .arg("--pgdata")
            .arg(cluster.data())
            .args(["--username", ROLE, "--encoding=UTF8", "--locale=C"])
            .args(["--auth-local=trust", "--auth-host=reject", "--no-sync"]);
        run(initdb);
        cluster.configure(&["fsync=off", "max_connections=100"]);
        cluster.configure(settings);
        cluster.run_again();
        cluster
    }

    /// A running asynchronous streaming replica of this Postgres, which stops for a moment while it
    /// is copied. `primary` is how the replica reaches it.
    pub async fn replica(&self, primary: &str) -> Self {
        let replica = Self::prepare(self.programs.clone());
        self.stop("fast");
        std::fs::remove_dir(replica.data()).unwrap();
        let mut copy = Command::new("cp");
        copy.arg("-a").arg(self.data()).arg(replica.data());
        run(copy);
        self.run_again();
        let signal = replica.data().join("standby.signal");
        std::fs::write(signal, "").unwrap();
        let conninfo = format!("primary_conninfo='{primary}'");
        replica.configure(&[&conninfo, "hot_standby=on"]);
        replica.run_again();
        replica
    }

    fn prepare(programs: Programs) -> Self {
        let name = format!(
            "{:016x}",
            u64::from_le_bytes(holdfast_server::random::bytes())
        );
        let directory = programs.place.join(format!("fleet-{name}"));
        // The path of a socket has to be short.
        let sockets = std::env::temp_dir().join(format!("holdfast-fleet-{name}"));
        std::fs::create_dir(&directory).unwrap();
        programs.make_directory(&directory.join("data"));
        programs.make_directory(&sockets);
        Self {
            programs,
            directory,
            sockets,
        }
    }

    fn data(&self) -> PathBuf {
        self.directory.join("data")
    }

    /// Writes settings to the configuration; the last setting of a name counts.
    fn configure(&self, settings: &[&str]) {
        let path = self.data().join("postgresql.conf");
        let mut text = std::fs::read_to_string(&path).unwrap();
        text.push_str("\nlisten_addresses=''\n");
        text.push_str(&format!(
            "unix_socket_directories='{}'\n",
            self.sockets.display()
        ));
        for setting in settings {
            text.push_str(setting);
            text.push('\n');
        }
        std::fs::write(path, text).unwrap();
    }

    /// Starts it, after a [`stop`](Self::stop).
    pub fn run_again(&self) {
        self.control(&["start"]);
    }

    /// `fast` ends every connection normally; `immediate` is a crash.
    pub fn stop(&self, mode: &str) {
        self.control(&["stop", "--mode", mode]);
    }

    /// A crash, and the recovery from it.
    pub fn restart_immediately(&self) {
        self.control(&["restart", "--mode", "immediate"]);
    }

    /// What it has logged.
    pub fn log(&self) -> String {
        let log = std::fs::read(self.data().join("log")).unwrap();
        String::from_utf8_lossy(&log).into_owned()
    }

    /// Makes a replica the primary.
    pub fn promote(&self) {
        self.control(&["promote"]);
    }

    fn control(&self, action: &[&str]) {
        let mut pg_ctl = self.programs.command("pg_ctl");
        pg_ctl
            .args(action)
            .args(["--wait", "--timeout", "60", "--silent", "--pgdata"])
            .arg(self.data())
            .arg("--log")
            .arg(self.data().join("log"));
        run(pg_ctl);
    }

    /// Makes a database in it. Returns how to connect.
    pub async fn create_database(&self) -> PgConnectOptions {
        let postgres = self.options("postgres");
        let mut connection = PgConnection::connect_with(&postgres).await.unwrap();
        sqlx::query("create database holdfast")
            .execute(&mut connection)
            .await
            .unwrap();
        connection.close().await.unwrap();
        self.options("holdfast")
    }

    /// How to connect to a database in it.
    pub fn options(&self, database: &str) -> PgConnectOptions {
        PgConnectOptions::new_without_pgpass()
            .socket(&self.sockets)
            .port(5432)
            .username(ROLE)
            .ssl_mode(PgSslMode::Disable)
            .database(database)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.data().join("log")).unwrap_or_default();
            let last: Vec<_> = log.lines().rev().take(20).collect();
            eprintln!("--- {} ---", self.data().display());
            last.iter().rev().for_each(|line| eprintln!("{line}"));
        }
        let mut pg_ctl = self.programs.command("pg_ctl");
        pg_ctl
            .args(["stop", "--mode", "immediate", "--silent", "--pgdata"])
            .arg(self.data())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // It may be stopped already.
        let _ = pg_ctl.status();
        let _ = std::fs::remove_dir_all(&self.directory);
        let _ = std::fs::remove_dir_all(&self.sockets);
    }
}

/// The output goes into files, because a server that `pg_ctl` starts would keep pipes open for
/// ever.
fn run(mut command: Command) {
    let name = format!(
        "holdfast-fleet-output-{:016x}",
        u64::from_le_bytes(holdfast_server::random::bytes())
    );
    let path = std::env::temp_dir().join(name);
    let file = std::fs::File::create(&path).unwrap();
    command.stdout(file.try_clone().unwrap()).stderr(file);
    let status = command.status().unwrap();
    let said = std::fs::read_to_string(&path).unwrap_or_default();
    let _ = std::fs::remove_file(&path);
    assert!(status.success(), "{command:?}: {said}");
}
