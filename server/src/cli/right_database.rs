//! What `holdfast doctor` finds out about the database as such: whether it is the right
//! one, and whether these settings fit what the other instances use.

use std::time::Duration;

use sqlx::PgConnection;

use super::doctor::Findings;
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
                "The database was made {hours} hours ago and has no accounts. If people have signed up before, it is the wrong one: look at DATABASE_URL. If you mean to begin anew, run `holdfast database begin-anew`, or wait for the first account."
            ));
        }
        _ => findings.good("The database has accounts, or was begun anew on purpose."),
    }
    match stored.issuer {
        Some(issuer) if !config.told().accepts(&issuer) => {
            findings.bad(format!(
                "The other instances have the issuer {issuer}, and this one {}. It will not become ready; name theirs in HOLDFAST_ISSUER_PREVIOUS to change it.",
                config.issuer,
            ));
        }
        _ => findings.good("The issuer is the one that the database names."),
    }
    secrets(args, config, connection, findings).await
}

/// Whether these secrets fit those in use. The private Postgres keeps its own.
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
        findings.bad("A master secret is not one. Make one with `holdfast keys new-secret`.");
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
