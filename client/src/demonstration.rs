//! Makes happen on purpose what otherwise happens by itself or by accident: for a page that shows how a
//! session is kept alive, and for a developer who wants to see what an application does then. See
//! [`Session::demonstration`]. The feature `demonstration` has it, and no application has it otherwise.
//!
//! A security duty: nothing here gives a script more than it has without this. A script that runs in
//! the page can read storage and send requests by itself. Nothing here changes a rule: the requests
//! are real, the server decides about each of them as ever, and the client follows the answers. No
//! token is kept after its demonstration. Everything here is about the session that the page shows: a page
//! that waits for its reload, because another person has signed in, gets nothing of that person.

use std::rc::Rc;

use gloo_net::http::Method;
use holdfast_protocol::attempt_key::{self, AttemptMark};
use holdfast_protocol::hexadecimal::in_hexadecimal;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::refresh_token::{self, UnverifiedRefreshToken};
use holdfast_protocol::renewal::{Event, Link, Record};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{RefreshRequest, SessionRow, TOKEN_HASH_HEADER, paths};
use uuid::Uuid;

use super::calls;
use super::clock;
use super::driver::{CALL_WAIT_MS, Driver, LONGEST_WAIT_MS};
use super::other_tabs::OtherTabs;
use super::session::Session;
use super::staged::Fault;
use super::transport::{self, Call, CallError};
use super::vault::StoredEntry;
use super::watch::{self, ClientEvent};

impl Session {
    /// Makes happen on purpose what otherwise happens by itself or by accident: an expired token, a
    /// lost answer, a theft. With the feature `demonstration` only.
    pub fn demonstration(self) -> Demonstration {
        Demonstration(())
    }
}

/// The demonstrations of this page. Get them with [`Session::demonstration`].
#[derive(Debug, Clone, Copy)]
pub struct Demonstration(());

/// What came of a renewal for which a fault was arranged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Renewal {
    /// Whether there are new tokens in the end.
    pub is_renewed: bool,
    /// Whether the fault has happened. It does not happen if another tab has renewed first.
    pub has_failed_first: bool,
    /// Whether another fault was arranged at this moment. Then nothing was done.
    pub has_to_wait: bool,
}

/// The tokens that this tab holds, as they are stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldTokens {
    /// The session.
    pub session_id: Uuid,
    /// The link number of the refresh token.
    pub generation: u32,
    /// The access token, a JWT.
    pub access_token: Secret,
    /// The refresh token; see [`refresh_token`].
    pub refresh_token: Secret,
    /// How many seconds the access token was valid when it arrived.
    pub expires_in: u64,
    obtained_at: i64,
}

impl HeldTokens {
    /// How many seconds the access token is still valid, by the clock of this browser.
    pub fn seconds_left(&self) -> u64 {
        let age_ms = clock::now().wall_ms.saturating_sub(self.obtained_at);
        let age_ms = u64::try_from(age_ms).unwrap_or(0);
        self.expires_in.saturating_sub(age_ms / 1000)
    }

    /// What the database should hold of the refresh token: the SHA-256 of its secret, in hexadecimal
    /// digits. `None` if the token is malformed.
    pub fn token_hash(&self) -> Option<String> {
        let token = UnverifiedRefreshToken::parse(self.refresh_token.expose()).ok()?;
        Some(in_hexadecimal(&token.parts().secret_hash()))
    }
}

impl From<Record> for HeldTokens {
    fn from(record: Record) -> Self {
        Self {
            session_id: record.session_id,
            generation: record.generation,
            access_token: record.access_token,
            refresh_token: record.refresh_token,
            expires_in: record.expires_in,
            obtained_at: record.obtained_at,
        }
    }
}

/// A copy of a refresh token, as a thief would make one. Dropping it forgets the copy.
#[derive(Debug)]
pub struct CopiedToken {
    token: Secret,
    of: Link,
}

impl Demonstration {
    /// The tokens of this tab; `None` if no person is signed in.
    pub fn tokens(self) -> Option<HeldTokens> {
        Some(Driver::current()?.shown_record()?.into())
    }

    /// What this browser stores of the session of this tab: tokens and attempt keys. Of the lists that
    /// may have tokens of other sessions, it has the length only. Empty if no person is signed in, and
    /// if only the memory of this tab has the session.
    pub async fn stored_entries(self) -> Vec<StoredEntry> {
        let Some(driver) = Driver::current() else {
            return Vec::new();
        };
        match driver.shown_record() {
            Some(record) => driver.vault.entries_of(record.session_id).await,
            None => Vec::new(),
        }
    }

    /// Whether this browser stores nothing, so that only the memory of this tab has the session.
    pub fn stores_nothing(self) -> bool {
        Driver::current().is_some_and(|driver| driver.vault.is_memory())
    }

    /// What the database holds of the session of this tab. See [`SessionRow`]. Only a server with Holdfast's
    /// own pages answers it.
    ///
    /// # Errors
    /// [`CallError`], like every call; on another server the code is `not_found`.
    pub async fn session_row(self) -> Result<SessionRow, CallError> {
        let mut whose = calls::whose();
        // The call may renew the tokens first, and the hash must be that of the new one.
        if let Some(driver) = Driver::current() {
            driver.access(&mut whose).await?;
        }
        let mut call = Call::to_holdfast(Method::GET, paths::SESSION_ROW);
        if let Some(hash) = self.tokens().and_then(|held| held.token_hash()) {
            call.headers.push((TOKEN_HASH_HEADER, hash.into()));
        }
        transport::parse(&calls::call(call, whose).await?)
    }

    /// Calls this path without an access token.
    ///
    /// # Errors
    /// [`CallError`]; a protected path is answered with the code `access_token_missing`.
    pub async fn call_without_token(self, path: &str) -> Result<(), CallError> {
        let call = Call::new(Method::GET, path);
        transport::send(&call, None).await.map(drop)
    }

    /// Calls this path with an access token that the server refuses: the token of this tab with
    /// another signature. Then the client does what it does after every such answer: it renews, and
    /// sends the call once more.
    ///
    /// # Errors
    /// [`CallError`], like every call.
    pub async fn call_with_refused_token(self, path: &str) -> Result<(), CallError> {
        let mut whose = calls::whose();
        let driver = Driver::current().ok_or(CallError::SignedOut)?;
        let (of, token) = driver.access(&mut whose).await?;
        let call = Call::new(Method::GET, path);
        match transport::send(&call, Some(&spoiled(&token))).await {
            Err(CallError::Problem(problem)) if problem.meaning() == Meaning::Renew => {
                driver.feed(Event::CallRefused { of });
                calls::repeat(&call, whose).await.map(drop)
            }
            outcome => outcome.map(drop),
        }
    }

    /// Treats the access token of this tab as expired. The tab renews it at once, and calls wait for
    /// that.
    pub fn expire_access_token(self) {
        if let Some(driver) = Driver::current()
            && let Some(record) = driver.shown_record()
        {
            driver.feed(Event::CallRefused { of: record.link() });
        }
    }

    /// Renews now. Returns whether there are new tokens.
    pub async fn renew(self) -> bool {
        self.renew_with(None).await.is_renewed
    }

    /// Renews, and throws the new tokens of the first answer away. The client repeats the request with
    /// the same attempt key, as it does after every lost answer.
    pub async fn renew_and_lose_the_answer(self) -> Renewal {
        self.renew_with(Some(Fault::LostAnswer)).await
    }

    /// Renews without the lock between the tabs, like a browser without Web Locks, so that two tabs
    /// can renew at once.
    pub async fn renew_without_lock(self) -> Renewal {
        self.renew_with(Some(Fault::WithoutLock)).await
    }

    async fn renew_with(self, fault: Option<Fault>) -> Renewal {
        let Some(driver) = Driver::current() else {
            return Renewal::default();
        };
        let Some(before) = driver.shown_record() else {
            return Renewal::default();
        };
        let of = before.link();
        let arranged = fault.map(|fault| driver.staged.arrange(of, fault));
        if let Some(None) = arranged {
            return Renewal {
                has_to_wait: true,
                ..Renewal::default()
            };
        }
        driver.feed(Event::CallRefused { of });
        let is_renewed = has_other_tokens(&driver, &before).await;
        let arranged = arranged.flatten();
        Renewal {
            is_renewed,
            has_failed_first: arranged.is_some_and(|arranged| arranged.has_happened()),
            has_to_wait: false,
        }
    }

    /// Copies the refresh token of this tab into memory.
    pub fn copy_refresh_token(self) -> Option<CopiedToken> {
        let record = Driver::current()?.shown_record()?;
        Some(CopiedToken {
            of: record.link(),
            token: record.refresh_token,
        })
    }

    /// Presents a refresh token that no server has made: its MAC is random.
    ///
    /// # Errors
    /// [`CallError`], always. The code is `refresh_token_invalid`, unless the server has no time for it or
    /// cannot be reached.
    pub async fn present_made_up_token(self) -> Result<(), CallError> {
        let random = clock::fresh_life().into_bytes();
        let token = refresh_token::made_up(unix_ms(), random);
        present(&token, 0).await
    }

    /// Whether two tabs can renew at the same moment without harm: the database of the browser keeps
    /// their attempt keys apart. Without it, one tab may overwrite the key of the other.
    pub fn can_race(self) -> bool {
        Driver::current().is_some_and(|driver| driver.vault.is_database())
    }

    /// Speaks with the other tabs of this browser that have called this, too. `hear` gets what they
    /// say. `None` if the browser has no `BroadcastChannel`.
    pub fn other_tabs(self, hear: impl Fn(String) + 'static) -> Option<OtherTabs> {
        OtherTabs::open(hear)
    }
}

impl CopiedToken {
    /// The link number of the copy.
    pub fn generation(&self) -> u32 {
        self.of.generation
    }

    /// Presents the copy with a new attempt key, as a thief would who uses it too late. **The server
    /// ends the session**, and the client learns of it by its next call.
    ///
    /// # Errors
    /// [`CallError`]; the code is `refresh_token_reused` if the server has seen the theft. Nothing is
    /// sent before this tab has renewed twice since the copy was made: the answer would take the
    /// current token away from the browser, or the server would answer that another request was
    /// faster. Nothing is sent either if this tab has another session by now.
    pub async fn present(self) -> Result<(), CallError> {
        let held = Driver::current().and_then(|driver| driver.shown_record());
        if !is_old(self.of, held.map(|held| held.link())) {
            return Err(CallError::not_sendable(
                "a copied refresh token is presented before its session was renewed twice",
            ));
        }
        present(&self.token, self.of.generation).await
    }
}

/// Whether the session of a copy goes on in this tab, and was renewed twice since.
fn is_old(copied: Link, held: Option<Link>) -> bool {
    held.is_some_and(|held| {
        held.session_id == copied.session_id
            && held.generation >= copied.generation.saturating_add(2)
    })
}

/// Waits until this tab has other tokens than these, or another session or none. Returns `false` if
/// that takes too long, or if the session has ended.
async fn has_other_tokens(driver: &Rc<Driver>, before: &Record) -> bool {
    let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
    while clock::now().running_ms < deadline {
        let Some(record) = driver.shown_record() else {
            return false;
        };
        if record.access_token != before.access_token {
            return record.session_id == before.session_id;
        }
        driver.wait_for_news(LONGEST_WAIT_MS).await;
    }
    false
}

/// Presents a refresh token in place of the client, with a new attempt key. The answer is not used.
async fn present(token: &Secret, generation: u32) -> Result<(), CallError> {
    let Some(key) = clock::fresh_attempt_key() else {
        return Err(CallError::SILENCE);
    };
    watch::tell(|| ClientEvent::Refreshing {
        generation,
        attempt: AttemptMark::of(Some(&key)),
        is_demonstration: true,
    });
    let mut call = Call::to_holdfast(Method::POST, paths::REFRESH).with_json(&RefreshRequest {
        refresh_token: token.clone(),
    });
    call.headers
        .push((attempt_key::HEADER, Secret::from(key.expose())));
    transport::send(&call, None).await.map(drop)
}

fn unix_ms() -> u64 {
    u64::try_from(clock::now().wall_ms).unwrap_or(0)
}

/// The same token with another character in its signature.
fn spoiled(token: &Secret) -> Secret {
    let mut text = token.expose().to_owned();
    // The last characters may have bits that do not count.
    let at = text.len().saturating_sub(10);
    let other = if text[at..].starts_with('A') {
        "B"
    } else {
        "A"
    };
    text.replace_range(at..=at, other);
    Secret::from(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_old_after_two_renewals_of_its_own_session() {
        let link = |session: u128, generation| Link {
            session_id: Uuid::from_u128(session),
            generation,
        };
        for (held, expected) in [
            (None, false),
            (Some(link(1, 4)), false),
            (Some(link(1, 5)), false),
            (Some(link(1, 6)), true),
            (Some(link(2, 6)), false),
        ] {
            assert_eq!(is_old(link(1, 4), held), expected, "{held:?}");
        }
    }

    #[test]
    fn a_spoiled_token_differs_in_one_character_of_its_signature() {
        for token in [
            "head.claims.signature-of-it",
            "head.claims.sAAAAAAAAAAAAAAAA",
        ] {
            let other = spoiled(&Secret::from(token));
            let pairs = token.bytes().zip(other.expose().bytes());
            assert_eq!(pairs.filter(|(one, other)| one != other).count(), 1);
            assert_eq!(token.len(), other.expose().len());
            assert!(other.expose().starts_with("head.claims.s"));
        }
    }
}
