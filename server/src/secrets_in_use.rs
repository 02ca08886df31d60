//! Which master secrets the instances use, and how each of them hears of it.
//!
//! A security duty: an instance that does not know a secret which another one mints with
//! must not call that one's tokens invalid, because browsers would delete them. So an
//! instance enters its secret in the database *before* it mints with it, and waits until
//! the others have read that; and it reads the table every second.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::bail;
use holdfast_protocol::wire::EventKind;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::Notify;
use uuid::Uuid;

use crate::clock::Clock;
use crate::keys::{Keys, Obstacle, SecretInUse, shown};
use crate::random;
use crate::store::events::NewEvent;
use crate::store::secrets::{self, StoredSecret};
use crate::store::{self, ClientInfo};

/// The others read the table every second; after this long they know a new secret.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

/// How often an instance says that it still mints with its secret.
const RENEWED_EVERY: Duration = Duration::from_secs(10);

/// How many sessions one transaction deletes.
const BATCH: i64 = 500;

/// Keeps the [`Keys`] of an instance in step with the table `secrets`.
#[derive(Debug)]
pub struct SecretsInUse {
    keys: Arc<Keys>,
    clock: Clock,
    access_token_ttl: Duration,
    longest_session: Duration,
    renewed_at: Option<Instant>,
    /// Told when the current secret is forbidden.
    forbidden: Arc<Notify>,
}

impl SecretsInUse {
    /// For the keys of an instance.
    pub fn new(
        keys: Arc<Keys>,
        clock: Clock,
        access_token_ttl: Duration,
        longest_session: Duration,
    ) -> Self {
        Self {
            keys,
            clock,
            access_token_ttl,
            longest_session,
            renewed_at: None,
            forbidden: Arc::default(),
        }
    }

    /// The clock of the instance.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Is told when the current secret was forbidden: the instance has to stop.
    pub fn forbidden(&self) -> Arc<Notify> {
        Arc::clone(&self.forbidden)
    }

    /// Enters the current secret before anything is minted with it.
    ///
    /// An instance that is behind does not enter a new secret: with a wrong one it would
    /// make all the others behind. It mints nothing then, and is not ready.
    ///
    /// # Errors
    /// While the database is away, or when the current secret was forbidden.
    pub async fn enter(&mut self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let current = *self.keys.fingerprint();
        let mut transaction = connection.begin().await?;
        // Of two instances that enter two secrets at once, one sees the other's.
        secrets::lock(&mut transaction).await?;
        secrets::adopt_fingerprint(&mut transaction).await?;
        let known = secrets::list(&mut transaction).await?;
        self.learn(&known);
        let obstacle = self.keys.obstacle();
        if let Some(Obstacle::Forbidden) = obstacle {
            bail!("{}.", Obstacle::Forbidden);
        }
        let (mine, others): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|secret| secret.fingerprint[..] == current[..]);
        let entered = !mine.is_empty() || obstacle.is_none();
        if entered {
            secrets::enter(&mut transaction, &current).await?;
        }
        transaction.commit().await?;
        self.keys.set_may_mint(false);
        if let Some(obstacle) = obstacle {
            tracing::error!(%obstacle, "This instance is behind.");
        }
        if !entered {
            return Ok(());
        }
        // The first secret of a database is news to nobody.
        if others.iter().any(|secret| !secret.is_forbidden) {
            let age = mine.first().map_or(0.0, |mine| mine.entered_seconds_ago);
            let age = Duration::try_from_secs_f64(age).unwrap_or_default();
            tokio::time::sleep(HEARD_WITHIN.saturating_sub(age)).await;
        }
        self.renewed_at = Some(Instant::now());
        self.keys.set_may_mint(true);
        Ok(())
    }

    /// Reads which secrets are in use, and says that ours is. For every second.
    ///
    /// # Errors
    /// While the database is away.
    pub async fn read(&mut self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let before = self.keys.obstacle();
        let known = secrets::list(connection).await?;
        self.learn(&known);
        let obstacle = self.keys.obstacle();
        match &obstacle {
            // Once, not every second.
            Some(news) if obstacle != before => {
                tracing::error!(obstacle = %news, "This instance is behind.");
            }
            None if before.is_some() => {
                tracing::info!("This instance accepts every master secret in use again.");
            }
            _ => {}
        }
        if obstacle == Some(Obstacle::Forbidden) {
            self.forbidden.notify_one();
            return Ok(());
        }
        if obstacle.is_none() && !self.keys.may_mint() {
            // It was behind at its start, and is not any more.
            return self.enter(connection).await;
        }
        let is_due = self
            .renewed_at
            .is_none_or(|at| at.elapsed() >= RENEWED_EVERY);
        if is_due && self.keys.may_mint() {
            // A database that is read-only for a while can still be read.
            match secrets::renew(connection, self.keys.fingerprint()).await {
                Ok(()) => self.renewed_at = Some(Instant::now()),
                Err(error) => {
                    tracing::debug!(%error, "It could not be said that the secret is in use.");
                }
            }
        }
        Ok(())
    }

    fn learn(&self, known: &[StoredSecret]) {
        let in_use: Vec<_> = known
            .iter()
            .map(|secret| SecretInUse {
                fingerprint: secret.fingerprint.clone(),
                is_forbidden: secret.is_forbidden,
                minted_ago: Duration::try_from_secs_f64(secret.minted_seconds_ago)
                    .unwrap_or_default(),
            })
            .collect();
        let now = self.clock.now();
        self.keys
            .learn(&in_use, self.access_token_ttl, self.longest_session, now);
    }
}

/// Forbids every secret but the current one of `keys`, which is entered. From then on no
/// token of another secret is good anywhere: each instance reads it within a second.
///
/// # Errors
/// While the database is away, or when the new secret is itself a forbidden one.
pub async fn replace_after_leak(connection: &mut PgConnection, keys: &Keys) -> anyhow::Result<u64> {
    let new = keys.fingerprint();
    let mut transaction = connection.begin().await?;
    secrets::lock(&mut transaction).await?;
    secrets::adopt_fingerprint(&mut transaction).await?;
    let known = secrets::list(&mut transaction).await?;
    let is_new = |known: &&StoredSecret| known.fingerprint[..] == new[..];
    if known
        .iter()
        .find(is_new)
        .is_some_and(|known| known.is_forbidden)
    {
        bail!("This master secret was forbidden after a leak. Make a new one.");
    }
    // Those that are forbidden already count: the command may be repeated.
    if !known.iter().any(|known| !is_new(&known)) {
        bail!(
            "No other master secret was ever used with this database, so there is none to forbid. HOLDFAST_SECRET must be the new one."
        );
    }
    secrets::enter(&mut transaction, new).await?;
    let forbidden = secrets::forbid_all_but(&mut transaction, new).await?;
    transaction.commit().await?;
    tracing::warn!(
        secret = shown(new),
        forbidden,
        "Every other master secret is forbidden."
    );
    Ok(forbidden)
}

/// Deletes what can never be used again: the sessions from before a secret was
/// forbidden. In transactions of 500, so that it stands in nobody's way.
///
/// # Errors
/// While the database is away. What was deleted by then stays deleted.
pub async fn delete_dead_sessions(
    connection: &mut PgConnection,
    clock: &Clock,
) -> anyhow::Result<u64> {
    let nobody = ClientInfo::default();
    let mut total = 0;
    let mut after = Uuid::nil();
    loop {
        let mut transaction = connection.begin().await?;
        let dead =
            store::sessions::delete_of_forbidden_secrets(&mut transaction, after, BATCH).await?;
        let events: Vec<_> = dead
            .iter()
            .map(|(session_id, account_id)| NewEvent {
                event_id: random::id(clock),
                account_id: *account_id,
                session_id: Some(*session_id),
                kind: EventKind::SessionEnded,
                client: &nobody,
                detail: Some("secret_replaced"),
            })
            .collect();
        store::events::insert_all(&mut transaction, &events).await?;
        transaction.commit().await?;
        total += u64::try_from(dead.len()).unwrap_or(0);
        match dead.iter().map(|(session_id, _)| *session_id).max() {
            Some(last) => after = last,
            None => return Ok(total),
        }
    }
}
