//! Reads the master secrets from the settings or from a file. `secrets_in_use` finds out
//! whether the other instances use the same ones.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use holdfast_protocol::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use crate::config::{MasterSecret, ServeArgs};

/// The current master secret first, then the ones that are also accepted.
///
/// # Errors
/// If there is no current secret, or a secret is weak.
pub fn from_args(args: &ServeArgs) -> anyhow::Result<Vec<Zeroizing<Vec<u8>>>> {
    let Some(current) = args.secret()? else {
        bail!(
            "HOLDFAST_SECRET is missing: it is required with a database of your own, and it must be the same on every instance. Make one with `holdfast keys new-secret`."
        );
    };
    let current = parse("HOLDFAST_SECRET", &current)?;
    let mut secrets = vec![current.into_bytes()];
    for secret in args.previous_secrets()? {
        secrets.push(parse("HOLDFAST_SECRET_PREVIOUS", &secret)?.into_bytes());
    }
    Ok(secrets)
}

fn parse(variable: &str, secret: &Secret) -> anyhow::Result<MasterSecret> {
    secret
        .expose()
        .parse()
        .map_err(|error| anyhow::anyhow!("{variable}: {error}"))
}

/// Reads the secret beside the private Postgres, or makes it once. Two servers that
/// start at the same instant get the same one: only one can create the file.
fn read_or_make(directory: &Path) -> anyhow::Result<MasterSecret> {
    let path = directory.join("secret");
    let shown = path.display();
    let unfinished = directory.join(format!(".secret-{}", std::process::id()));
    if !path.exists() {
        // The secret is written to a file beside it, which is then linked into place, so
        // that no server reads half of it.
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .with_context(|| format!("cannot write the master secret to {shown}"))?;
        file.write_all(MasterSecret::generate().encode().as_bytes())?;
        file.sync_all()?;
        let linked = std::fs::hard_link(&unfinished, &path);
        std::fs::remove_file(&unfinished)?;
        match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => {
                return Err(error).with_context(|| format!("cannot write {shown}"));
            }
            _ => {}
        }
    }
    read(&path)
}

fn read(path: &Path) -> anyhow::Result<MasterSecret> {
    let shown = path.display();
    let mut text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the master secret in {shown}"))?;
    let secret = text.parse();
    text.zeroize();
    secret.map_err(|error| anyhow::anyhow!("{shown} does not contain a master secret: {error}"))
}

/// The file with the secret that will replace the one beside the data.
const NEXT: &str = "secret.next";

/// Writes a new secret beside the one of the private Postgres, and waits until it is on
/// the disk. After the database has forbidden the old secret, [`finish_replacing`] puts the
/// new one in its place.
///
/// # Errors
/// When it cannot be written.
pub fn prepare_replacing(directory: &Path, new: &MasterSecret) -> anyhow::Result<()> {
    let path = directory.join(NEXT);
    let shown = path.display();
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot write the new master secret to {shown}"))?;
    file.write_all(new.encode().as_bytes())?;
    file.sync_all()?;
    std::fs::File::open(directory)?.sync_all()?;
    Ok(())
}

/// The new secret that [`prepare_replacing`] has left, if any.
///
/// # Errors
/// When it cannot be read.
pub fn next(directory: &Path) -> anyhow::Result<Option<MasterSecret>> {
    let path = directory.join(NEXT);
    if !path.exists() {
        return Ok(None);
    }
    read(&path).map(Some)
}

/// The secret beside the data of the private Postgres. It is made once.
///
/// # Errors
/// When it cannot be read or made.
pub fn beside(directory: &Path) -> anyhow::Result<MasterSecret> {
    read_or_make(directory)
}

/// Puts the new secret in the place of the old one. It also finishes a replacement that was
/// interrupted: a start calls it if the database has forbidden the old secret.
///
/// # Errors
/// When the file cannot be renamed.
pub fn finish_replacing(directory: &Path) -> anyhow::Result<()> {
    std::fs::rename(directory.join(NEXT), directory.join("secret"))?;
    std::fs::File::open(directory)?.sync_all()?;
    Ok(())
}

/// Removes the new secret again, because the database has not forbidden the old one.
///
/// # Errors
/// When the file cannot be removed.
pub fn give_up_replacing(directory: &Path) -> anyhow::Result<()> {
    std::fs::remove_file(directory.join(NEXT))?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_secret_replaces_the_old_one_only_in_the_last_step() {
        let name = format!("holdfast-replace-{}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).unwrap();
        let old = read_or_make(&directory).unwrap();
        assert_eq!(next(&directory).unwrap(), None);
        let new = MasterSecret::generate();
        prepare_replacing(&directory, &new).unwrap();
        assert_eq!(read_or_make(&directory).unwrap(), old);
        give_up_replacing(&directory).unwrap();
        assert_eq!(next(&directory).unwrap(), None);
        prepare_replacing(&directory, &new).unwrap();
        assert_eq!(next(&directory).unwrap().as_ref(), Some(&new));
        finish_replacing(&directory).unwrap();
        assert_eq!(read_or_make(&directory).unwrap(), new);
        assert_eq!(next(&directory).unwrap(), None);
        std::fs::remove_dir_all(&directory).unwrap();
    }

    #[test]
    fn the_secret_beside_the_data_is_made_once_and_for_its_owner_only() {
        use std::os::unix::fs::PermissionsExt as _;
        let directory = std::env::temp_dir().join(format!("holdfast-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        let made = read_or_make(&directory).unwrap();
        assert_eq!(read_or_make(&directory).unwrap(), made);
        let path = directory.join("secret");
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        std::fs::write(&path, "hunter2").unwrap();
        assert!(read_or_make(&directory).is_err());
        std::fs::remove_dir_all(&directory).unwrap();
    }
}
