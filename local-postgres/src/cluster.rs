//! Makes, starts, watches, probes and stops a Postgres and its data.
//!
//! A security duty: Postgres writes values that violate a constraint into its log, and these could
//! be usernames. `log_error_verbosity=terse` leaves them out.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use sqlx::postgres::{PgConnectOptions, PgSslMode};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::oneshot;

use crate::binaries::{Binaries, Version};
use crate::blocking::blocking;
use crate::error::LocalPostgresError;
use crate::name::Name;
use crate::place::{PORT, Place, UNFINISHED, open_own, read_untrusted};

/// If the log is larger than this at a start, it is renamed; one old log is kept.
const LOG_LIMIT: u64 = 10 << 20;

/// After a crash Postgres replays its log before it serves, which can take minutes.
const PATIENCE: Duration = Duration::from_secs(300);

/// How long a start waits if processes of a killed Postgres are still in its way.
const REMAINS: Duration = Duration::from_secs(15);

/// In seconds. A fast shutdown writes out everything in memory first.
const STOP_PATIENCE: &str = "60";

/// What a power cut may lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed. For data of people.
    #[default]
    Durable,
    /// Everything. Faster; for tests.
    Throwaway,
}

/// The answer of the socket.
enum Answer {
    /// Postgres serves.
    Ready(Version),
    /// Postgres is there, but starts, stops or is full.
    Busy,
    /// No process listens.
    Nobody,
}

/// Makes a cluster. It gets its final name when it is complete, so that a start which is
/// killed half-way leaves nothing that looks like data.
pub(crate) fn create(
    place: &Place,
    binaries: &Binaries,
    durability: Durability,
) -> Result<(), LocalPostgresError> {
    let (cluster, unfinished) = (place.cluster(), place.unfinished_cluster());
    tracing::info!(
        "setting up Postgres {} in {}",
        binaries.version,
        cluster.display()
    );
    remove_unfinished(place);
    std::fs::create_dir(&unfinished).map_err(LocalPostgresError::io("create", &unfinished))?;
    place.account.give(&unfinished)?;

    let initdb = binaries.program("initdb");
    let mut command = place.account.command(&initdb);
    command.arg("--pgdata").arg(&unfinished);
    command.args([
        // The only role. It is the superuser. A weaker role would protect nothing, because a
        // process that reaches the socket may name any role.
        "--username",
        place.name.as_str(),
        "--encoding=UTF8",
        "--locale=C",
        "--data-checksums",
    ]);
    command.args(["--auth-local=trust", "--auth-host=reject"]);
    if durability == Durability::Throwaway {
        command.arg("--no-sync");
    }
    let output = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| place.account.refused(error, "run", &initdb))?;
    if !output.status.success() {
        let is_full = says_full(&said(&output)) || disk_is_full(&place.data_dir);
        remove_unfinished(place);
        let path = cluster;
        return Err(if is_full {
            LocalPostgresError::DiskFull { path }
        } else {
            LocalPostgresError::InitFailed {
                path,
                output: said(&output),
            }
        });
    }
    std::fs::rename(&unfinished, &cluster).map_err(LocalPostgresError::io("name", &cluster))?;
    File::open(&place.data_dir)
        .and_then(|directory| directory.sync_all())
        .map_err(LocalPostgresError::io("sync", &place.data_dir))
}

/// Starts Postgres unless it runs, and returns its version once it serves. The caller
/// holds the start lock.
pub(crate) async fn ensure_running(
    place: &Place,
    binaries: &Binaries,
    durability: Durability,
) -> Result<Version, LocalPostgresError> {
    let options = maintenance_options(place).await?;
    let begun = Instant::now();
    let mut started: Option<Started> = None;
    let mut has_told = false;
    loop {
        match ask(place, &options).await? {
            Answer::Ready(version) => return Ok(version),
            Answer::Busy => {}
            Answer::Nobody => match &mut started {
                None => {
                    let (place, binaries) = (place.clone(), binaries.clone());
                    let start = move || spawn(&place, &binaries, durability);
                    started = Some(blocking(start).await?);
                }
                Some(this) => {
                    if let Ok(status) = this.ended.try_recv() {
                        let tail = tail(&place.log(), this.log_offset);
                        if !is_in_the_way(&tail) || begun.elapsed() > REMAINS {
                            return Err(failed(place, &ended_with(status), tail));
                        }
                        started = None;
                        tokio::time::sleep(Duration::from_millis(250)).await;
                    }
                }
            },
        }
        if begun.elapsed() > PATIENCE {
            let tail = tail(&place.log(), started.map_or(0, |this| this.log_offset));
            return Err(failed(place, "is not ready after five minutes", tail));
        }
        if !has_told && begun.elapsed() > Duration::from_secs(5) {
            tracing::info!("Postgres is not ready yet; after a crash it replays its log first");
            has_told = true;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Whether a Postgres answers on the socket, ready or not.
pub(crate) async fn is_running(place: &Place) -> Result<bool, LocalPostgresError> {
    let options = maintenance_options(place).await?;
    Ok(!matches!(ask(place, &options).await?, Answer::Nobody))
}

/// Whether the postmaster's process exists. This is cheap enough for every second, and uses no
/// connection.
pub(crate) fn seems_alive(place: &Place) -> bool {
    let Ok(text) = read_untrusted(&place.cluster().join("postmaster.pid")) else {
        return false;
    };
    first_pid(&text).is_some_and(is_postgres)
}

/// Stops Postgres; open connections are closed, transactions that are not committed are
/// rolled back. `pg_ctl` runs as Postgres's account, because it reads from a file of that account
/// which process it signals.
pub(crate) fn stop(place: &Place, binaries: &Binaries) -> Result<(), LocalPostgresError> {
    let pg_ctl = binaries.program("pg_ctl");
    let output = place
        .account
        .command(&pg_ctl)
        .args([
            "stop",
            "--mode=fast",
            "--wait",
            "--timeout",
            STOP_PATIENCE,
            "--pgdata",
        ])
        .arg(place.cluster())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .output()
        .map_err(|error| place.account.refused(error, "run", &pg_ctl))?;
    if !output.status.success() {
        let path = place.data_dir.clone();
        return Err(LocalPostgresError::StopFailed {
            path,
            output: said(&output),
        });
    }
    if let Ok(directory) = place.socket_directory() {
        // `remove_dir` only removes an empty directory. So it removes the short directory, and not
        // the directory of the data.
        let _ = std::fs::remove_dir(directory);
    }
    Ok(())
}

/// How to connect to the socket in `directory`. Variables such as `PGPORT` have no effect.
pub(crate) fn connect_options(name: &Name, directory: &Path) -> PgConnectOptions {
    PgConnectOptions::new_without_pgpass()
        .socket(directory)
        .port(PORT)
        .username(name.as_str())
        .ssl_mode(PgSslMode::Disable)
}

/// Options for the database that always exists. This program must own the socket's directory
/// before it connects: in the directory of another account, a program of that account could
/// answer.
async fn maintenance_options(place: &Place) -> Result<PgConnectOptions, LocalPostgresError> {
    let (name, place) = (place.name.clone(), place.clone());
    let directory = blocking(move || place.prepare_socket_directory()).await?;
    Ok(connect_options(&name, &directory).database("postgres"))
}

/// A Postgres that this program started.
struct Started {
    /// Says when it has ended.
    ended: oneshot::Receiver<ExitStatus>,
    /// Where its part of the log begins.
    log_offset: u64,
}

/// Starts `postgres` itself and not `pg_ctl start`. `pg_ctl` would give the paths to a shell, and
/// it would leave a dead Postgres to process 1, which never reaps it in many containers.
fn spawn(
    place: &Place,
    binaries: &Binaries,
    durability: Durability,
) -> Result<Started, LocalPostgresError> {
    let socket_directory = place.prepare_socket_directory()?;
    remove_stale_pid_files(place, &socket_directory);
    let log = open_log(place)?;
    let log_offset = log.metadata().map_or(0, |metadata| metadata.len());
    let error_log = log
        .try_clone()
        .map_err(LocalPostgresError::io("open", &place.log()))?;

    let postgres = binaries.program("postgres");
    let mut command = place.account.command(&postgres);
    command.arg("-D").arg(place.cluster());
    for setting in settings(&place.name, &socket_directory, durability) {
        command.arg("-c").arg(setting);
    }
    // Postgres gets a process group of its own, so that Ctrl-C in the terminal does not reach it:
    // the server finishes its requests first, and they need the database.
    command.process_group(0).stdout(log).stderr(error_log);
    let mut child = command
        .spawn()
        .map_err(|error| place.account.refused(error, "run", &postgres))?;

    // A thread waits for Postgres. Otherwise a killed Postgres would stay as a zombie process, and
    // the next start would believe that it still runs. The thread does not keep this program
    // running.
    let (tell, ended) = oneshot::channel();
    std::thread::spawn(move || {
        if let Ok(status) = child.wait() {
            let _ = tell.send(status);
        }
    });
    Ok(Started { ended, log_offset })
}

/// Given on the command line, so that an edited `postgresql.conf` cannot open a port or
/// lose commits.
fn settings(name: &Name, socket_directory: &Path, durability: Durability) -> Vec<String> {
    // The setting is a list of directories: in quotes, a directory may contain a comma.
    let socket_directory = socket_directory.to_string_lossy().replace('"', "\"\"");
    let durable = if durability == Durability::Durable {
        "on"
    } else {
        "off"
    };
    let mut settings = vec![
        "listen_addresses=".to_owned(),
        format!("port={PORT}"),
        format!("unix_socket_directories=\"{socket_directory}\""),
        "unix_socket_permissions=0700".to_owned(),
        // Several servers, each with a pool; or pgbench with as many connections as clients.
        "max_connections=320".to_owned(),
        "shared_buffers=64MB".to_owned(),
        format!("fsync={durable}"),
        format!("synchronous_commit={durable}"),
        format!("full_page_writes={durable}"),
        "logging_collector=off".to_owned(),
        "log_destination=stderr".to_owned(),
        "log_error_verbosity=terse".to_owned(),
        format!("cluster_name={name}"),
    ];
    if cfg!(target_os = "macos") && durability == Durability::Durable {
        // On macOS a plain fsync stops at the drive's cache.
        settings.push("wal_sync_method=fsync_writethrough".to_owned());
    }
    settings
}

async fn ask(place: &Place, options: &PgConnectOptions) -> Result<Answer, LocalPostgresError> {
    let attempt = tokio::time::timeout(Duration::from_secs(5), options.connect()).await;
    let error = match attempt {
        Err(_) => return Ok(Answer::Busy),
        Ok(Ok(connection)) => {
            let number = connection.server_version_num().unwrap_or_default();
            let _ = connection.close().await;
            return Ok(Answer::Ready(Version {
                major: number / 10_000,
                minor: number % 10_000,
            }));
        }
        Ok(Err(error)) => error,
    };
    match &error {
        sqlx::Error::Io(io) => match io.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                return Ok(Answer::Nobody);
            }
            // Postgres went away during the connection.
            io::ErrorKind::ConnectionReset
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof => return Ok(Answer::Busy),
            _ => {}
        },
        // cannot_connect_now (it starts or stops), too_many_connections, admin_shutdown.
        sqlx::Error::Database(database)
            if matches!(
                database.code().as_deref(),
                Some("57P03" | "53300" | "57P01")
            ) =>
        {
            return Ok(Answer::Busy);
        }
        _ => {}
    }
    Err(LocalPostgresError::Connect {
        path: place.data_dir.clone(),
        source: error,
    })
}

/// Postgres itself recognises most stale files. But it does not if the machine has given the
/// process id in them to another process of the same account, as small containers do.
fn remove_stale_pid_files(place: &Place, socket_directory: &Path) {
    let files = [
        place.cluster().join("postmaster.pid"),
        socket_directory.join(format!(".s.PGSQL.{PORT}.lock")),
    ];
    for file in files {
        let Some(pid) = read_untrusted(&file).ok().and_then(|text| first_pid(&text)) else {
            continue;
        };
        if !is_postgres(pid) {
            tracing::debug!("removing {}, which a killed Postgres left", file.display());
            let _ = std::fs::remove_file(file);
        }
    }
}

/// Some lock files hold the negative process id of a single-user Postgres.
fn first_pid(text: &str) -> Option<Pid> {
    let number: i32 = text.lines().next()?.trim().parse().ok()?;
    Some(Pid::from_raw(number.checked_abs()?)).filter(|pid| pid.as_raw() > 1)
}

/// Whether this process lives and may be a Postgres. If this is not known, the answer is `true`.
fn is_postgres(pid: Pid) -> bool {
    match kill(pid, None) {
        Err(Errno::ESRCH) => return false,
        // The process belongs to another account, so it is not this Postgres: only root manages
        // Postgres for another account, and the system never refuses root.
        Err(Errno::EPERM) => return false,
        _ => {}
    }
    // `1234 (name) S …`; the name may contain any characters.
    let Ok(stat) = std::fs::read_to_string(format!("/proc/{pid}/stat")) else {
        return true;
    };
    let Some((name, state)) = stat.rsplit_once(')') else {
        return true;
    };
    let is_dead = state.trim_start().starts_with(['Z', 'X']);
    name.contains("postgres") && !is_dead
}

/// Removes what a killed start has left. Its initdb may still be running there, so this may fail;
/// a later start does the rest.
fn remove_unfinished(place: &Place) {
    for entry in std::fs::read_dir(&place.data_dir)
        .into_iter()
        .flatten()
        .flatten()
    {
        if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

fn open_log(place: &Place) -> Result<File, LocalPostgresError> {
    let path = place.log();
    if path
        .symlink_metadata()
        .is_ok_and(|metadata| metadata.len() > LOG_LIMIT)
    {
        let old = path.with_extension("log.old");
        std::fs::rename(&path, &old).map_err(LocalPostgresError::io("put aside", &path))?;
    }
    open_own(&path, OpenOptions::new().append(true).create(true))
        .map_err(LocalPostgresError::io("open", &path))
}

/// The last lines of the log after `offset`, at most some 2 KB.
fn tail(log: &Path, offset: u64) -> String {
    let read = || -> io::Result<Vec<u8>> {
        let mut file = File::open(log)?;
        let length = file.metadata()?.len();
        file.seek(SeekFrom::Start(
            offset.max(length.saturating_sub(2048)).min(length),
        ))?;
        let mut bytes = Vec::new();
        file.take(4096).read_to_end(&mut bytes)?;
        Ok(bytes)
    };
    last_lines(&read().unwrap_or_default())
}

fn said(output: &Output) -> String {
    let bytes = if output.stderr.is_empty() {
        &output.stdout
    } else {
        &output.stderr
    };
    last_lines(bytes)
}

fn last_lines(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes);
    let lines: Vec<_> = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    lines[lines.len().saturating_sub(12)..].join(" | ")
}

/// Whether the start failed because processes of a killed Postgres still live.
fn is_in_the_way(tail: &str) -> bool {
    !says_full(tail) && (tail.contains("shared memory block") || tail.contains("lock file"))
}

fn failed(place: &Place, what: &str, tail: String) -> LocalPostgresError {
    if says_full(&tail) || disk_is_full(&place.data_dir) {
        return LocalPostgresError::DiskFull {
            path: place.data_dir.clone(),
        };
    }
    let tail = if tail.is_empty() {
        "(nothing)".to_owned()
    } else {
        tail
    };
    LocalPostgresError::StartFailed {
        what: what.to_owned(),
        log: place.log(),
        tail,
    }
}

fn ended_with(status: ExitStatus) -> String {
    format!("ended right after its start ({status})")
}

fn says_full(text: &str) -> bool {
    text.contains("No space left on device") || text.contains("Disk quota exceeded")
}

/// Whether the disk is full. A full disk often prevents a line in the log.
#[allow(clippy::useless_conversion, reason = "macOS counts blocks in 32 bits")]
fn disk_is_full(path: &Path) -> bool {
    let available = |stat: nix::sys::statvfs::Statvfs| {
        u64::from(stat.blocks_available()).saturating_mul(u64::from(stat.fragment_size()))
    };
    nix::sys::statvfs::statvfs(path).is_ok_and(|stat| available(stat) < 1 << 20)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_throwaway_postgres_gives_up_durability() {
        let socket = Path::new("/data");
        let name = "holdfast".parse().unwrap();
        let durable = settings(&name, socket, Durability::Durable);
        let throwaway = settings(&name, socket, Durability::Throwaway);
        for name in ["fsync", "synchronous_commit", "full_page_writes"] {
            assert!(durable.contains(&format!("{name}=on")));
            assert!(throwaway.contains(&format!("{name}=off")));
        }
    }

    #[test]
    fn postgres_listens_on_no_address() {
        let name = "holdfast".parse().unwrap();
        let settings = settings(&name, Path::new("/a,b \"c\""), Durability::Durable);
        assert!(settings.contains(&"listen_addresses=".to_owned()));
        assert!(settings.contains(&"unix_socket_directories=\"/a,b \"\"c\"\"\"".to_owned()));
    }

    #[test]
    fn another_process_is_not_taken_for_postgres() {
        let ours = Pid::from_raw(i32::try_from(std::process::id()).unwrap());
        assert!(!is_postgres(ours) || !cfg!(target_os = "linux"));
        assert_eq!(first_pid("0\n/data"), None);
        assert_eq!(first_pid("1\n/data"), None);
        assert_eq!(first_pid("nonsense"), None);
        assert_eq!(first_pid("-77\n"), Some(Pid::from_raw(77)));
    }

    #[test]
    fn the_end_of_a_long_output_is_kept() {
        let long: String = (0..100).map(|line| format!("  line {line}\n\n")).collect();
        let kept = last_lines(long.as_bytes());
        assert!(
            kept.starts_with("line 88 | ") && kept.ends_with(" | line 99"),
            "{kept}"
        );
    }
}
