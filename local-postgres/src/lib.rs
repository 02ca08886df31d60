//! A private Postgres, made and started from the programs that are on the machine.
//!
//! Several processes share it, and no person has to set it up. Crashes and power cuts do not lose
//! committed data. It knows nothing of the program that uses it except a [`Name`] and a
//! directory.
//!
//! A security duty: no password protects this database. It listens on no address, only on a unix
//! socket in a directory that no other account can enter (`place`). Postgres runs as an
//! unprivileged account, even if root runs this program. Root trusts no file that this account can
//! write (`account`, `place`).
//!
//! The life of a private Postgres: the first process on a data directory finds the
//! installed programs (`binaries`), makes the data and starts Postgres (`cluster`); every
//! other process on the same directory joins. Two locks keep order. The *start lock* is
//! held while Postgres is started or stopped. Every process that uses Postgres holds the *use
//! lock*, which is shared, for as long as the process lives. The system drops the lock even after
//! SIGKILL. If a process ends normally and no other process uses Postgres, it stops Postgres. After
//! a SIGKILL Postgres goes on, and the next process joins it.
//!
//! One alternative was rejected: Postgres as a child process that ends with the process that has
//! started it. If the first process ended, every other process would lose its database. A server
//! that restarts on every change of its sources would lose it each time.

mod account;
mod binaries;
mod blocking;
mod cluster;
mod error;
mod name;
mod place;

/// The examples of the README, compiled.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::MigrateDatabase;
use sqlx::postgres::PgConnectOptions;

use crate::binaries::Binaries;
use crate::blocking::blocking;
pub use crate::cluster::Durability;
pub use crate::error::LocalPostgresError;
pub use crate::name::Name;
use crate::place::{Contents, PORT, Place};

/// How often the supervisor checks whether Postgres runs.
const SUPERVISION: Duration = Duration::from_secs(1);

/// How long the supervisor waits after a start that failed.
const SUPERVISION_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// The settings of a private Postgres.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name.
    pub name: Name,
    /// The directory of its data. It is created if it is missing.
    pub data_dir: PathBuf,
    /// Files of the caller that may be in `data_dir` before Postgres is there. A directory with
    /// other files keeps its permissions.
    pub companions: &'static [&'static str],
    /// If Postgres already runs, this has no effect: it keeps the durability with which it was
    /// started.
    pub durability: Durability,
    /// Leave Postgres running at the end.
    pub keep_running: bool,
}

/// A running Postgres, held in use until [`release`](Self::release).
///
/// Without a release, dropping this leaves Postgres running for the next process.
#[derive(Debug)]
pub struct LocalPostgres {
    place: Place,
    binaries: Binaries,
    durability: Durability,
    keep_running: bool,
    socket_directory: PathBuf,
    version: String,
    /// The shared use lock. `None` after the release.
    in_use: Mutex<Option<File>>,
}

impl LocalPostgres {
    /// Starts Postgres, or joins the one that runs on this data directory. The first start
    /// on a directory takes a second or two.
    ///
    /// When root runs this and the unprivileged account cannot reach `data_dir` (below
    /// `/root`, say), the data lives below `/var/lib` in a directory of its name; see
    /// [`data_dir`](Self::data_dir).
    pub async fn start(options: Options) -> Result<Self, LocalPostgresError> {
        let (durability, keep_running) = (options.durability, options.keep_running);
        let place = blocking(move || {
            let place = options.place()?;
            place.prepare()?;
            Ok(place)
        })
        .await?;
        let start_lock = lock_start(&place).await?;
        // The work owns the lock. So the lock stays until the work ends, even if the caller stops
        // waiting.
        let (start_lock, binaries) = {
            let place = place.clone();
            blocking(move || Ok((start_lock, find_or_create(&place, durability)?))).await?
        };
        let version = cluster::ensure_running(&place, &binaries, durability).await?;
        let socket_directory = place.socket_directory()?;
        create_database(&place, &socket_directory).await?;
        let in_use = hold_in_use(&place)?;
        drop(start_lock);
        Ok(Self {
            place,
            binaries,
            durability,
            keep_running,
            socket_directory,
            version: version.to_string(),
            in_use: Mutex::new(Some(in_use)),
        })
    }

    /// Whether there is a private Postgres in this directory already, running or not.
    pub async fn exists(options: &Options) -> Result<bool, LocalPostgresError> {
        let options = options.clone();
        let contents = blocking(move || options.place()?.contents()).await?;
        Ok(matches!(contents, Contents::Cluster(_)))
    }

    /// How to connect to its one database.
    pub fn connect_options(&self) -> PgConnectOptions {
        let name = &self.place.name;
        cluster::connect_options(name, &self.socket_directory).database(name.as_str())
    }

    /// The address of its one database as a URL, for `psql` and for `DATABASE_URL`.
    pub fn database_url(&self) -> String {
        database_url(&self.place.name, &self.socket_directory)
    }

    /// The directory of the data: an absolute path, which may differ from the one in the
    /// settings.
    pub fn data_dir(&self) -> &Path {
        &self.place.data_dir
    }

    /// The version of Postgres, as in `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Starts Postgres again when it has ended. This runs until the release, on a task of its own.
    pub async fn supervise(self: Arc<Self>) {
        let mut pause = SUPERVISION;
        loop {
            tokio::time::sleep(pause).await;
            pause = SUPERVISION;
            if self.is_released() {
                return;
            }
            let place = self.place.clone();
            if blocking(move || Ok(cluster::seems_alive(&place)))
                .await
                .unwrap_or(true)
            {
                continue;
            }
            tracing::warn!("Postgres has ended; starting it again");
            match self.start_again().await {
                Ok(true) => tracing::info!("Postgres serves again"),
                Ok(false) => return,
                Err(error) => {
                    tracing::error!("Postgres could not be started again: {error}");
                    pause = SUPERVISION_AFTER_FAILURE;
                }
            }
        }
    }

    /// Ends this use of Postgres: the last user stops it, unless it is to be kept running.
    /// Returns `true` if Postgres was stopped. Close the connections first; connections that are
    /// still open are cut. A second release does nothing.
    pub async fn release(&self) -> Result<bool, LocalPostgresError> {
        let start_lock = lock_start(&self.place).await?;
        let in_use = self
            .in_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if in_use.is_none() {
            return Ok(false);
        }
        drop(in_use);
        if self.keep_running || !is_unused(&self.place)? {
            return Ok(false);
        }
        let (place, binaries) = (self.place.clone(), self.binaries.clone());
        blocking(move || {
            cluster::stop(&place, &binaries)?;
            drop(start_lock);
            Ok(true)
        })
        .await
    }

    /// Stops the Postgres of a data directory. It is an error if a process uses it. Returns `false`
    /// if no Postgres runs.
    pub async fn stop(options: &Options) -> Result<bool, LocalPostgresError> {
        let options = options.clone();
        let found = blocking(move || {
            let place = options.place()?;
            let contents = place.contents()?;
            Ok((place, contents))
        });
        let (place, Contents::Cluster(major)) = found.await? else {
            return Ok(false);
        };
        let start_lock = lock_start(&place).await?;
        if !cluster::is_running(&place).await? {
            return Ok(false);
        }
        if !is_unused(&place)? {
            return Err(LocalPostgresError::InUse {
                path: place.data_dir,
            });
        }
        blocking(move || {
            let binaries = programs_for(&place, Some(major))?;
            cluster::stop(&place, &binaries)?;
            drop(start_lock);
            Ok(true)
        })
        .await
    }

    fn is_released(&self) -> bool {
        self.in_use
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_none()
    }

    /// Starts Postgres again. Returns `false` if this use was released.
    async fn start_again(&self) -> Result<bool, LocalPostgresError> {
        let _start_lock = lock_start(&self.place).await?;
        if self.is_released() {
            return Ok(false);
        }
        cluster::ensure_running(&self.place, &self.binaries, self.durability).await?;
        Ok(true)
    }
}

impl Options {
    fn place(&self) -> Result<Place, LocalPostgresError> {
        Place::find(&self.name, &self.data_dir, self.companions)
    }
}

/// The programs of this major version. Without a version, the newest programs.
fn programs_for(place: &Place, major: Option<u32>) -> Result<Binaries, LocalPostgresError> {
    let cluster = place.cluster();
    let data = major.map(|major| (cluster.as_path(), major));
    Binaries::find(&place.name, &place.account, data)
}

/// The programs that fit the data; the data is made first if there is none.
fn find_or_create(place: &Place, durability: Durability) -> Result<Binaries, LocalPostgresError> {
    match place.contents()? {
        Contents::Cluster(major) => programs_for(place, Some(major)),
        Contents::Nothing => {
            let binaries = programs_for(place, None)?;
            // Before the slow part, because it may fail.
            place.socket_directory()?;
            cluster::create(place, &binaries, durability)?;
            Ok(binaries)
        }
    }
}

async fn create_database(place: &Place, socket: &Path) -> Result<(), LocalPostgresError> {
    let url = database_url(&place.name, socket);
    let create = async {
        if !sqlx::Postgres::database_exists(&url).await? {
            sqlx::Postgres::create_database(&url).await?;
        }
        Ok(())
    };
    create.await.map_err(|source| LocalPostgresError::Connect {
        path: place.data_dir.clone(),
        source,
    })
}

/// The path of the socket's directory may contain any byte, so it is percent-encoded. The URL
/// names the port, because `PGPORT` would change it otherwise.
fn database_url(name: &Name, socket_directory: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let mut host = String::new();
    for &byte in socket_directory.as_os_str().as_bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'-' | b'.' | b'_' | b'~' => {
                host.push(char::from(byte));
            }
            _ => host.push_str(&format!("%{byte:02X}")),
        }
    }
    format!("postgresql:///{name}?host={host}&port={PORT}&user={name}")
}

/// Waits for other starts and stops on the same data directory to finish.
async fn lock_start(place: &Place) -> Result<File, LocalPostgresError> {
    let place = place.clone();
    blocking(move || {
        let file = place.open_start_lock()?;
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                tracing::debug!("another process starts or stops Postgres; waiting for it");
            }
            Err(TryLockError::Error(error)) => return Err(cannot_lock(&place, error)),
        }
        file.lock().map_err(|error| cannot_lock(&place, error))?;
        Ok(file)
    })
    .await
}

/// Takes the shared use lock. The caller holds the start lock, so no other process has the use lock
/// exclusively at this moment.
fn hold_in_use(place: &Place) -> Result<File, LocalPostgresError> {
    let file = place.open_use_lock()?;
    file.try_lock_shared()
        .map_err(|error| cannot_lock(place, error.into()))?;
    Ok(file)
}

/// Whether no process holds the use lock. The caller holds the start lock, so that this
/// stays true.
fn is_unused(place: &Place) -> Result<bool, LocalPostgresError> {
    match place.open_use_lock()?.try_lock() {
        Ok(()) => Ok(true),
        Err(TryLockError::WouldBlock) => Ok(false),
        Err(TryLockError::Error(error)) => Err(cannot_lock(place, error)),
    }
}

fn cannot_lock(place: &Place, error: io::Error) -> LocalPostgresError {
    LocalPostgresError::io("lock a file in", &place.data_dir)(error)
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn the_url_names_the_same_socket_whatever_is_in_its_path() {
        let directory = Path::new("/a b/50%+1&x=y?#/é/postgres");
        let name: Name = "holdfast".parse().unwrap();
        let url = database_url(&name, directory);
        let options = PgConnectOptions::from_str(&url).unwrap();
        assert_eq!(options.get_socket().unwrap(), directory);
        assert_eq!(options.get_database(), Some("holdfast"));
        assert_eq!(options.get_username(), "holdfast");
        assert_eq!(options.get_port(), PORT);
    }
}
