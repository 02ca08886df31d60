//! The part of `holdfast doctor` that finds out whether this is the right database, and
//! whether the settings fit those of the other instances.

use std::time::Duration;

use sqlx::PgConnection;

use super::findings::Findings;
use crate::clock::Clock;
use crate::config::{Config, MasterSecret, ServeArgs};
use crate::keys::{Keys, SecretInUse};
use crate::store;

pub(super) async fn look(
    args: &ServeArgs,
    config: &Config,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let clock = Clock::system();
    let stored = store::database::lookup(connection).await?;
    let now = i64::try_from(clock.now()).unwrap_or(i64::MAX);
    match stored.birth {
        Some(birth) if !store::database::has_accounts(connection).await? => {
            let hours = now.saturating_sub(birth) / 3600;
            findings.bad(format!(
                "The database was made {hours} hours ago and has no accounts. If people have signed up before, it is the wrong one: check DATABASE_URL. If you want to begin with an empty database, run `holdfast database begin-anew`, or wait for the first account."
            ));
        }
        _ => findings.good("The database has accounts, or an operator declared it the right one."),
    }
    match stored.issuer {
        Some(issuer) if !config.instance_facts().accepts(&issuer) => {
            findings.bad(format!(
                "The other instances have the issuer {issuer}, and this one has {}. It will not become ready. To change the issuer, set HOLDFAST_ISSUER_PREVIOUS to the issuer of the others.",
                config.issuer,
            ));
        }
        _ => findings.good("The issuer is the one that the database names."),
    }
    secrets(args, config, connection, findings).await
}

/// Looks whether the secrets of these settings fit the secrets in use. The private Postgres has its
/// own secret.
async fn secrets(
    args: &ServeArgs,
    config: &Config,
    connection: &mut PgConnection,
    findings: &mut Findings,
) -> sqlx::Result<()> {
    let (Ok(Some(current)), Ok(previous)) = (args.secret(), args.previous_secrets()) else {
        return Ok(());
    };
    let parsed: Result<Vec<_>, _> = std::iter::once(current)
        .chain(previous)
        .map(|secret| secret.expose().parse::<MasterSecret>())
        .collect();
    let Ok(parsed) = parsed else {
        findings.bad("A master secret is not valid. Make one with `holdfast keys new-secret`.");
        return Ok(());
    };
    let clock = Clock::system();
    let bytes = parsed.into_iter().map(MasterSecret::into_bytes).collect();
    let keys = Keys::new(bytes, clock.now());
    let known = store::secrets::list(connection).await?;
    let in_use: Vec<_> = known
        .into_iter()
        .map(|secret| SecretInUse {
            fingerprint: secret.fingerprint,
            is_forbidden: secret.is_forbidden,
            minted_ago: Duration::try_from_secs_f64(secret.minted_seconds_ago).unwrap_or_default(),
        })
        .collect();
    keys.learn(&in_use, config.longest_session(), clock.now());
    match keys.obstacle() {
        Some(obstacle) => {
            let sentence = obstacle.to_string();
            let mut letters = sentence.chars();
            let first = letters.next().map(|first| first.to_uppercase().to_string());
            let first = first.unwrap_or_default();
            findings.bad(format!("{first}{}.", letters.as_str()));
        }
        None => findings.good("Every master secret in use is accepted."),
    }
    Ok(())
}
