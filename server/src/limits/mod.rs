//! Who may try how often: guessing is slow, and a flood keeps few people out.
//!
//! A sign-in costs one password computation, and everything here is about who gets one.
//! In this order, each step cheaper than what it protects:
//!
//! 1. **Address** ([`buckets`]): sign-ins and sign-ups of one address share a bucket.
//!    A browser that is known to the account ([`known_browsers`]) has one of its own, so
//!    that others behind the same address cannot empty it.
//! 2. **Under way at once** ([`slots`]): two attempts a name, one a known browser, one a
//!    session that confirms its password.
//! 3. **A place in the queue** ([`queue`]): bounded, in turns by address, with places
//!    kept for known browsers and for confirming. So far nothing but memory was used.
//! 4. **Failures in a row** ([`failures`]): read together with the account, once it is
//!    the attempt's turn. Strangers wait, longer each time.
//!
//! A security duty: every answer is the same for names with and without an account.

pub mod address;
pub mod buckets;
pub mod failures;
pub mod known_browsers;
pub mod queue;
pub mod refusal;
pub mod slots;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_protocol::username::Username;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use sha2::Sha256;
use uuid::Uuid;

use self::address::Address;
use self::buckets::Buckets;
use self::failures::{FailureKey, Failures};
use self::known_browsers::KnownBrowser;
use self::queue::{Lane, Queue};
pub use self::refusal::Refusal;
use self::slots::{Slot, Slots};
use crate::keys::Keys;

/// The most addresses that are told apart; beyond it, new ones share their network.
const ADDRESSES: usize = 200_000;

/// The most presented refresh tokens that are remembered.
const REFRESH_TOKENS: usize = 100_000;

/// How often one refresh token may be presented at once, and then how often: fifty tabs
/// that wake up together are fine.
const REFRESHES: (u32, Duration) = (60, Duration::from_secs(1));

/// How many attempts under one name may be under way at once.
const AT_ONCE_A_NAME: usize = 2;

/// Seconds after which something that is under way is over.
const A_MOMENT: u32 = 2;

/// What the limits are, where an operator can change them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many attempts one address has at once.
    pub attempts: u32,
    /// How long it takes until it has another one.
    pub attempts_every: Duration,
    /// How many password computations run at once.
    pub password_threads: usize,
    /// How many wait for their turn.
    pub places: usize,
}

impl Settings {
    /// Twenty attempts an address and one more every three seconds.
    pub const DEFAULT: Self = Self {
        attempts: 20,
        attempts_every: Duration::from_secs(3),
        password_threads: 1,
        places: 128,
    };
}

/// The limits of one instance. Clones share them.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    addresses: Buckets<Address>,
    browsers: Buckets<FailureKey>,
    refresh_tokens: Buckets<(Uuid, u32)>,
    under_way: Slots<FailureKey>,
    queue: Queue,
    failures: Failures,
    refusals: Family<Limit, Counter>,
}

/// Which limit it was.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

/// A place in the queue, and what is kept from others meanwhile.
pub struct Place {
    limits: Limits,
    waiting: queue::Place,
    slot: Option<Slot<FailureKey>>,
}

/// The attempt's turn: a password may be computed. Clones are the same turn; the last
/// one that is dropped ends it.
#[derive(Clone)]
pub struct Turn {
    _held: Arc<(queue::Turn, Option<Slot<FailureKey>>)>,
}

impl Limits {
    /// Nothing has been tried yet.
    pub fn new(settings: Settings) -> Self {
        let Settings {
            attempts,
            attempts_every,
            password_threads,
            places,
        } = settings;
        Self(Arc::new(Inner {
            addresses: Buckets::folding(attempts, attempts_every, ADDRESSES, Address::network),
            browsers: Buckets::new(attempts, attempts_every, ADDRESSES),
            refresh_tokens: Buckets::new(REFRESHES.0, REFRESHES.1, REFRESH_TOKENS),
            under_way: Slots::default(),
            // One turn more than threads: while they compute, the next attempt reads.
            queue: Queue::new(password_threads + 1, places),
            failures: Failures::default(),
            refusals: Family::default(),
        }))
    }

    /// What failures under a name are counted under. A keyed hash, because people type
    /// passwords into the wrong field, and the database shall not know them.
    pub fn name_key(keys: &Keys, typed: &str) -> FailureKey {
        // Names with and without an account, and names that nobody can have, alike.
        let name = Username::parse(typed).map_or_else(|_| typed.to_owned(), |name| name.key());
        hashed(keys, b"name", name.as_bytes())
    }

    /// What the failures of a known browser are counted under.
    pub fn browser_key(keys: &Keys, browser: &KnownBrowser) -> FailureKey {
        hashed(keys, b"browser", &browser.id())
    }

    /// What the failures of a session that confirms its password are counted under.
    pub fn session_key(keys: &Keys, session_id: Uuid) -> FailureKey {
        hashed(keys, b"session", session_id.as_bytes())
    }

    /// A place for a sign-in under the name with this key. `browser` is the key of the
    /// known browser that it comes from.
    ///
    /// # Errors
    /// When it may not be tried now.
    pub fn sign_in(
        &self,
        from: Option<IpAddr>,
        name: FailureKey,
        browser: Option<FailureKey>,
    ) -> Result<Place, Refusal> {
        let inner = &self.0;
        let address = from.map(Address::of);
        if let Some(browser) = browser {
            self.allow("known_browser", inner.browsers.take(&browser))?;
            let slot = self.one_of("known_browser_under_way", browser, 1)?;
            return self.enter(Lane::Known, address, Some(slot));
        }
        self.attempt_of(address)?;
        let slot = self.one_of("name_under_way", name, AT_ONCE_A_NAME)?;
        self.enter(Lane::Strangers, address, Some(slot))
    }

    /// A place for a sign-up.
    ///
    /// # Errors
    /// When it may not be tried now.
    pub fn sign_up(&self, from: Option<IpAddr>) -> Result<Place, Refusal> {
        let address = from.map(Address::of);
        self.attempt_of(address)?;
        self.enter(Lane::Strangers, address, None)
    }

    /// A place for confirming the password within a live session.
    ///
    /// # Errors
    /// When it may not be tried now.
    pub fn confirm(&self, session: FailureKey) -> Result<Place, Refusal> {
        let slot = self.one_of("session_under_way", session, 1)?;
        self.enter(Lane::Confirming, None, Some(slot))
    }

    /// Whether this refresh token may be presented once more. Asked after its MAC, so
    /// that made-up tokens use up no memory.
    ///
    /// # Errors
    /// When it was presented too often.
    pub fn refresh(&self, session_id: Uuid, generation: u32) -> Result<(), Refusal> {
        let taken = self.0.refresh_tokens.take(&(session_id, generation));
        self.allow("refresh_token", taken)
    }

    /// Failures in a row.
    pub fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// Says that failures in a row kept an attempt from being made.
    pub fn refused_for_failures(&self, refusal: Refusal) -> Refusal {
        self.refused("failures", refusal)
    }

    /// How many attempts wait for their turn.
    pub fn waiting(&self) -> usize {
        self.0.queue.len()
    }

    /// How many addresses are remembered.
    pub fn addresses(&self) -> usize {
        self.0.addresses.len()
    }

    /// Attempts that were refused, by the limit that refused them.
    pub fn refusals(&self) -> impl prometheus_client::registry::Metric + use<> {
        self.0.refusals.clone()
    }

    fn attempt_of(&self, address: Option<Address>) -> Result<(), Refusal> {
        match address {
            Some(address) => self.allow("address", self.0.addresses.take(&address)),
            // Behind a proxy that was forgotten, everybody has one address.
            None => Ok(()),
        }
    }

    fn allow(&self, limit: &'static str, taken: Result<(), Duration>) -> Result<(), Refusal> {
        taken.map_err(|wait| {
            let seconds = wait.as_secs_f64().ceil();
            let retry_after = if seconds < 1.0 { 1 } else { seconds as u32 };
            self.refused(limit, Refusal::TooMany { retry_after })
        })
    }

    fn one_of(
        &self,
        limit: &'static str,
        key: FailureKey,
        most: usize,
    ) -> Result<Slot<FailureKey>, Refusal> {
        let retry_after = A_MOMENT;
        let slot = self.0.under_way.take(key, most);
        slot.ok_or_else(|| self.refused(limit, Refusal::TooMany { retry_after }))
    }

    fn enter(
        &self,
        lane: Lane,
        address: Option<Address>,
        slot: Option<Slot<FailureKey>>,
    ) -> Result<Place, Refusal> {
        match self.0.queue.enter(lane, address) {
            Ok(waiting) => Ok(Place {
                limits: self.clone(),
                waiting,
                slot,
            }),
            Err(queue::Refused::Address) => {
                let retry_after = A_MOMENT;
                Err(self.refused("address_waiting", Refusal::TooMany { retry_after }))
            }
            Err(queue::Refused::Full) => Err(self.refused("queue", Refusal::Busy)),
        }
    }

    fn refused(&self, limit: &'static str, refusal: Refusal) -> Refusal {
        self.0.refusals.get_or_create(&Limit { limit }).inc();
        refusal
    }
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Limits({} wait)", self.waiting())
    }
}

impl Place {
    /// Waits for the turn. Whoever stops waiting gives the place back.
    ///
    /// # Errors
    /// When it takes too long, or somebody who has asked less needs the place.
    pub async fn turn(self) -> Result<Turn, Refusal> {
        match self.waiting.turn().await {
            Some(turn) => Ok(Turn {
                _held: Arc::new((turn, self.slot)),
            }),
            None => Err(self.limits.refused("queue", Refusal::Busy)),
        }
    }
}

/// Forgets, for ever, what time has made irrelevant.
pub async fn run(limits: Limits) {
    // Refresh tokens come often and matter for a second.
    const OFTEN: Duration = Duration::from_secs(5);
    const SELDOM: u32 = 12;
    let mut rounds = tokio::time::interval(OFTEN);
    for round in (0..SELDOM).cycle() {
        rounds.tick().await;
        limits.0.refresh_tokens.sweep();
        if round == 0 {
            limits.0.addresses.sweep();
            limits.0.browsers.sweep();
        }
    }
}

fn hashed(keys: &Keys, kind: &[u8], what: &[u8]) -> FailureKey {
    // The current secret's: after a change of it, counting begins anew.
    let key = keys.for_purpose::<32>(b"holdfast failures").next();
    // An instance whose secrets are all forbidden is about to stop.
    let key = key.unwrap_or_default();
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(kind);
    mac.update(b" ");
    mac.update(what);
    let mut hash = FailureKey::default();
    hash.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    hash
}
