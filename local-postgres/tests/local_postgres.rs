//! The private Postgres, with the Postgres that is installed here.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use holdfast_local_postgres::{Durability, LocalPostgres, LocalPostgresError, Options};
use sqlx::migrate::MigrateDatabase;
use sqlx::{Connection, PgConnection};

/// A data directory that is gone after the test, with the Postgres in it.
struct DataDir(PathBuf);

impl DataDir {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("holdfast-test-{}-{name}", std::process::id()));
        Self(path)
    }

    fn cluster(&self) -> PathBuf {
        self.0.join("postgres")
    }

    async fn start(&self) -> Result<LocalPostgres, LocalPostgresError> {
        LocalPostgres::start(self.options()).await
    }

    fn options(&self) -> Options {
        Options {
            name: "holdfast".parse().unwrap(),
            data_dir: self.0.clone(),
            companions: &[],
            durability: Durability::Throwaway,
            keep_running: false,
        }
    }

    /// The process id of the running Postgres.
    fn pid(&self) -> Option<u32> {
        let text = std::fs::read_to_string(self.cluster().join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }

    fn kill(&self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

impl Drop for DataDir {
    fn drop(&mut self) {
        self.kill();
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

async fn serves(postgres: &LocalPostgres) -> bool {
    match PgConnection::connect_with(&postgres.connect_options()).await {
        Ok(mut connection) => connection.ping().await.is_ok(),
        Err(_) => false,
    }
}

#[tokio::test]
async fn the_last_of_two_servers_stops_postgres_and_a_restart_keeps_the_data() {
    let dir = DataDir::new("two-servers");
    // Both start at the same instant.
    let (one, two) = tokio::join!(dir.start(), dir.start());
    let (one, two) = (one.unwrap(), two.unwrap());
    assert_eq!(
        one.connect_options().get_socket(),
        two.connect_options().get_socket()
    );
    let kept = one.database_url().replace("/holdfast?", "/kept?");
    sqlx::Postgres::create_database(&kept).await.unwrap();

    assert!(!one.release().await.unwrap());
    assert!(serves(&two).await);
    assert!(matches!(
        LocalPostgres::stop(&dir.options()).await,
        Err(LocalPostgresError::InUse { .. })
    ));
    assert!(two.release().await.unwrap());
    assert!(!serves(&two).await);
    assert!(!LocalPostgres::stop(&dir.options()).await.unwrap());

    let again = dir.start().await.unwrap();
    assert!(sqlx::Postgres::database_exists(&kept).await.unwrap());
    // The test does not release it, like a killed server. So Postgres goes on until it is stopped.
    drop(again);
    assert!(LocalPostgres::stop(&dir.options()).await.unwrap());
}

#[tokio::test]
async fn no_other_account_gets_to_the_socket_or_the_log() {
    let dir = DataDir::new("modes");
    let postgres = dir.start().await.unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;

    assert_eq!(mode(&dir.cluster()), 0o700);
    assert_eq!(mode(&dir.0.join("postgres.log")), 0o600);
    assert_eq!(
        mode(&dir.0) & 0o067,
        0,
        "others may not enter, nor the group list"
    );
    let socket = postgres
        .connect_options()
        .get_socket()
        .unwrap()
        .join(".s.PGSQL.5432");
    assert!(socket.starts_with(dir.0.canonicalize().unwrap()));
    assert_eq!(mode(&socket), 0o700);
    let ours = dir.0.metadata().unwrap().uid();
    assert!(
        ours != 0 || dir.cluster().metadata().unwrap().uid() != 0,
        "Postgres never runs as root"
    );
    postgres.release().await.unwrap();
}

#[tokio::test]
async fn a_killed_postgres_is_started_again_at_the_next_start_and_by_the_supervisor() {
    let dir = DataDir::new("killed");
    let first = dir.start().await.unwrap();
    dir.kill();
    let second = Arc::new(dir.start().await.unwrap());
    assert!(serves(&second).await);

    let supervisor = tokio::spawn(Arc::clone(&second).supervise());
    let killed = dir.pid();
    dir.kill();
    let begun = Instant::now();
    while dir.pid() == killed || !serves(&second).await {
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "the supervisor did not start it again"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    assert!(!first.release().await.unwrap());
    assert!(second.release().await.unwrap());
    // The supervisor ends with the release and does not bring Postgres back.
    tokio::time::timeout(Duration::from_secs(5), supervisor)
        .await
        .unwrap()
        .unwrap();
    assert!(!serves(&second).await);
}

#[tokio::test]
async fn the_files_of_a_killed_machine_do_not_stop_a_start() {
    let dir = DataDir::new("stale");
    dir.start().await.unwrap().release().await.unwrap();
    // The process id now belongs to another process of Postgres's own account.
    let mut stranger = Command::new("sleep");
    let owner = dir.cluster().metadata().unwrap();
    if dir.0.metadata().unwrap().uid() == 0 {
        use std::os::unix::process::CommandExt;
        stranger.uid(owner.uid()).gid(owner.gid());
    }
    let mut stranger = stranger.arg("60").spawn().unwrap();
    for name in ["postmaster.pid", ".s.PGSQL.5432.lock"] {
        let text = format!("{}\n{}\n0\n5432\n", stranger.id(), dir.cluster().display());
        std::fs::write(dir.cluster().join(name), text).unwrap();
    }

    let postgres = dir.start().await.unwrap();
    assert!(serves(&postgres).await);
    postgres.release().await.unwrap();
    stranger.kill().unwrap();
    stranger.wait().unwrap();
}

#[tokio::test]
async fn data_of_another_version_is_left_alone() {
    let dir = DataDir::new("version");
    dir.start().await.unwrap().release().await.unwrap();
    for version in ["10\n", "99\n"] {
        std::fs::write(dir.cluster().join("PG_VERSION"), version).unwrap();
        let error = dir.start().await.unwrap_err();
        assert!(
            matches!(error, LocalPostgresError::VersionMismatch { .. }),
            "{error}"
        );
        assert!(
            error
                .to_string()
                .contains(&format!("Postgres {}", version.trim())),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_folder_with_something_else_in_it_is_refused() {
    let dir = DataDir::new("foreign");
    std::fs::create_dir_all(dir.cluster()).unwrap();
    std::fs::write(dir.cluster().join("thesis.txt"), "years of work").unwrap();
    let error = dir.start().await.unwrap_err();
    assert!(
        matches!(error, LocalPostgresError::NotOurs { .. }),
        "{error}"
    );
    assert!(dir.cluster().join("thesis.txt").exists());
}

#[tokio::test]
async fn a_data_directory_that_others_can_change_is_refused() {
    let dir = DataDir::new("open");
    std::fs::create_dir(&dir.0).unwrap();
    std::fs::set_permissions(&dir.0, std::fs::Permissions::from_mode(0o777)).unwrap();
    let error = dir.start().await.unwrap_err();
    assert!(
        matches!(error, LocalPostgresError::NotOurs { .. }),
        "{error}"
    );
}

#[tokio::test]
async fn a_path_too_long_for_a_socket_gets_a_short_one_of_its_own() {
    let dir = DataDir::new(&"long".repeat(30));
    let postgres = dir.start().await.unwrap();
    let socket = postgres.connect_options().get_socket().unwrap().clone();
    assert!(!socket.starts_with(&dir.0));
    assert_eq!(
        socket.metadata().unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert!(serves(&postgres).await);
    postgres.release().await.unwrap();
    assert!(!socket.exists(), "the short directory goes with Postgres");

    // Another program takes its place and answers there.
    std::fs::create_dir(&socket).unwrap();
    std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o755)).unwrap();
    let trap = UnixListener::bind(socket.join(".s.PGSQL.5432")).unwrap();
    trap.set_nonblocking(true).unwrap();
    let error = dir.start().await.unwrap_err();
    std::fs::remove_dir_all(&socket).unwrap();
    assert!(
        matches!(error, LocalPostgresError::NotOurs { .. }),
        "{error}"
    );
    assert!(trap.accept().is_err(), "no connection came to it");
}

#[tokio::test]
async fn a_failed_start_shows_the_end_of_the_log() {
    let dir = DataDir::new("broken");
    dir.start().await.unwrap().release().await.unwrap();
    std::fs::write(
        dir.cluster().join("postgresql.conf"),
        "no_such_setting = 1\n",
    )
    .unwrap();
    let error = dir.start().await.unwrap_err();
    assert!(
        matches!(error, LocalPostgresError::StartFailed { .. }),
        "{error}"
    );
    assert!(error.to_string().contains("no_such_setting"), "{error}");
}

/// The program, and the URL that it printed.
fn run_program(dir: &DataDir, migrations: &Path) -> (Child, String) {
    let mut program = program(dir, "run")
        .args(["--throwaway", "--migrations"])
        .arg(migrations)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut url = String::new();
    let mut said = BufReader::new(program.stdout.take().unwrap());
    said.read_line(&mut url).unwrap();
    (program, url.trim_end().to_owned())
}

fn program(dir: &DataDir, command: &str) -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_local-postgres"));
    program
        .args([command, "--name", "other", "--data-dir"])
        .arg(&dir.0);
    program
}

fn migrations_that_make_a_table(name: &str) -> DataDir {
    let dir = DataDir::new(name);
    std::fs::create_dir(&dir.0).unwrap();
    let text = "-- why\n\ncreate table notes (note_id bigint);\n";
    std::fs::write(dir.0.join("0001_notes.sql"), text).unwrap();
    dir
}

#[tokio::test]
async fn the_program_applies_migrations_and_serves_until_its_input_ends() {
    let dir = DataDir::new("program");
    let migrations = migrations_that_make_a_table("program-migrations");
    let (mut program, url) = run_program(&dir, &migrations.0);
    let mut connection = PgConnection::connect(&url).await.unwrap();
    let notes: i64 = sqlx::query_scalar("select count(*) from notes")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(notes, 0);
    let role: String = sqlx::query_scalar("select current_user || ' ' || current_database()")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(role, "other other");

    drop(program.stdin.take());
    let ended = tokio::task::spawn_blocking(move || program.wait());
    assert!(ended.await.unwrap().unwrap().success());
    assert_eq!(dir.pid(), None);
}

#[tokio::test]
async fn the_program_stops_what_a_killed_one_has_left() {
    let dir = DataDir::new("left");
    let migrations = migrations_that_make_a_table("left-migrations");
    let (mut killed, url) = run_program(&dir, &migrations.0);
    let stop = || program(&dir, "stop").status().unwrap();
    assert!(!stop().success(), "a process uses it");
    killed.kill().unwrap();
    killed.wait().unwrap();
    PgConnection::connect(&url)
        .await
        .unwrap()
        .close()
        .await
        .unwrap();

    assert!(stop().success());
    assert_eq!(dir.pid(), None);
    assert!(PgConnection::connect(&url).await.is_err());
}

#[test]
fn a_migration_that_cannot_be_applied_ends_the_program_and_its_postgres() {
    let dir = DataDir::new("bad-migration");
    let migrations = DataDir::new("bad-migrations");
    std::fs::create_dir(&migrations.0).unwrap();
    std::fs::write(migrations.0.join("0001_bad.sql"), "create nonsense;").unwrap();
    let (mut program, url) = run_program(&dir, &migrations.0);
    assert_eq!(url, "", "no address is given away");
    assert!(!program.wait().unwrap().success());
    assert_eq!(dir.pid(), None);
}
