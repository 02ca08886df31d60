//! What this browser stores, and where.
//!
//! One [`database`], which all tabs share, is authoritative; each change is one strict transaction.
//! Local storage ([`local`]) has a copy, for code that cannot wait for the database. Without the
//! database, local storage is authoritative. Without both, the memory of this tab is authoritative,
//! and the page tells the person.
//!
//! `holdfast_protocol::renewal` decides what a change does. Holdfast stores tokens in the browser
//! by a deliberate decision; `docs/threat-model.md` names the risks. No other code in the client
//! writes a token.

mod database;
mod keys;
mod local;
mod noted;
mod replaced;
#[cfg(feature = "demonstration")]
mod shown;
mod used;

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::{mem, slice};

use futures::channel::oneshot;
use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::attempt_key::{Attempt, AttemptKey, attempt};
use holdfast_protocol::renewal::driver::{Outcome, Prepared, StorageNews};
use holdfast_protocol::renewal::{
    self, Change, KnownBrowser, Link, Place, Reading, Stored, Vault as Contents, begun_blind,
};
use holdfast_protocol::secret::Secret;
use js_sys::Array;
use leptos::task::spawn_local;
use serde::de::DeserializeOwned;
use uuid::Uuid;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{IdbKeyRange, IdbObjectStore};

use self::database::{ATTEMPT_KEYS, Database, result};
use self::keys::{KEPT, Kept, Keys};
use self::noted::Noted;
#[cfg(feature = "demonstration")]
use self::shown::Kind;
#[cfg(feature = "demonstration")]
pub use self::shown::{StoredContent, StoredEntry};
use self::used::Used;
use super::clock;
#[cfg(feature = "demonstration")]
use super::names;
use super::told::Told;

/// The entries of the database's state.
const CURRENT: &str = "current";
const LEAVING: &str = "leaving";
const KNOWN_BROWSERS: &str = "known_browsers";
const ORDER: &str = "order";
const BIRTH: &str = "birth";

/// How long the page waits for the database. The database may hang, for instance if the browser
/// shuts down or if an upgrade is blocked. A renewal must not hang with the database.
const PATIENCE_MS: u32 = 4000;

/// The wait is divided into this many short waits.
const PARTS: u32 = 8;

/// After this many failures in a row, the page uses local storage, if local storage works. See
/// `Vault::count` for the other cases.
const MOST_FAILURES: u32 = 3;

/// The storage of this browser.
pub(super) struct Vault {
    /// Which place is authoritative.
    place: Cell<Place>,
    database: Database,
    /// How often in a row the database has failed.
    failures: Cell<u32>,
    memory: RefCell<Contents>,
    /// The attempt keys that this page has used. The page keeps them even if storage fails.
    keys: RefCell<Keys>,
    /// The sign-outs that are noted outside of the database.
    noted: Noted,
    /// What this page knows of the places that it has used.
    used: Used,
}

impl Vault {
    /// The database if there is one, or else local storage, or else memory.
    pub(super) fn new() -> Self {
        let place = if Database::exists() {
            Place::Database
        } else if local::is_usable() {
            Place::Local
        } else {
            Place::Memory
        };
        Self {
            place: Cell::new(place),
            database: Database::default(),
            failures: Cell::new(0),
            memory: RefCell::new(Contents {
                place: Place::Memory,
                ..Contents::default()
            }),
            keys: RefCell::default(),
            noted: Noted::default(),
            used: Used::default(),
        }
    }

    /// Closes the connection to the database. Call this when the page ends, or goes into the
    /// browser's cache of pages.
    pub(super) fn rest(&self) {
        self.database.rest();
    }

    /// Sets what to do when the browser has perhaps deleted the database, or has closed it.
    pub(super) fn when_lost(&self, tell: impl Fn() + 'static) {
        self.database.when_lost(tell);
    }

    /// The page ends. Returns the tokens of the sessions that only this page knows.
    pub(super) fn close(&self) -> Vec<Secret> {
        let unstored = self.noted.unstored();
        if !self.is_memory() {
            return unstored;
        }
        let memory = self.memory.borrow();
        let mut lost = memory.leaving.clone();
        if let Some(record) = memory.stored.record() {
            lost.push(record.refresh_token.clone());
            forget_note_of(record.session_id);
        }
        noted::joined(lost, &unstored)
    }

    /// Whether only this tab has the session.
    pub(super) fn is_memory(&self) -> bool {
        self.place.get() == Place::Memory
    }

    /// The state, as far as the page can know it without waiting.
    pub(super) fn copy(&self) -> Option<Stored> {
        if self.is_memory() {
            return Some(self.memory.borrow().stored.clone());
        }
        match local::copy() {
            Some(Reading::Stored(stored)) => Some(stored),
            // Local storage is the only place here. If it has no entry, no person is signed in. For
            // instance, the person has deleted the data of the site.
            None if self.place.get() == Place::Local => Some(Stored::default()),
            Some(Reading::Later | Reading::Unreadable) | None => None,
        }
    }

    /// Tells the other tabs that the tab with this mark will replace the session of this account,
    /// or is still replacing that session.
    pub(super) fn note_replaced(&self, account_id: Uuid, mark: u32) {
        // If the session is only in memory, no other tab has it.
        if !self.is_memory() {
            replaced::write(account_id, mark, clock::now());
        }
    }

    /// Whether another tab than the one with this mark will replace the session of this account.
    pub(super) fn will_be_replaced(&self, account_id: Uuid, own_mark: Option<u32>) -> bool {
        // If the session is only in the memory of this page, no other tab can replace it.
        !self.is_memory() && replaced::is_noted(account_id, own_mark, clock::now())
    }

    /// Notes that the tab with this mark replaces no session any more.
    pub(super) fn forget_replaced(&self, mark: u32) {
        replaced::remove(mark);
    }

    /// Stores the message that the page shows after a reload, or removes it.
    pub(super) fn keep_told(&self, told: Option<Told>) {
        local::keep_told(told);
    }

    /// Takes the message that the page has stored before the reload.
    pub(super) fn take_told(&self) -> Option<Told> {
        local::take_told()
    }

    /// Writes a sign-out or an ending to local storage at once, because the page may be closed
    /// before the database has it. `held` is the state that this tab knows. The function uses it if
    /// local storage has no copy, for instance because local storage was too full.
    pub(super) fn note_at_once(&self, change: &Change, held: &Stored) {
        let is_ending = matches!(
            change,
            Change::SignOut { .. } | Change::End { .. } | Change::EndLink { .. }
        );
        if self.place.get() != Place::Database || !is_ending {
            return;
        }
        let stored = match local::copy() {
            Some(Reading::Stored(copy)) => copy,
            None => held.clone(),
            Some(Reading::Later | Reading::Unreadable) => return,
        };
        let mut copy = Contents {
            stored,
            ..Contents::default()
        };
        if copy.apply(change) {
            // The token is noted as well: if the database fails, no other place has the token.
            self.noted.add(&copy.leaving);
            let _ = local::write_copy(&copy.stored);
            // The note of a sign-out is shorter than a record, so there may be room now.
            self.noted.store();
        }
    }

    /// Reads storage, makes a change if there is one, and updates every place that is behind.
    /// `held` is the state that this tab knows. There is always an outcome: if a place fails, the
    /// next place is used.
    pub(super) async fn change(self: &Rc<Self>, change: Option<Change>, held: Stored) -> Outcome {
        let mut outcome = self.change_somewhere(change, held).await;
        outcome.has_left |= self.noted.take_news();
        outcome
    }

    async fn change_somewhere(self: &Rc<Self>, change: Option<Change>, held: Stored) -> Outcome {
        loop {
            match self.place.get() {
                Place::Database => {
                    let vault = self.clone();
                    let (asked, known) = (change.clone(), held.clone());
                    let done = with_patience(async move {
                        vault.change_in_database(asked.as_ref(), &known).await
                    });
                    if let Some(outcome) = self.count(done.await) {
                        // The copy is not necessary, so an error of a full local storage is
                        // ignored.
                        if outcome.news != Some(StorageNews::LaterVersion) {
                            let _ = local::write_copy(&outcome.stored);
                            Keys::forget_all_but(session_of(&outcome.stored));
                        }
                        return outcome;
                    }
                    if self.place.get() == Place::Database && self.has_given_up() {
                        return self.change_without_storage(change.as_ref(), &held);
                    }
                }
                Place::Local => return self.change_in_local_storage(change.as_ref(), &held),
                Place::Memory => {
                    let mut memory = self.memory.borrow_mut();
                    let before = memory.clone();
                    memory.apply(&Change::CatchUp(held));
                    if let Some(Change::Left(token)) = &change {
                        self.noted.remove(slice::from_ref(token));
                    }
                    let applied = change.is_some_and(|change| memory.apply(&change));
                    return Outcome {
                        has_left: has_left(&before, &memory),
                        ..outcome(&memory, applied)
                    };
                }
            }
        }
    }

    /// If the record of this link is still the current one, returns it with the only attempt key of
    /// the link. Both are stored first. If nothing can be stored, both are in memory.
    pub(super) async fn prepare(self: &Rc<Self>, of: Link, held: Stored) -> Prepared {
        let known = self.keys.borrow().get(of);
        let Some(fresh) = known.or_else(clock::fresh_attempt_key) else {
            return Prepared::Later;
        };
        let prepared = match self.place.get() {
            Place::Database => {
                let fresh = Keys::copies().get(of).unwrap_or(fresh);
                let vault = self.clone();
                let done =
                    with_patience(
                        async move { vault.prepare_in_database(of, &fresh, &held).await },
                    );
                self.count(done.await).unwrap_or(Prepared::Later)
            }
            Place::Local => self.prepare_in_local_storage(of, &fresh, &held),
            Place::Memory => {
                let mut memory = self.memory.borrow_mut();
                memory.apply(&Change::CatchUp(held));
                match memory.stored.record().filter(|record| record.link() == of) {
                    Some(record) => match self.keys.borrow_mut().get_or_add(of, &fresh) {
                        Kept::Key(key) => Prepared::Send(record.clone(), key),
                        Kept::Behind => Prepared::Behind,
                        Kept::NotStorable => Prepared::Later,
                    },
                    None => Prepared::Moved(outcome(&memory, false)),
                }
            }
        };
        if let Prepared::Send(_, key) = &prepared {
            self.keys.borrow_mut().put(of, key);
            if self.place.get() == Place::Database {
                // The copy of the key is only needed if the database breaks later. So an error here
                // is ignored.
                let mut copies = Keys::copies();
                copies.put(of, key);
                let _ = copies.write();
            }
        }
        prepared
    }

    /// The tokens whose sessions the server still has to end. `None` if the database did not
    /// answer. This is not the same as an empty list.
    pub(super) async fn leaving(self: &Rc<Self>) -> Option<Vec<Secret>> {
        match self.place.get() {
            Place::Database => {
                let leaving: Vec<Secret> = match self.read_list(LEAVING).await {
                    Some(leaving) => leaving,
                    // The database has failed too often. Its list is read when the database works
                    // again.
                    None if self.has_given_up() => Vec::new(),
                    None => return None,
                };
                // If storage belongs to a later version, the noted tokens are not moved to the
                // database. So both lists are used.
                Some(noted::joined(leaving, &self.noted.all()))
            }
            Place::Local => Some(self.noted.all()),
            Place::Memory => {
                let leaving = self.memory.borrow().leaving.clone();
                Some(noted::joined(leaving, &self.noted.all()))
            }
        }
    }

    /// The tokens of known browsers, as one header.
    pub(super) async fn known_browsers(self: &Rc<Self>) -> Option<Secret> {
        let known: Vec<KnownBrowser> = match self.place.get() {
            Place::Database => self.read_list(KNOWN_BROWSERS).await.unwrap_or_default(),
            Place::Local => local::known_browsers(),
            Place::Memory => self.memory.borrow().known_browsers.clone(),
        };
        let tokens: Vec<_> = known.iter().map(|known| known.token.expose()).collect();
        (!tokens.is_empty()).then(|| Secret::from(tokens.join(",")))
    }

    /// A list of the database, or `None` if the database failed.
    async fn read_list<T: DeserializeOwned>(self: &Rc<Self>, key: &'static str) -> Option<Vec<T>> {
        let vault = self.clone();
        let read = with_patience(async move {
            let transaction = vault.database.begin().await?;
            transaction.get(key).await
        });
        let text = self.count(read.await)?;
        Some(read_json(text.as_deref()))
    }

    /// Counts the database's failures. After three in a row the page uses local storage. If local
    /// storage does not work either, and the page has used the database before, the page tries the
    /// database again, because other pages still have the session there.
    fn count<T>(&self, done: Option<T>) -> Option<T> {
        if done.is_some() {
            self.failures.set(0);
            return done;
        }
        self.failures.set(self.failures.get() + 1);
        if self.has_given_up() && self.place.get() == Place::Database {
            if local::is_usable() {
                self.place.set(Place::Local);
            } else if !self.used.has_database() {
                self.place.set(Place::Memory);
            }
        }
        None
    }

    /// Whether the database has failed too often in a row to wait for it.
    fn has_given_up(&self) -> bool {
        self.failures.get() >= MOST_FAILURES
    }

    async fn change_in_database(
        &self,
        change: Option<&Change>,
        held: &Stored,
    ) -> Result<Outcome, JsValue> {
        let transaction = self.database.begin().await?;
        let current = transaction.get(CURRENT).await?;
        let leaving = transaction.get(LEAVING).await?;
        let known_browsers = transaction.get(KNOWN_BROWSERS).await?;
        let order = transaction.get(ORDER).await?;
        let birth = transaction.get(BIRTH).await?;
        let (stored, is_empty) = match current.as_deref().map(Stored::read) {
            Some(Reading::Stored(stored)) => (stored, false),
            Some(Reading::Later) => return Ok(beside_later_version(&self.noted, change, held)),
            Some(Reading::Unreadable) | None => (Stored::default(), true),
        };
        let mut contents = Contents {
            stored,
            leaving: read_json(leaving.as_deref()),
            known_browsers: read_json(known_browsers.as_deref()),
            order: read_json(order.as_deref()),
            place: Place::Database,
        };
        let before = contents.clone();
        let copy = local::copy();
        if copy == Some(Reading::Later) {
            return Ok(beside_later_version(&self.noted, change, held));
        }
        let is_remnant = is_empty && self.used.is_remnant(copy.as_ref(), birth.as_deref(), held);
        let is_empty = is_empty && (copy.is_none() || is_remnant);
        if let Some(Reading::Stored(copy)) = copy {
            match copy.record().filter(|_| is_remnant) {
                Some(record) => contents.apply(&Change::EndOnServer(record.refresh_token.clone())),
                None => contents.apply(&Change::CatchUp(copy.in_life_of(&before.stored))),
            };
        }
        // If the browser's data were deleted, the record of an open page is not written again, and
        // the session of that record has to end.
        if !is_empty {
            contents.apply(&Change::CatchUp(held.clone()));
        } else if let Some(record) = held.record() {
            contents.apply(&Change::EndOnServer(record.refresh_token.clone()));
        }
        // These are the sign-outs in local storage and in the memory of this page. They come from a
        // tab without the database, from a tab that noted a sign-out before the database had it, or
        // from version 1.
        let noted_elsewhere = self.noted.all();
        for token in &noted_elsewhere {
            contents.apply(&Change::EndOnServer(token.clone()));
        }
        let applied = change.is_some_and(|change| contents.apply(change));
        if contents.needs_life() {
            contents.begin_life(clock::fresh_life());
        }

        let birth = match birth {
            Some(birth) => birth,
            None => {
                let birth = clock::fresh_life().to_string();
                transaction.put(BIRTH, &birth)?;
                birth
            }
        };
        if contents.stored != before.stored {
            transaction.put(CURRENT, &contents.stored.to_json())?;
            if let Some(session_id) = session_of(&before.stored)
                && session_of(&contents.stored) != Some(session_id)
            {
                let store = transaction.store(ATTEMPT_KEYS)?;
                store.delete(&links_of(session_id, u32::MAX)?)?;
            }
        }
        if contents.leaving != before.leaving {
            transaction.put(LEAVING, &to_json(&contents.leaving))?;
        }
        if contents.known_browsers != before.known_browsers {
            transaction.put(KNOWN_BROWSERS, &to_json(&contents.known_browsers))?;
        }
        if contents.order != before.order {
            transaction.put(ORDER, &to_json(&contents.order))?;
        }
        transaction.finish().await?;
        self.used.note_database(birth);
        if is_remnant {
            local::remove_copy();
        }
        // If this page does not use the database any more, it will not read the database's list.
        // Then the noted tokens stay.
        if self.place.get() == Place::Database {
            self.noted.remove(&noted_elsewhere);
        }
        forget_browsers_elsewhere(&contents);
        let is_gone = is_empty && held.record().is_some();
        Ok(Outcome {
            news: is_gone.then_some(StorageNews::Gone),
            has_left: has_left(&before, &contents),
            ..outcome(&contents, applied)
        })
    }

    async fn prepare_in_database(
        &self,
        of: Link,
        fresh: &AttemptKey,
        held: &Stored,
    ) -> Result<Prepared, JsValue> {
        let transaction = self.database.begin().await?;
        let current = transaction.get(CURRENT).await?;
        let stored = match current.as_deref().map(Stored::read) {
            Some(Reading::Stored(stored)) => stored,
            Some(Reading::Later) => return Ok(Prepared::Outdated),
            Some(Reading::Unreadable) | None => Stored::default(),
        };
        if local::copy() == Some(Reading::Later) {
            return Ok(Prepared::Outdated);
        }
        let Some(record) = stored.record().filter(|record| record.link() == of) else {
            transaction.finish().await?;
            // A read updates every place that is behind.
            let outcome = self.change_in_database(None, held).await?;
            return Ok(Prepared::Moved(outcome));
        };
        let kept = get_or_add(&transaction.store(ATTEMPT_KEYS)?, of, fresh).await?;
        transaction.finish().await?;
        Ok(match kept {
            Kept::Key(key) => Prepared::Send(record.clone(), key),
            Kept::Behind => Prepared::Behind,
            Kept::NotStorable => Prepared::Later,
        })
    }

    fn change_in_local_storage(&self, change: Option<&Change>, held: &Stored) -> Outcome {
        let stored = match local::copy() {
            Some(Reading::Stored(stored)) => stored,
            Some(Reading::Later) => return beside_later_version(&self.noted, change, held),
            Some(Reading::Unreadable) | None => Stored::default(),
        };
        let mut contents = Contents {
            stored,
            leaving: self.noted.all(),
            known_browsers: local::known_browsers(),
            order: local::order(),
            place: Place::Local,
        };
        let before = contents.clone();
        let is_gone = self.used.is_deleted(&contents.stored);
        match held.record().filter(|_| is_gone) {
            Some(record) => contents.apply(&Change::EndOnServer(record.refresh_token.clone())),
            None => contents.apply(&Change::CatchUp(held.clone())),
        };
        let is_blind = Database::exists() && !self.used.has_database();
        let applied = change.is_some_and(|change| {
            if is_blind {
                contents.apply_blind(change)
            } else {
                contents.apply(change)
            }
        });
        if contents.needs_life() {
            let life = clock::fresh_life();
            contents.begin_life(if is_blind { begun_blind(life) } else { life });
        }
        let told = Outcome {
            news: (is_gone && held.record().is_some()).then_some(StorageNews::Gone),
            has_left: has_left(&before, &contents),
            ..outcome(&contents, applied)
        };
        let is_kept =
            contents.stored == before.stored || local::write_copy(&contents.stored).is_ok();
        if !is_kept && self.used.has_database() {
            self.place.set(Place::Database);
            return self.change_without_storage(change, held);
        }
        // The tokens are written after the copy: in a full storage, the short copy of a sign-out
        // makes room for the token.
        if contents.leaving != before.leaving {
            self.noted.write(&contents.leaving);
        }
        if contents.known_browsers != before.known_browsers {
            local::write_known_browsers(&contents.known_browsers);
        }
        if contents.order != before.order {
            local::write_order(contents.order);
        }
        if is_kept {
            self.used.note_local_storage(&contents.stored);
            Keys::forget_all_but(session_of(&told.stored));
        } else {
            self.go_memory(contents);
        }
        told
    }

    fn prepare_in_local_storage(&self, of: Link, fresh: &AttemptKey, held: &Stored) -> Prepared {
        let outcome = self.change_in_local_storage(None, held);
        if outcome.news == Some(StorageNews::LaterVersion) {
            return Prepared::Outdated;
        }
        if self.place.get() == Place::Database {
            return Prepared::Later;
        }
        let Some(record) = outcome.stored.record().filter(|held| held.link() == of) else {
            return Prepared::Moved(outcome);
        };
        let mut keys = Keys::copies();
        let kept = keys.get_or_add(of, fresh);
        if keys.write().is_err() {
            if self.used.has_database() {
                self.place.set(Place::Database);
                return Prepared::Later;
            }
            // If no place stores the attempt key, storage must not keep the token either. After a
            // crash the browser would send the token with another key, and the server would believe
            // that the token was stolen.
            self.go_memory(Contents {
                stored: outcome.stored.clone(),
                leaving: self.noted.all(),
                known_browsers: local::known_browsers(),
                order: local::order(),
                // The memory of this tab continues the order of local storage.
                place: Place::Local,
            });
            return Prepared::Later;
        }
        match kept {
            Kept::Key(key) => Prepared::Send(record.clone(), key),
            Kept::Behind => Prepared::Behind,
            Kept::NotStorable => Prepared::Later,
        }
    }

    /// Neither the database nor local storage can store a state at this moment, but other pages go
    /// on with the stored session. This page makes the change only for itself, and storage catches
    /// up when it works again. Other pages do not know a new session, so this page keeps it in its
    /// memory.
    fn change_without_storage(&self, change: Option<&Change>, held: &Stored) -> Outcome {
        if let Some(Change::Left(token)) = change {
            self.noted.remove(slice::from_ref(token));
        }
        let mut memory = self.memory.borrow_mut();
        memory.stored = held.clone();
        let before = memory.clone();
        let applied = match change {
            // A renewal is not lost: the same attempt key gets the same answer again.
            None | Some(Change::Renew { .. }) => false,
            Some(change) => memory.apply(change),
        };
        let outcome = Outcome {
            has_left: has_left(&before, &memory),
            ..outcome(&memory, applied)
        };
        let session_id = session_of(&memory.stored);
        if session_id.is_some() && session_id != session_of(held) {
            self.place.set(Place::Memory);
        } else {
            self.noted.add(&mem::take(&mut memory.leaving));
        }
        outcome
    }

    /// From now on only this tab has the session. The record in local storage is replaced by a note
    /// that tells this to the other tabs, because the token of that record will be spent after the
    /// next renewal.
    fn go_memory(&self, contents: Contents) {
        if let Some(session_id) = session_of(&contents.stored) {
            let mut note = Contents {
                stored: contents.stored.clone(),
                ..Contents::default()
            };
            let why = renewal::Ending::KeptInAnotherTab;
            note.apply(&Change::End { session_id, why });
            let _ = local::write_copy(&note.stored);
        }
        *self.memory.borrow_mut() = contents;
        self.place.set(Place::Memory);
    }
}

/// For a page that shows the storage of this browser.
#[cfg(feature = "demonstration")]
impl Vault {
    /// Whether the database has the session, and not only local storage or the memory of this tab.
    pub(super) fn is_database(&self) -> bool {
        self.place.get() == Place::Database
    }

    /// The entries of this session. If only the memory of this tab has the session, there is none. An
    /// entry that cannot be read is left out.
    pub(super) async fn entries_of(self: &Rc<Self>, session_id: Uuid) -> Vec<StoredEntry> {
        if self.is_memory() {
            return Vec::new();
        }
        let in_local = [
            (names::RECORD, Kind::State),
            (names::ATTEMPTS, Kind::Keys),
            (names::LEAVING, Kind::List),
            (names::KNOWN_BROWSERS, Kind::List),
        ];
        let in_local = in_local.into_iter().filter_map(|(name, kind)| {
            let name = name.full();
            let content = kind.content(&local::get(&name)?, session_id)?;
            Some(entry(false, name, content))
        });
        let mut entries: Vec<_> = in_local.collect();
        if self.place.get() == Place::Database {
            let vault = self.clone();
            let read = with_patience(async move { vault.entries_of_database(session_id).await });
            entries.extend(read.await.unwrap_or_default());
        }
        entries
    }

    async fn entries_of_database(&self, session_id: Uuid) -> Result<Vec<StoredEntry>, JsValue> {
        let transaction = self.database.begin_to_read().await?;
        let mut entries = Vec::new();
        for (name, kind) in [
            (CURRENT, Kind::State),
            (LEAVING, Kind::List),
            (KNOWN_BROWSERS, Kind::List),
        ] {
            let text = transaction.get(name).await?;
            let content = text.and_then(|text| kind.content(&text, session_id));
            entries.extend(content.map(|content| entry(true, format!("state: {name}"), content)));
        }
        let store = transaction.store(ATTEMPT_KEYS)?;
        let links = links_of(session_id, u32::MAX)?;
        let names = Array::from(&result(&store.get_all_keys_with_key(&links)?).await?);
        let keys = Array::from(&result(&store.get_all_with_key(&links)?).await?);
        let keys = names.iter().zip(keys.iter()).filter_map(|(name, key)| {
            let name = format!("attempt_keys: {}", generation_of(&name)?);
            let key = StoredContent::Text(key.as_string()?.into());
            Some(entry(true, name, key))
        });
        entries.extend(keys);
        Ok(entries)
    }
}

#[cfg(feature = "demonstration")]
fn entry(in_database: bool, name: String, content: StoredContent) -> StoredEntry {
    StoredEntry {
        in_database,
        name,
        content,
    }
}

fn outcome(contents: &Contents, applied: bool) -> Outcome {
    Outcome {
        stored: contents.stored.clone(),
        applied,
        is_leaving: !contents.leaving.is_empty(),
        has_left: false,
        asked: contents.asked(),
        is_awaiting: contents.is_awaiting(),
        news: None,
    }
}

/// Whether `after` has a token to send that `before` did not have.
fn has_left(before: &Contents, after: &Contents) -> bool {
    let is_new = |token| !before.leaving.contains(token);
    after.leaving.iter().any(is_new)
}

/// A tab without the database may have written tokens of known browsers to local storage. Tokens
/// that must not stay are removed there as well.
fn forget_browsers_elsewhere(contents: &Contents) {
    let known = local::known_browsers();
    if known.is_empty() {
        return;
    }
    let mut elsewhere = Contents {
        stored: contents.stored.clone(),
        known_browsers: known.clone(),
        ..Contents::default()
    };
    elsewhere.forget_browsers();
    if elsewhere.known_browsers != known {
        local::write_known_browsers(&elsewhere.known_browsers);
    }
}

/// Storage belongs to a later version and is not changed. This page makes the change only for
/// itself. If the change ends a session, or brings one that cannot be stored, the token of that
/// session is noted outside of the database, and the logout is still sent.
fn beside_later_version(noted: &Noted, change: Option<&Change>, held: &Stored) -> Outcome {
    let mut contents = Contents {
        stored: held.clone(),
        leaving: noted.all(),
        ..Contents::default()
    };
    let before = contents.clone();
    let applied = match change {
        // The later version repeats the refresh with the same attempt key.
        None | Some(Change::Renew { .. } | Change::CatchUp(_)) => false,
        Some(Change::SignIn { record, .. } | Change::ChangePassword { record, .. }) => {
            contents.apply(&Change::EndOnServer(record.refresh_token.clone()));
            false
        }
        Some(change) => contents.apply(change),
    };
    if contents.leaving != before.leaving {
        noted.write(&contents.leaving);
    }
    Outcome {
        news: Some(StorageNews::LaterVersion),
        has_left: has_left(&before, &contents),
        ..outcome(&contents, applied)
    }
}

/// Local storage may have a note that this session goes on in another tab. This function marks the
/// note as read. This page is that other tab, and it ends now, so the next page need not show the
/// note.
fn forget_note_of(session_id: Uuid) {
    let Some(Reading::Stored(stored)) = local::copy() else {
        return;
    };
    if let Stored::SignedOut(tombstone) = &stored
        && let Some(ended) = tombstone.ended
        && (ended.session_id, ended.why) == (session_id, renewal::Ending::KeptInAnotherTab)
    {
        let mut note = Contents {
            stored,
            ..Contents::default()
        };
        note.apply(&Change::EndingRead);
        let _ = local::write_copy(&note.stored);
    }
}

fn session_of(stored: &Stored) -> Option<Uuid> {
    stored.record().map(|record| record.session_id)
}

fn read_json<T: DeserializeOwned + Default>(text: Option<&str>) -> T {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

fn to_json(entry: &impl serde::Serialize) -> String {
    // A value with plain members, or a list of such values, always becomes JSON without an error.
    serde_json::to_string(entry).unwrap_or_default()
}

/// Waits for the database, but not for ever. After the time-out, the work goes on in the
/// background. It is not dropped, because that would abort a database that is just being made.
/// `None` means that the work failed, or is not done yet.
///
/// When a frozen page wakes up, both its timer and the answer of the database are there. With one
/// long timer, the timer could come first. Then the change would be made a second time, perhaps
/// after a later sign-in. So the time is divided into short parts, and a frozen page loses only one
/// of them.
async fn with_patience<T: 'static>(
    work: impl Future<Output = Result<T, JsValue>> + 'static,
) -> Option<T> {
    let (tell, told) = oneshot::channel();
    spawn_local(async move {
        let _ = tell.send(work.await.ok());
    });
    let mut told = told;
    for _ in 0..PARTS {
        match select(told, TimeoutFuture::new(PATIENCE_MS / PARTS)).await {
            Either::Left((done, _)) => return done.ok().flatten(),
            Either::Right(((), still_waiting)) => told = still_waiting,
        }
    }
    None
}

/// Reads or adds the key of a link, in one transaction.
async fn get_or_add(
    store: &IdbObjectStore,
    link: Link,
    fresh: &AttemptKey,
) -> Result<Kept, JsValue> {
    let at = key_of(link);
    let known = result(&store.get(&at)?).await?.as_string();
    let all = store.get_all_keys_with_key(&links_of(link.session_id, u32::MAX)?)?;
    let highest = generation_of(&Array::from(&result(&all).await?).pop());
    let decision = attempt(link.generation, known.is_some(), highest);
    Ok(match (decision, known) {
        (Attempt::Use, Some(key)) => keys::read(&key),
        (Attempt::Make, _) => {
            store.put_with_key(&fresh.expose().into(), &at)?;
            if let Some(oldest) = link.generation.checked_sub(KEPT) {
                store.delete(&links_of(link.session_id, oldest)?)?;
            }
            Kept::Key(fresh.clone())
        }
        _ => Kept::Behind,
    })
}

/// The entry for the key of a link.
fn key_of(link: Link) -> JsValue {
    Array::of2(&link.session_id.to_string().into(), &link.generation.into()).into()
}

/// The link number in the name of such an entry; `None` for any other name.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a link number, as it was put in"
)]
fn generation_of(key: &JsValue) -> Option<u32> {
    let generation = key.dyn_ref::<Array>()?.get(1).as_f64()?;
    Some(generation as u32)
}

/// The entries for the keys of a session's links, up to this link number.
fn links_of(session_id: Uuid, last: u32) -> Result<JsValue, JsValue> {
    let at = |generation| {
        key_of(Link {
            session_id,
            generation,
        })
    };
    IdbKeyRange::bound(&at(0), &at(last)).map(JsValue::from)
}
