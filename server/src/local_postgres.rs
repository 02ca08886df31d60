//! The private Postgres that serves when no `DATABASE_URL` is set.
//!
//! SECURITY: no password protects this database. It listens on no address, only on a unix
//! socket in a directory that no other account can enter (`place`). Postgres runs as an
//! unprivileged account, also when root runs Holdfast, and root trusts nothing that this
//! account can write (`account`, `place`).
//!
//! The life of a private Postgres: the first server on a data directory finds the
//! installed programs (`binaries`), makes the data and starts Postgres (`cluster`); every
//! other server on the same directory joins. Two locks keep order. The *start lock* is
//! held while Postgres is started or stopped. The *use lock* is held, shared, by every
//! process that uses it, for as long as it lives; the system drops it even after SIGKILL.
//! Who leaves in good order and finds that nobody else holds it stops Postgres. After a
//! SIGKILL Postgres goes on, and the next server joins it.
//!
//! The alternative, Postgres as a child that ends with its server, was rejected: the
//! second server would lose its database with the first, and so would every rebuild under
//! `cargo leptos watch`.

mod account;
mod binaries;
mod cluster;
mod error;
mod place;

use std::fs::{File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sqlx::migrate::MigrateDatabase;
use sqlx::postgres::PgConnectOptions;

use self::binaries::Binaries;
pub use self::error::LocalPostgresError;
use self::place::{Contents, PORT, Place};

/// The one database in it.
const DATABASE: &str = "holdfast";

/// How often the supervisor looks whether Postgres is there.
const SUPERVISION: Duration = Duration::from_secs(1);

/// How long the supervisor waits after a start that failed.
const SUPERVISION_AFTER_FAILURE: Duration = Duration::from_secs(5);

/// What a power cut may cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durability {
    /// Nothing that was committed. For data of persons.
    #[default]
    Durable,
    /// Everything. Faster; for tests.
    Throwaway,
}

/// Which Postgres is wanted.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where its data lives, `HOLDFAST_DATA_DIR`. Created if missing.
    pub data_dir: PathBuf,
    /// A server that joins a running Postgres takes the durability that it was started
    /// with.
    pub durability: Durability,
    /// Leave Postgres running at the end. `LEPTOS_WATCH` in the environment does the same,
    /// so that it survives the rebuilds of `cargo leptos watch`.
    pub keep_running: bool,
}

/// A running Postgres, held in use until [`release`](Self::release).
///
/// Without a release, dropping this leaves Postgres running for the next server.
#[derive(Debug)]
pub struct LocalPostgres {
    place: Place,
    binaries: Binaries,
    durability: Durability,
    keep_running: bool,
    socket_directory: PathBuf,
    version: String,
    /// The use lock, shared. Gone after the release.
    in_use: Mutex<Option<File>>,
}

impl LocalPostgres {
    /// Starts Postgres, or joins the one that runs on this data directory. The first start
    /// on a directory takes a second or two.
    ///
    /// When root runs this and the unprivileged account cannot reach `data_dir` (below
    /// `/root`, say), the data lives below `/var/lib/holdfast`; see
    /// [`data_dir`](Self::data_dir).
    pub async fn start(options: Options) -> Result<Self, LocalPostgresError> {
        let Options {
            data_dir,
            durability,
            keep_running,
        } = options;
        let place = blocking(move || {
            let place = Place::find(&data_dir)?;
            place.prepare()?;
            Ok(place)
        })
        .await?;
        let start_lock = lock_start(&place).await?;
        // The lock goes along, so that it is still held by the work when nobody waits for
        // it any more.
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
            keep_running: keep_running || std::env::var_os("LEPTOS_WATCH").is_some(),
            socket_directory,
            version: version.to_string(),
            in_use: Mutex::new(Some(in_use)),
        })
    }

    /// Whether there is a private Postgres in this directory already, running or not.
    pub async fn exists(data_dir: &Path) -> Result<bool, LocalPostgresError> {
        let wanted = data_dir.to_owned();
        let contents = blocking(move || Place::find(&wanted)?.contents()).await?;
        Ok(matches!(contents, Contents::Cluster(_)))
    }

    /// How to connect to the database `holdfast`.
    pub fn connect_options(&self) -> PgConnectOptions {
        cluster::connect_options(&self.socket_directory).database(DATABASE)
    }

    /// The same as a URL, for `psql` and for `DATABASE_URL`.
    pub fn database_url(&self) -> String {
        database_url(&self.socket_directory)
    }

    /// Where the data really lives: an absolute path, not always the one asked for.
    pub fn data_dir(&self) -> &Path {
        &self.place.data_dir
    }

    /// The version of Postgres, as in `18.4`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Starts Postgres again when it is gone. Runs until the release; for a task of its
    /// own.
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
            tracing::warn!("Postgres is gone; starting it again");
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
    /// Says whether it was stopped. Close the connections first; those still open are cut.
    /// A second release does nothing.
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

    /// Stops the Postgres of a data directory, unless a process uses it, which is an
    /// error. False if none runs.
    pub async fn stop(data_dir: &Path) -> Result<bool, LocalPostgresError> {
        let wanted = data_dir.to_owned();
        let found = blocking(move || {
            let place = Place::find(&wanted)?;
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
            let binaries = Binaries::find(&place.account, Some((&place.cluster(), major)))?;
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

    /// False if it was released meanwhile.
    async fn start_again(&self) -> Result<bool, LocalPostgresError> {
        let _start_lock = lock_start(&self.place).await?;
        if self.is_released() {
            return Ok(false);
        }
        cluster::ensure_running(&self.place, &self.binaries, self.durability).await?;
        Ok(true)
    }
}

/// The programs that fit the data; the data is made first if there is none.
fn find_or_create(place: &Place, durability: Durability) -> Result<Binaries, LocalPostgresError> {
    match place.contents()? {
        Contents::Cluster(major) => Binaries::find(&place.account, Some((&place.cluster(), major))),
        Contents::Nothing => {
            let binaries = Binaries::find(&place.account, None)?;
            // Before the slow part, because it may fail.
            place.socket_directory()?;
            cluster::create(place, &binaries, durability)?;
            Ok(binaries)
        }
    }
}

async fn create_database(place: &Place, socket: &Path) -> Result<(), LocalPostgresError> {
    let url = database_url(socket);
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

/// The socket's directory may hold any byte, so it is percent-encoded. The port is named,
/// because `PGPORT` would change it otherwise.
fn database_url(socket_directory: &Path) -> String {
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
    format!(
        "postgresql:///{DATABASE}?host={host}&port={PORT}&user={}",
        cluster::ROLE
    )
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

/// The caller holds the start lock, so that nobody has the use lock alone.
fn hold_in_use(place: &Place) -> Result<File, LocalPostgresError> {
    let file = place.open_use_lock()?;
    file.try_lock_shared()
        .map_err(|error| cannot_lock(place, error.into()))?;
    Ok(file)
}

/// Whether nobody holds the use lock. The caller holds the start lock, so that this stays
/// true.
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

/// Runs what may wait for a disk or a process beside the runtime.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalPostgresError> + Send + 'static,
) -> Result<T, LocalPostgresError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(error) => Err(LocalPostgresError::io("work on", Path::new("."))(
                io::Error::other(error),
            )),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::str::FromStr;

    use super::*;

    #[test]
    fn the_url_names_the_same_socket_whatever_is_in_its_path() {
        let directory = Path::new("/a b/50%+1&x=y?#/é/postgres");
        let url = database_url(directory);
        let options = PgConnectOptions::from_str(&url).unwrap();
        assert_eq!(options.get_socket().unwrap(), directory);
        assert_eq!(options.get_database(), Some(DATABASE));
        assert_eq!(options.get_username(), cluster::ROLE);
        assert_eq!(options.get_port(), PORT);
    }
}
