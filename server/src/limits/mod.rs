//! How often a client may try a password. The limits make guessing slow. They also keep a flood of
//! attempts from locking out many people.
//!
//! A sign-in costs one password computation, and these limits decide which attempts get one.
//! They come in this order; each step is cheaper than the step that it protects:
//!
//! 1. **Buckets** ([`buckets`]): sign-ins, sign-ups and recoveries of one address share a
//!    bucket. A browser that the account knows ([`known_browsers`]) has a bucket of its own, so
//!    that other clients behind the same address cannot empty it. All browsers that have signed
//!    in with the same password of an account also share a larger bucket. All known browsers of one
//!    address share another one. The reason: an attacker with an account of their own can get any
//!    number of tokens. A token from the time of an earlier password does not use up attempts of
//!    the present password. So a client that once knew the password cannot keep the person out. A
//!    session that confirms its password has a bucket, and all sessions of the account share a
//!    larger one.
//! 2. **Attempts under way** ([`slots`]): strangers have two attempts for each name. Known browsers
//!    do not count there. They have one for each browser, two for each password and eight for each
//!    address. Confirmations have one for each session and two for each account. Calls that end
//!    sessions have two for each session and three for each account; a call that ends another
//!    session confirms the password before that.
//! 3. **A place in the queue** ([`queue`]): bounded, in turns by address, with places
//!    kept for known browsers and for confirming. Up to here, an attempt only costs memory.
//! 4. **Failures in a row** ([`failures`]): read together with the account, when it is the
//!    attempt's turn. From ten failures on, the server refuses a stranger for a time that doubles
//!    with each failure, up to 15 minutes. From a hundred on, it refuses every stranger. The same
//!    is true for the confirmations of one session. If the token of a known browser turns out to be
//!    worthless, the attempt counts as a stranger's: it takes from the strangers' limits before the
//!    password is computed.
//!
//! A security duty: every answer is the same for names with and without an account.

pub mod address;
pub mod buckets;
pub mod failures;
pub mod known_browsers;
pub mod queue;
pub mod refusal;
pub mod slots;
pub mod turns;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hmac::{Hmac, KeyInit as _, Mac as _};
use holdfast_protocol::username::Username;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use sha2::Sha256;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use self::address::Address;
use self::buckets::Buckets;
use self::failures::{FailureKey, Failures};
use self::known_browsers::KnownBrowser;
use self::queue::{Line, Queue};
pub use self::refusal::Refusal;
use self::slots::{Slot, Slots};
use self::turns::{Most, Turns};
use crate::client_address::ClientAddress;
use crate::keys::{Keys, Obstacle};

/// The most addresses that have buckets of their own; beyond this number, new addresses share
/// the bucket of their network.
const ADDRESSES: usize = 200_000;

/// The most presented refresh tokens that are remembered.
const REFRESH_TOKENS: usize = 100_000;

/// Each refresh token may be presented 60 times in a burst, and then once more in each second.
/// Fifty tabs that wake up together stay below this.
const REFRESHES: (u32, Duration) = (60, Duration::from_secs(1));

/// The limit of an account, as a multiple of the limit of one browser or session.
const AN_ACCOUNT: u32 = 3;

/// The limit of all known browsers of an address, as a multiple of the limit of strangers at that
/// address.
const KNOWN_AT_AN_ADDRESS: u32 = 5;

/// The limit of password estimates of an address, as a multiple of its limit of sign-ins: a page
/// requests estimates while a person types.
const ESTIMATES: u32 = 3;

/// How many attempts may be under way at once: under one name, by the known browsers of one account
/// (with the same password), or by the sessions of one account.
const AT_ONCE: usize = 2;

/// How many attempts of known browsers at one address may be under way at once: a quarter
/// of their places in the queue.
const KNOWN_AT_ONCE_AN_ADDRESS: usize = 8;

/// The requests of one session that read from the database. Each such request uses one connection to
/// the database, and there are sixteen connections by default. Twenty tabs may begin at once.
const READS_OF_A_SESSION: Most = Most {
    at_once: 2,
    in_all: 64,
};

/// The same for all sessions of one account.
const READS_OF_AN_ACCOUNT: Most = Most {
    at_once: 4,
    in_all: 128,
};

/// The same for all accounts at one address.
const READS_OF_AN_ADDRESS: Most = Most {
    at_once: 8,
    in_all: 256,
};

/// After how many seconds a client may try again, because an attempt that is under way will
/// have ended.
const A_MOMENT: u32 = 2;

/// The limits that an operator can change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// How many attempts one address may make at once.
    pub attempts: u32,
    /// How long it takes until the address may make another one.
    pub attempts_every: Duration,
    /// How many password computations run at once.
    pub password_threads: usize,
    /// How many attempts may wait for their turn.
    pub places: usize,
    /// How many requests may read lists from the database at once.
    pub reads: usize,
}

impl Settings {
    /// Twenty attempts for each address, and one more every three seconds.
    pub const DEFAULT: Self = Self {
        attempts: 20,
        attempts_every: Duration::from_secs(3),
        password_threads: 1,
        places: 128,
        reads: 12,
    };
}

/// The limits of one instance. Clones share them.
#[derive(Clone)]
pub struct Limits(Arc<Inner>);

struct Inner {
    addresses: Buckets<Address>,
    known_at_address: Buckets<Address>,
    estimates: Buckets<Address>,
    /// The buckets of known browsers, and of sessions that confirm.
    single: Buckets<FailureKey>,
    accounts: Buckets<FailureKey>,
    /// By session and generation. All logouts of a session share one bucket.
    refresh_tokens: Buckets<(Uuid, Option<u32>)>,
    /// By session, and by account.
    reads_of: Turns<Uuid>,
    reads_of_address: Turns<Address>,
    reads: Arc<Semaphore>,
    under_way: Slots<SlotKey>,
    queue: Queue,
    failures: Failures,
    refusals: Family<Limit, Counter>,
}

/// The key under which attempts are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum SlotKey {
    /// A name, a known browser, a session, or an account.
    Key(FailureKey),
    /// The known browsers of an address.
    KnownAt(Address),
    /// The endings of an account's sessions.
    EndingsOf(Uuid),
    /// The endings that a session makes.
    EndingsBy(Uuid),
}

/// A call that ends sessions of an account and is under way. Its slots are free again when this value
/// is dropped.
#[derive(Debug)]
pub struct EndingSlots(
    #[expect(dead_code, reason = "they only have to be dropped")] [Slot<SlotKey>; 2],
);

/// The turn of a request that reads from the database. The turn ends when this value is dropped.
#[derive(Debug)]
pub struct ReadTurn {
    _all: Option<OwnedSemaphorePermit>,
    _address: Option<turns::TurnOfKey>,
    _account: turns::TurnOfKey,
    _session: turns::TurnOfKey,
}

/// The keys under which the attempts of a known browser are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BrowserKeys {
    /// The key of this browser.
    pub browser: FailureKey,
    /// The key of all browsers that signed in with the same password.
    pub password: FailureKey,
    account_id: Uuid,
}

/// The keys under which the confirmations of a password are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionKeys {
    /// The key of this session.
    pub session: FailureKey,
    account: FailureKey,
}

/// The limit that refused an attempt.
#[derive(Debug, Clone, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Limit {
    limit: &'static str,
}

/// A place in the queue, and the slots that the attempt keeps meanwhile.
pub struct QueuedAttempt {
    limits: Limits,
    waiting: queue::Place,
    slots: Vec<Slot<SlotKey>>,
}

/// The attempt's turn: a password may be computed. Clones are the same turn; the last
/// one that is dropped ends it.
#[derive(Clone)]
pub struct PasswordTurn(Arc<Held>);

struct Held {
    _turn: queue::Turn,
    slots: Mutex<Vec<Slot<SlotKey>>>,
}

impl Limits {
    /// The limits before the first attempt.
    pub fn new(settings: Settings) -> Self {
        let Settings {
            attempts,
            attempts_every,
            password_threads,
            places,
            reads,
        } = settings;
        let of_address = |times: u32| {
            let (at_once, every) = (attempts.saturating_mul(times), attempts_every / times);
            Buckets::folding(at_once, every, ADDRESSES, Address::network)
        };
        let by_key = |times: u32| {
            let (at_once, every) = (attempts.saturating_mul(times), attempts_every / times);
            Buckets::new(at_once, every, ADDRESSES)
        };
        Self(Arc::new(Inner {
            addresses: of_address(1),
            known_at_address: of_address(KNOWN_AT_AN_ADDRESS),
            estimates: of_address(ESTIMATES),
            single: by_key(1),
            accounts: by_key(AN_ACCOUNT),
            refresh_tokens: Buckets::new(REFRESHES.0, REFRESHES.1, REFRESH_TOKENS),
            reads_of: Turns::default(),
            reads_of_address: Turns::default(),
            reads: Arc::new(Semaphore::new(reads)),
            under_way: Slots::default(),
            // There is one turn more than threads: while the threads compute, the next
            // attempt reads from the database.
            queue: Queue::new(password_threads + 1, places),
            failures: Failures::default(),
            refusals: Family::default(),
        }))
    }

    /// The key under which failures of a name are counted. It is a keyed hash, because people
    /// type passwords into the wrong field, and the database must not contain them.
    ///
    /// # Errors
    /// When the current secret is forbidden.
    pub fn name_key(keys: &Keys, typed: &str) -> Result<FailureKey, Obstacle> {
        // This is the same for names with and without an account, and for impossible names.
        let name = Username::parse(typed).map_or_else(|_| typed.to_owned(), |name| name.key());
        hashed(keys, b"name", name.as_bytes())
    }

    /// The keys under which the attempts of a known browser are counted.
    ///
    /// # Errors
    /// When the current secret is forbidden.
    pub fn browser_keys(keys: &Keys, browser: &KnownBrowser) -> Result<BrowserKeys, Obstacle> {
        Ok(BrowserKeys {
            browser: hashed(keys, b"browser", &browser.id())?,
            password: hashed(keys, b"password", &browser.password_id())?,
            account_id: browser.account_id(),
        })
    }

    /// The keys under which the confirmations of a session are counted.
    ///
    /// # Errors
    /// When the current secret is forbidden.
    pub fn session_keys(
        keys: &Keys,
        account_id: Uuid,
        session_id: Uuid,
    ) -> Result<SessionKeys, Obstacle> {
        Ok(SessionKeys {
            session: hashed(keys, b"session", session_id.as_bytes())?,
            account: hashed(keys, b"sessions", account_id.as_bytes())?,
        })
    }

    /// A place for a sign-in under the name with this key. `browsers` are the known browsers
    /// of this name whose tokens the request has, the newest first.
    ///
    /// # Errors
    /// If the client may not try now.
    pub fn sign_in(
        &self,
        from: ClientAddress,
        name: FailureKey,
        browsers: impl Iterator<Item = BrowserKeys>,
    ) -> Result<QueuedAttempt, Refusal> {
        let inner = &self.0;
        let Some(browser) = self.first_with_attempts(browsers)? else {
            self.attempt_of(from)?;
            let slots = vec![self.one_of("name_under_way", name, AT_ONCE)?];
            return self.enter(Line::Strangers, from, slots);
        };
        let address = from.for_limits().map(Address::of);
        // `first_with_attempts` has taken an attempt from the bucket of the browser. The address
        // comes before the bucket that all browsers with this password share. So an attempt that
        // the address refuses takes nothing from that bucket.
        if let Some(address) = &address {
            self.allow("known_address", inner.known_at_address.take(address))?;
        }
        let taken = inner.accounts.take(&browser.password);
        self.allow("known_password", taken)?;
        let mut slots = vec![
            self.one_of("known_browser_under_way", browser.browser, 1)?,
            self.one_of("known_password_under_way", browser.password, AT_ONCE)?,
        ];
        if let Some(address) = address {
            let (key, most) = (SlotKey::KnownAt(address), KNOWN_AT_ONCE_AN_ADDRESS);
            slots.push(self.slot("known_address_under_way", key, most)?);
        }
        let place = inner.queue.enter_known(from, browser.account_id);
        self.entered(place, slots)
    }

    /// Treats an attempt that has its turn as a stranger's, because its token of a known
    /// browser is worthless. It takes from the strangers' limits before the password is
    /// computed, so that worthless tokens cannot avoid the limits.
    ///
    /// # Errors
    /// If a stranger may not try now.
    pub fn pay_as_stranger(
        &self,
        turn: &PasswordTurn,
        from: ClientAddress,
        name: FailureKey,
    ) -> Result<(), Refusal> {
        self.attempt_of(from)?;
        let slot = self.one_of("name_under_way", name, AT_ONCE)?;
        let mut slots = turn.0.slots.lock().unwrap_or_else(PoisonError::into_inner);
        slots.push(slot);
        Ok(())
    }

    /// A place for a sign-up.
    ///
    /// # Errors
    /// If the client may not try now.
    pub fn sign_up(&self, from: ClientAddress) -> Result<QueuedAttempt, Refusal> {
        self.attempt_of(from)?;
        self.enter(Line::Strangers, from, Vec::new())
    }

    /// A place for a recovery. Only the address limits it: a recovery code cannot be guessed,
    /// and a limit by name would let a stranger keep the person out.
    ///
    /// # Errors
    /// If the client may not try now.
    pub fn recover(&self, from: ClientAddress) -> Result<QueuedAttempt, Refusal> {
        self.attempt_of(from)?;
        self.enter(Line::Strangers, from, Vec::new())
    }

    /// Counts one password estimate for an address.
    ///
    /// # Errors
    /// If the address has reached its limit.
    pub fn estimate(&self, from: ClientAddress) -> Result<(), Refusal> {
        match from.for_limits().map(Address::of) {
            Some(address) => self.allow("estimates", self.0.estimates.take(&address)),
            None => Ok(()),
        }
    }

    /// A place for an estimate that needs the dictionary.
    ///
    /// # Errors
    /// If there is none.
    pub fn enter_for_estimate(&self, from: ClientAddress) -> Result<QueuedAttempt, Refusal> {
        self.entered(self.0.queue.enter_for_estimate(from), Vec::new())
    }

    /// A place for confirming the password within a live session.
    ///
    /// # Errors
    /// If the client may not try now.
    pub fn confirm(
        &self,
        from: ClientAddress,
        keys: SessionKeys,
    ) -> Result<QueuedAttempt, Refusal> {
        let inner = &self.0;
        // The session's own bucket comes first. It has a third of the attempts of the account's
        // bucket, so it is used up first. So a thief of one session does not keep the person's
        // other sessions from confirming.
        self.allow("session", inner.single.take(&keys.session))?;
        self.allow("account", inner.accounts.take(&keys.account))?;
        let slots = vec![
            self.one_of("session_under_way", keys.session, 1)?,
            self.one_of("account_under_way", keys.account, AT_ONCE)?,
        ];
        self.enter(Line::Confirming, from, slots)
    }

    /// A slot for a call with which this session ends sessions of its account. Such calls wait for
    /// the account's row, one after the other, and each of them has a connection to the database
    /// meanwhile. Without this limit, one account could take all connections.
    ///
    /// A session cannot have all slots of its account. Otherwise a thief of one session could keep
    /// the person from ending it.
    ///
    /// # Errors
    /// If too many such calls of the session or of the account are under way.
    pub fn end_sessions(&self, account_id: Uuid, session_id: Uuid) -> Result<EndingSlots, Refusal> {
        let slot = |key, most| self.slot("endings_under_way", key, most);
        let by_session = slot(SlotKey::EndingsBy(session_id), AT_ONCE)?;
        let of_account = slot(SlotKey::EndingsOf(account_id), AT_ONCE + 1)?;
        Ok(EndingSlots([by_session, of_account]))
    }

    /// Waits until a request with an access token may read from the database. Without this limit,
    /// one account could take all connections to it.
    ///
    /// A session cannot have all turns of its account: a thief of one session must not keep the
    /// person from seeing it in the list.
    ///
    /// # Errors
    /// If too many such requests of the session, of the account or of the address are under way.
    pub async fn turn_to_read(
        &self,
        account_id: Uuid,
        session_id: Uuid,
        from: ClientAddress,
    ) -> Result<ReadTurn, Refusal> {
        let retry_after = A_MOMENT;
        let refused = || self.refused("reads", Refusal::TooMany { retry_after });
        // The limit of the session is checked first, then the account, then the address. A read
        // that one of them refuses takes nothing from the next.
        let (of, of_address) = (&self.0.reads_of, &self.0.reads_of_address);
        let session = of.take(session_id, READS_OF_A_SESSION).await;
        let session = session.ok_or_else(refused)?;
        let account = of.take(account_id, READS_OF_AN_ACCOUNT).await;
        let account = account.ok_or_else(refused)?;
        let address = match from.for_limits().map(Address::of) {
            Some(address) => {
                let address = of_address.take(address, READS_OF_AN_ADDRESS).await;
                Some(address.ok_or_else(refused)?)
            }
            None => None,
        };
        // Reads use at most 12 of the 16 connections by default. The others are for requests that
        // write. The semaphore is never closed.
        let all = Arc::clone(&self.0.reads).acquire_owned().await;
        Ok(ReadTurn {
            _all: all.ok(),
            _address: address,
            _account: account,
            _session: session,
        })
    }

    /// Whether this refresh token may be presented once more. Call this after the check of
    /// its MAC, so that made-up tokens use no memory.
    ///
    /// # Errors
    /// If it was presented too often.
    pub fn refresh(&self, session_id: Uuid, generation: u32) -> Result<(), Refusal> {
        let taken = self.0.refresh_tokens.take(&(session_id, Some(generation)));
        self.allow("refresh_token", taken)
    }

    /// Whether this session may be logged out once more. These attempts do not share the bucket of
    /// refreshes: a thief of the token must not keep the person from signing out.
    ///
    /// # Errors
    /// If there were too many logouts of this session. This does no harm: the first logout has ended
    /// the session, or the database does not answer anyway.
    pub fn log_out(&self, session_id: Uuid) -> Result<(), Refusal> {
        let taken = self.0.refresh_tokens.take(&(session_id, None));
        self.allow("refresh_token", taken)
    }

    /// Failures in a row.
    pub fn failures(&self) -> &Failures {
        &self.0.failures
    }

    /// Counts an attempt that was refused because of failures in a row.
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

    fn attempt_of(&self, from: ClientAddress) -> Result<(), Refusal> {
        match from.for_limits().map(Address::of) {
            Some(address) => self.allow("address", self.0.addresses.take(&address)),
            // Many people may share the address of a proxy that was not named. They have no
            // bucket, but take turns in the queue.
            None => Ok(()),
        }
    }

    /// Takes an attempt of the first of these browsers that has one left, and returns that
    /// browser.
    fn first_with_attempts(
        &self,
        browsers: impl Iterator<Item = BrowserKeys>,
    ) -> Result<Option<BrowserKeys>, Refusal> {
        let mut shortest: Option<Duration> = None;
        for browser in browsers {
            match self.0.single.take(&browser.browser) {
                Ok(()) => return Ok(Some(browser)),
                Err(wait) => shortest = Some(shortest.map_or(wait, |other| other.min(wait))),
            }
        }
        match shortest {
            Some(wait) => self.allow("known_browser", Err(wait)).map(|()| None),
            None => Ok(None),
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
    ) -> Result<Slot<SlotKey>, Refusal> {
        self.slot(limit, SlotKey::Key(key), most)
    }

    fn slot(
        &self,
        limit: &'static str,
        key: SlotKey,
        most: usize,
    ) -> Result<Slot<SlotKey>, Refusal> {
        let retry_after = A_MOMENT;
        let slot = self.0.under_way.take(key, most);
        slot.ok_or_else(|| self.refused(limit, Refusal::TooMany { retry_after }))
    }

    fn enter(
        &self,
        line: Line,
        from: ClientAddress,
        slots: Vec<Slot<SlotKey>>,
    ) -> Result<QueuedAttempt, Refusal> {
        self.entered(self.0.queue.enter(line, from), slots)
    }

    fn entered(
        &self,
        place: Result<queue::Place, queue::Refused>,
        slots: Vec<Slot<SlotKey>>,
    ) -> Result<QueuedAttempt, Refusal> {
        match place {
            Ok(waiting) => Ok(QueuedAttempt {
                limits: self.clone(),
                waiting,
                slots,
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

impl QueuedAttempt {
    /// Waits for the turn. If the caller stops waiting, the place is free again.
    ///
    /// # Errors
    /// If it takes too long, or if a client that has tried less gets the place.
    pub async fn turn(self) -> Result<PasswordTurn, Refusal> {
        match self.waiting.turn().await {
            Some(turn) => Ok(PasswordTurn(Arc::new(Held {
                _turn: turn,
                slots: Mutex::new(self.slots),
            }))),
            None => Err(self.limits.refused("queue", Refusal::Busy)),
        }
    }
}

/// Runs for ever. It removes the buckets that are full again, because they limit nothing.
pub async fn run(limits: Limits) {
    // Refresh tokens come often, and their buckets are full again after a second.
    const OFTEN: Duration = Duration::from_secs(5);
    const SELDOM: u32 = 12;
    let mut rounds = tokio::time::interval(OFTEN);
    for round in (0..SELDOM).cycle() {
        rounds.tick().await;
        limits.0.refresh_tokens.sweep();
        if round == 0 {
            for buckets in [
                &limits.0.addresses,
                &limits.0.known_at_address,
                &limits.0.estimates,
            ] {
                buckets.sweep();
            }
            limits.0.single.sweep();
            limits.0.accounts.sweep();
        }
    }
}

fn hashed(keys: &Keys, kind: &[u8], what: &[u8]) -> Result<FailureKey, Obstacle> {
    // The key is the current secret's, so counting starts again after a change of it.
    let key = keys.current_for_purpose::<32>(b"holdfast failures")?;
    let mut mac = Hmac::<Sha256>::new_from_slice(&*key)
        .unwrap_or_else(|_| unreachable!("HMAC takes keys of any length"));
    mac.update(kind);
    mac.update(b" ");
    mac.update(what);
    let mut hash = FailureKey::default();
    hash.copy_from_slice(&mac.finalize().into_bytes()[..16]);
    Ok(hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(account: u8, session: u8) -> SessionKeys {
        SessionKeys {
            session: [session; 16],
            account: [100 + account; 16],
        }
    }

    fn at(n: u8) -> ClientAddress {
        ClientAddress::Client([192, 0, 2, n].into())
    }

    #[tokio::test]
    async fn many_accounts_at_one_address_leave_places_for_confirming_to_others() {
        let limits = Limits::new(Settings::DEFAULT);
        // Both turns are taken, so all attempts wait.
        let mut turns = Vec::new();
        for n in [100, 101] {
            turns.push(limits.sign_up(at(n)).unwrap().turn().await.ok());
        }
        let mut places: Vec<_> = (0..16)
            .map(|n| limits.confirm(at(1), session(n / 2, n)).unwrap())
            .collect();
        let more = limits.confirm(at(1), session(50, 50)).err();
        assert_eq!(more, Some(Refusal::Busy));
        let other = limits.confirm(at(2), session(60, 60));
        assert!(other.is_ok(), "a client at another address has a place");
        // It is the place of the attempt that came last.
        let last = places.pop().unwrap();
        assert_eq!(last.turn().await.err(), Some(Refusal::Busy));
    }

    #[tokio::test]
    async fn known_browsers_of_one_address_leave_places_to_others() {
        let limits = Limits::new(Settings::DEFAULT);
        let browser = |n: u8| BrowserKeys {
            browser: [n; 16],
            password: [200 + n; 16],
            account_id: Uuid::from_u128(n.into()),
        };
        let sign_in = |from, n: u8| limits.sign_in(from, [n; 16], [browser(n)].into_iter());
        let places: Vec<_> = (0..20).map(|n| sign_in(at(1), n)).collect();
        let got = places.iter().filter(|place| place.is_ok()).count();
        assert_eq!(got, KNOWN_AT_ONCE_AN_ADDRESS);
        assert!(sign_in(at(2), 50).is_ok());
    }

    #[tokio::test]
    async fn one_account_and_one_address_leave_connections_to_the_database_to_others() {
        use futures::FutureExt as _;
        let limits = Limits::new(Settings::DEFAULT);
        let read = |account: u8, session: u8, from| {
            let account_id = Uuid::from_u128(account.into());
            let session_id = Uuid::from_u128(1000 + u128::from(session));
            let limits = limits.clone();
            Box::pin(async move { limits.turn_to_read(account_id, session_id, from).await })
        };
        let mut working = Vec::new();
        // A session cannot have all turns of its account.
        for (session, expected) in [(1, 2), (2, 2), (3, 0)] {
            let mut asked: Vec<_> = (0..3).map(|_| read(1, session, at(1))).collect();
            let got = asked.iter_mut().filter_map(|read| read.now_or_never());
            let got: Vec<_> = got.map(Result::unwrap).collect();
            assert_eq!(got.len(), expected, "{session}");
            working.extend(got);
        }
        // Another account at the same address has the rest, and other addresses have theirs.
        for (account, from, expected) in [
            (2, at(1), 4),
            (3, at(1), 0),
            (4, at(2), 4),
            // All together have twelve.
            (5, at(3), 0),
        ] {
            let mut got = 0;
            for session in [10 * account, 10 * account + 1] {
                for _ in 0..3 {
                    if let Some(turn) = read(account, session, from).now_or_never() {
                        working.push(turn.unwrap());
                        got += 1;
                    }
                }
            }
            assert_eq!(got, expected, "{account}");
        }
        // Requests that wait are not refused, up to a number.
        let most = READS_OF_A_SESSION.in_all;
        let mut waiting: Vec<_> = (0..=most).map(|_| read(1, 1, at(1))).collect();
        let refused = waiting.iter_mut().filter_map(|read| read.now_or_never());
        assert!(refused.into_iter().all(|turn| turn.is_err()));
        drop((waiting, working));
        assert!(read(1, 1, at(1)).await.is_ok());
    }

    #[tokio::test]
    async fn a_stranger_with_a_worthless_token_has_one_of_the_names_attempts() {
        let limits = Limits::new(Settings::DEFAULT);
        let name = [7; 16];
        let turn = limits.sign_up(at(1)).unwrap().turn().await.unwrap();
        assert_eq!(limits.pay_as_stranger(&turn, at(1), name), Ok(()));
        assert_eq!(limits.pay_as_stranger(&turn, at(2), name), Ok(()));
        let third = limits.pay_as_stranger(&turn, at(3), name);
        assert!(third.is_err());
        drop(turn);
        let turn = limits.sign_up(at(4)).unwrap().turn().await.unwrap();
        assert_eq!(limits.pay_as_stranger(&turn, at(3), name), Ok(()));
    }
}
