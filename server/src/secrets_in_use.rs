//! Which master secrets the instances use, and how each instance learns of it.
//!
//! A security duty: suppose that an instance makes tokens with a secret that another instance
//! does not know. The other instance must not call these tokens invalid, because browsers would
//! delete them. So an instance enters its secret (it writes the fingerprint into the database)
//! *before* it makes tokens with it, and waits until the others have read this. Each instance
//! reads the table every second.
//!
//! If the database loses the secret of a running instance, the instance makes no tokens until
//! the secret is entered again. After the restore of an older backup it enters the secret by
//! itself. In another database it does not, because the missing secret shows that the address
//! leads to the wrong place.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use holdfast_protocol::wire::{EndReason, EventKind};
use sqlx::{Connection as _, PgConnection};
use tokio::time::timeout;
use uuid::Uuid;

use crate::clock::Clock;
use crate::config::Config;
use crate::database_facts::DatabaseFacts;
use crate::keys::{Keys, Obstacle, SecretInUse, shown};
use crate::random;
use crate::setting::Setting;
use crate::store::database::InstanceFacts;
use crate::store::events::NewEvent;
use crate::store::secrets::{self, StoredSecret};
use crate::store::{self, ClientInfo, Pool, diagnosis};

/// The other instances read the table every second. After this time they know a new secret, or
/// they know that they have not read for too long.
pub const HEARD_WITHIN: Duration = Duration::from_secs(5);

/// How often an instance says that it still makes tokens with its secret.
const RENEWED_EVERY: Duration = Duration::from_secs(10);

/// How long an instance may take to say so, or to enter its secret.
const SAID_WITHIN: Duration = Duration::from_secs(12);

/// The shortest time for which a read allows an instance to make tokens. Access tokens of a few
/// seconds are for tests, and the table is read once a second.
const GOOD_AT_LEAST: Duration = Duration::from_secs(10);

/// How many sessions one transaction deletes.
const BATCH: i64 = 500;

/// Updates the [`Keys`] of an instance from the table `secrets`. Clones share what they have
/// said.
#[derive(Debug, Clone)]
pub struct SecretsInUse {
    keys: Arc<Keys>,
    clock: Clock,
    database: DatabaseFacts,
    /// What this instance writes about itself in addition to its secret.
    facts: Arc<InstanceFacts>,
    access_token_ttl: Duration,
    renewed_at: Arc<Mutex<Option<Instant>>>,
    seen: Arc<Mutex<Seen>>,
}

/// The database in which this instance may enter its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Right {
    /// Any, because this instance has not entered or read the secret in one since the start.
    #[default]
    Any,
    /// One with this birth in its row: the secret was last entered or read there. Backups of it
    /// have the same birth.
    Born(i64),
    /// None: the database in which the secret was last read had no birth, because it was begun
    /// anew. Another one without a birth may be another fleet's.
    None,
    /// One without a birth. An operator has just begun it anew: this instance has read the birth
    /// of this same database before, and did not find the secret there.
    BegunAnew,
}

impl Right {
    /// Whether a database without the secret may still be the right one.
    fn may_be(self, birth: Option<i64>) -> bool {
        match self {
            Self::Any => true,
            Self::Born(known) => birth == Some(known),
            Self::None => false,
            Self::BegunAnew => birth.is_none(),
        }
    }
}

/// What this instance has seen of its database.
#[derive(Debug, Default)]
struct Seen {
    right: Right,
    /// What the last read has shown, if the secret was missing.
    missing: Option<Missing>,
}

/// A database without the secret.
#[derive(Debug, PartialEq, Eq)]
struct Missing {
    birth: Option<i64>,
    /// Which database it is: [`diagnosis::Server::identity`].
    identity: String,
}

impl Seen {
    /// Notes that the secret is in a database with this birth.
    fn note_entered(&mut self, birth: Option<i64>) {
        self.right = birth.map_or(Right::None, Right::Born);
        self.missing = None;
    }

    /// Notes that the secret is missing.
    fn note_missing(&mut self, missing: Missing) {
        let had_a_birth = self
            .missing
            .as_ref()
            .is_some_and(|last| last.birth.is_some() && last.identity == missing.identity);
        if self.right != Right::Any && had_a_birth && missing.birth.is_none() {
            self.right = Right::BegunAnew;
        }
        self.missing = Some(missing);
    }
}

impl SecretsInUse {
    /// For the keys of an instance with this configuration, on this database.
    pub fn new(keys: Arc<Keys>, clock: Clock, config: &Config, database: DatabaseFacts) -> Self {
        Self {
            keys,
            clock,
            database,
            facts: Arc::new(config.instance_facts()),
            access_token_ttl: config.access_token_ttl,
            renewed_at: Arc::default(),
            seen: Arc::default(),
        }
    }

    /// The clock of the instance.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// Enters the current secret before the instance makes tokens with it, and writes what else
    /// the instance says about itself. An instance with a wrong secret writes nothing.
    ///
    /// An instance that is behind does not enter a new secret, because a wrong secret would make
    /// all other instances behind. It also does not enter a secret again that no instance has
    /// used for the longest lifetime of a session, because the others have dropped it. Then the
    /// instance makes no tokens and is not ready.
    ///
    /// # Errors
    /// While the database does not answer, or when the current secret was forbidden.
    pub async fn enter(&self, connection: &mut store::Connection) -> anyhow::Result<()> {
        let current = *self.keys.fingerprint();
        let mut transaction = connection.begin().await?;
        // If two instances enter two secrets at once, one of them sees the other's secret.
        secrets::lock(&mut transaction).await?;
        secrets::adopt_fingerprint(&mut transaction).await?;
        let asked_at = Instant::now();
        let known = secrets::list(&mut transaction).await?;
        self.learn(&known, asked_at);
        let obstacle = self.keys.obstacle();
        if let Some(Obstacle::Forbidden) = obstacle {
            bail!("{}.", Obstacle::Forbidden);
        }
        let (mine, others): (Vec<_>, Vec<_>) = known
            .into_iter()
            .partition(|secret| secret.fingerprint[..] == current[..]);
        let is_in_use =
            |mine: &StoredSecret| age(mine.minted_seconds_ago) <= self.longest_session();
        let enters = obstacle.is_none() || mine.first().is_some_and(is_in_use);
        let entered_in = if enters {
            secrets::enter(&mut transaction, &current).await?;
            let stored = store::database::arrive(&mut transaction, &self.facts).await?;
            self.database.learn(&stored);
            Some(store::database::lookup_row(&mut transaction).await?)
        } else {
            None
        };
        transaction.commit().await?;
        self.keys.set_entered(false);
        if let Some(obstacle) = obstacle {
            tracing::error!(%obstacle, "This instance is behind.");
        }
        let Some(row) = entered_in else {
            return Ok(());
        };
        // The database may lose the secret before the first read.
        self.seen().note_entered(row.birth);
        // For the first secret of a database there are no others that have to read it.
        if others.iter().any(|secret| !secret.is_forbidden) {
            let known_for = mine
                .first()
                .map_or(Duration::ZERO, |mine| age(mine.entered_seconds_ago));
            tokio::time::sleep(HEARD_WITHIN.saturating_sub(known_for)).await;
        }
        self.note_renewed();
        self.keys.set_entered(true);
        Ok(())
    }

    /// Reads which secrets are in use and what the database says about itself. An instance calls
    /// this every second. It writes nothing, because the reads must not wait for a write, which
    /// may wait for a standby that does not answer.
    ///
    /// # Errors
    /// While the database does not answer.
    pub async fn read(&self, connection: &mut PgConnection) -> anyhow::Result<()> {
        let before = self.keys.obstacle();
        let row = store::database::lookup_row(connection).await?;
        self.database.learn_row(&row);
        let asked_at = Instant::now();
        let known = secrets::list(connection).await?;
        self.learn(&known, asked_at);
        let is_entered = self.is_entered(&known);
        if is_entered {
            self.seen().note_entered(row.birth);
        } else {
            let missing = Missing {
                birth: row.birth,
                identity: diagnosis::server(connection).await?.identity,
            };
            self.seen().note_missing(missing);
        }
        self.compare_databases(is_entered, row.birth);
        let obstacle = self.keys.obstacle();
        match &obstacle {
            // This is logged once, not every second.
            Some(news) if obstacle != before => {
                tracing::error!(obstacle = %news, "This instance is behind.");
            }
            None if before.is_some() => {
                tracing::info!("This instance accepts every master secret in use again.");
            }
            _ => {}
        }
        if obstacle == Some(Obstacle::Forbidden) {
            self.keys.note_forbidden();
        }
        Ok(())
    }

    /// Finds out why the database with this birth has lost the secret of this instance, if it
    /// has. Then the instance makes no tokens.
    fn compare_databases(&self, is_entered: bool, birth: Option<i64>) {
        let right = self.seen().right;
        let is_another = !is_entered && !right.may_be(birth);
        if self.database.note_another(is_another) && is_another {
            tracing::error!(
                "This is another database than the one in which this instance has entered its master secret, so the instance is not ready and makes no tokens. Check {}. If this is the right database, restart the servers.",
                Setting::Database
            );
        }
        if is_entered || right == Right::Any {
            return;
        }
        if self.keys.may_mint() && !is_another {
            tracing::warn!(
                "The database has lost the master secret of this instance, as after the restore of an older backup. The instance enters it again."
            );
        }
        self.keys.set_entered(false);
    }

    /// Whether there is something to [`say`](Self::say).
    pub fn is_due(&self) -> bool {
        let obstacle = self.keys.obstacle();
        if self.keys.may_mint() {
            let renewed_at = *self.renewed_at();
            return renewed_at.is_none_or(|at| at.elapsed() >= RENEWED_EVERY);
        }
        // The instance was behind at its start, and is not behind any more. Or the database
        // has lost the secret.
        obstacle.is_none() && !self.database.is_another()
    }

    /// Says that the current secret is in use and how long sessions live, or enters the secret.
    /// This is separate from the reads: it uses another connection and has a time limit.
    pub async fn say(&self, pool: &Pool) {
        let saying = async {
            let mut connection = pool.acquire().await?;
            // The pool may lead elsewhere than the connection of the last read. So nothing is
            // written into a database that does not know the secret, unless it may be the right
            // one.
            if self.keys.may_mint() {
                if secrets::renew(&mut connection, self.keys.fingerprint()).await? {
                    let longest = self.facts.longest_session_seconds;
                    store::database::say_longest_session(&mut connection, longest).await?;
                    self.note_renewed();
                } else {
                    self.database.pool_leads_elsewhere();
                }
            } else {
                let row = store::database::lookup_row(&mut connection).await?;
                // A read that began before the secret was entered may have found it missing after
                // that. Then no birth counts any more, but this is the right database.
                let is_entered = self.is_entered(&secrets::list(&mut connection).await?);
                if is_entered || self.seen().right.may_be(row.birth) {
                    self.enter(&mut connection).await?;
                }
            }
            connection.release();
            anyhow::Ok(())
        };
        let said = timeout(SAID_WITHIN, saying).await;
        // A database that is read-only for a while can still be read.
        if let Err(error) = said.context("no answer in time").flatten() {
            tracing::debug!(%error, "The use of the secret could not be written.");
        }
    }

    /// Whether the current secret is one of these.
    fn is_entered(&self, known: &[StoredSecret]) -> bool {
        let current = self.keys.fingerprint();
        known
            .iter()
            .any(|secret| secret.fingerprint[..] == current[..])
    }

    fn note_renewed(&self) {
        *self.renewed_at() = Some(Instant::now());
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn renewed_at(&self) -> MutexGuard<'_, Option<Instant>> {
        self.renewed_at
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn learn(&self, known: &[StoredSecret], asked_at: Instant) {
        let in_use: Vec<_> = known.iter().map(SecretInUse::from).collect();
        self.keys
            .learn(&in_use, self.longest_session(), self.clock.now());
        let good_for = self.access_token_ttl.max(GOOD_AT_LEAST);
        self.keys.note_read(asked_at, good_for);
    }

    /// The longest lifetime of a session in this instance's settings and in the database.
    fn longest_session(&self) -> Duration {
        let told = u64::try_from(self.facts.longest_session_seconds).unwrap_or(0);
        let read = self.database.longest_session();
        read.max(Duration::from_secs(told))
    }
}

impl From<&StoredSecret> for SecretInUse {
    fn from(stored: &StoredSecret) -> Self {
        Self {
            fingerprint: stored.fingerprint.clone(),
            is_forbidden: stored.is_forbidden,
            minted_ago: age(stored.minted_seconds_ago),
        }
    }
}

fn age(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or_default()
}

/// Forbids every secret except the current one of `keys`, and enters that one. Each instance
/// reads this within a second, and then accepts no token of another secret.
///
/// # Errors
/// While the database does not answer, or when the new secret is itself a forbidden one.
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
    // Secrets that are already forbidden count, because the command may be repeated.
    if !known.iter().any(|known| !is_new(&known)) {
        bail!(
            "No other master secret was ever used with this database, so there is none to forbid. Set {} to the new one.",
            Setting::Secret
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

/// Deletes the sessions that were opened before a secret was forbidden, because they can never
/// be used again. It uses transactions of 500, so that it does not delay other requests.
///
/// # Errors
/// While the database does not answer. What was deleted by then stays deleted.
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
            .map(|deleted| NewEvent {
                event_id: random::id(clock),
                account_id: deleted.account_id,
                session_id: Some(deleted.session_id),
                kind: EventKind::SessionEnded,
                client: &nobody,
                detail: Some("secret_replaced"),
                ended_user_agent: deleted.user_agent.as_deref(),
            })
            .collect();
        store::events::insert_all(&mut transaction, &events).await?;
        // A session that was opened with the new secret still has valid access tokens.
        let session_ids: Vec<_> = dead.iter().map(|deleted| deleted.session_id).collect();
        let reason = EndReason::EndedElsewhere;
        store::session_ends::insert(&mut transaction, &session_ids, reason).await?;
        transaction.commit().await?;
        total += u64::try_from(dead.len()).unwrap_or(0);
        match session_ids.into_iter().max() {
            Some(last) => after = last,
            None => return Ok(total),
        }
    }
}
