//! Where the master secrets come from, and whether they are the ones that this
//! database works with.
//!
//! A security duty: an instance that knows none of the secrets in use would refuse
//! everybody's refresh tokens and sign them all out. It must not start.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use anyhow::{Context as _, bail};
use holdfast_protocol::secret::Secret;
use zeroize::{Zeroize as _, Zeroizing};

use crate::config::{MasterSecret, ServeArgs};
use crate::keys::Keys;
use crate::store::{Pool, secret_fingerprint};

/// The current master secret first, then the ones that are also accepted.
///
/// `private_data` is the directory of the private Postgres, where there is one.
///
/// # Errors
/// Without a secret for a database of the operator's own, or with a weak one.
pub fn from_args(
    args: &ServeArgs,
    private_data: Option<&Path>,
) -> anyhow::Result<Vec<Zeroizing<Vec<u8>>>> {
    let current = match (args.secret()?, private_data) {
        (Some(secret), _) => parse("HOLDFAST_SECRET", &secret)?,
        (None, Some(directory)) => read_or_make(directory)?,
        (None, None) => bail!(
            "HOLDFAST_SECRET is missing: with a database of your own it is required, the same on every instance. Make one with `holdfast keys new-secret`."
        ),
    };
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
        // Written beside and linked into place, so that nobody reads half of it.
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
    let mut text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the master secret in {shown}"))?;
    let secret = text.parse();
    text.zeroize();
    secret.map_err(|error| anyhow::anyhow!("{shown} does not hold a master secret: {error}"))
}

/// Stops the start when the database works with secrets that are not ours.
///
/// # Errors
/// One sentence about which variable to look at, or that the database is away.
pub async fn check(pool: &Pool, keys: &Keys) -> anyhow::Result<()> {
    let ours = keys.fingerprints();
    let current = ours.first().context("there is always a master secret")?;
    let mut connection = pool.acquire().await?;
    let stored = secret_fingerprint::get_or_insert(&mut connection, current).await?;
    if !ours.iter().any(|fingerprint| fingerprint[..] == stored[..]) {
        bail!(
            "This database works with another master secret. Set HOLDFAST_SECRET to the one in use, or add that one to HOLDFAST_SECRET_PREVIOUS while you change it."
        );
    }
    if stored[..] != current[..] {
        secret_fingerprint::replace(&mut connection, &stored, current).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

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
