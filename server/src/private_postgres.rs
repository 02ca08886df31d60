//! The private Postgres that Holdfast uses if no `DATABASE_URL` is set.

use std::path::Path;

use anyhow::anyhow;
use holdfast_local_postgres::{Durability, LocalPostgres, LocalPostgresError, Options};

/// The name of the database, and the files that a server puts beside it. The master secret may be
/// there before the database is made.
const NAME: &str = "holdfast";
const COMPANIONS: &[&str] = &["secret"];

/// A durable Postgres in this directory, which stops with its last user.
///
/// # Panics
/// Never: the name is allowed, as a test says.
pub fn options(data_dir: &Path) -> Options {
    Options {
        name: NAME.parse().expect("the name is allowed"),
        data_dir: data_dir.to_owned(),
        companions: COMPANIONS,
        durability: Durability::Durable,
        keep_running: false,
    }
}

/// Starts it, or joins it if it runs.
pub async fn start(options: Options) -> anyhow::Result<LocalPostgres> {
    LocalPostgres::start(options).await.map_err(with_setting)
}

/// Whether there is one in this directory already, running or not.
pub async fn exists(data_dir: &Path) -> anyhow::Result<bool> {
    let options = options(data_dir);
    LocalPostgres::exists(&options).await.map_err(with_setting)
}

/// Stops it, unless a process uses it, which is an error. False if none runs.
pub async fn stop(data_dir: &Path) -> anyhow::Result<bool> {
    let options = options(data_dir);
    LocalPostgres::stop(&options).await.map_err(with_setting)
}

/// Adds the setting of Holdfast to an error, because only Holdfast knows its settings.
fn with_setting(error: LocalPostgresError) -> anyhow::Error {
    use LocalPostgresError as Error;
    match error {
        Error::NoBinaries { .. } => anyhow!("{error}; or set DATABASE_URL"),
        Error::VersionMismatch { .. }
        | Error::NotOurs { .. }
        | Error::SocketPathTooLong { .. }
        | Error::Io { .. } => anyhow!("{error} (HOLDFAST_DATA_DIR)"),
        error => error.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_allowed() {
        assert_eq!(options(Path::new("data")).name.to_string(), NAME);
    }

    #[test]
    fn an_error_names_the_setting_that_it_is_about() {
        let no_programs = LocalPostgresError::NoBinaries { unusable: vec![] };
        assert!(
            with_setting(no_programs)
                .to_string()
                .contains("DATABASE_URL")
        );
        let not_ours = LocalPostgresError::NotOurs {
            path: "/srv".into(),
            reason: "is not a directory".to_owned(),
        };
        let said = with_setting(not_ours).to_string();
        assert!(said.ends_with("(HOLDFAST_DATA_DIR)"), "{said}");
    }
}
