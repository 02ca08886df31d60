//! Attempt keys: made and stored before a refresh is sent, one for each link.
//!
//! They live in IndexedDB and not beside the record, because local storage is
//! neither shared at once nor durable. Measured in Chromium: two tabs that acted at
//! the same instant wrote different keys to local storage in 237 of 300 rounds, and
//! a killed browser lost up to 45 seconds of writes. One strict transaction that
//! gets or adds did neither, and takes 2.5 ms.
//!
//! Where IndexedDB is denied, local storage is better than nothing; where that is
//! denied, the whole session is in memory and so are its keys.
//!
//! IndexedDB may also break, or be mended, between two visits of one browser. So that
//! neither makes a second key for a link, each key is copied to local storage before
//! it is used, and one that is found there is moved into IndexedDB.

use std::cell::{Cell, RefCell};

use futures::channel::oneshot;
use futures::future::{Either, select};
use gloo_storage::{LocalStorage, Storage as _};
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::renewal::{self, Attempt, Link};
use holdfast_protocol::secret::Secret;
use js_sys::{Array, Object, Promise, Reflect};
use leptos::prelude::window;
use leptos::task::spawn_local;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{IdbDatabase, IdbKeyRange, IdbObjectStore, IdbRequest, IdbTransaction};

use super::clock;

const DATABASE: &str = "holdfast";
const STORE: &str = "attempt_keys";

/// Where the keys are copied to, and where they are kept without IndexedDB.
const COPIES: &str = "holdfast.attempts";

/// How many keys of a session are kept. The server remembers as many, so an older
/// one explains nothing to it any more.
const KEPT: u32 = 16;

/// IndexedDB may hang (a browser shutting down, a blocked upgrade). A renewal must
/// not hang with it.
const PATIENCE_MS: u32 = 4000;

#[wasm_bindgen]
extern "C" {
    /// web-sys keeps a transaction's options behind an unstable flag.
    #[wasm_bindgen(extends = IdbDatabase, js_name = IDBDatabase)]
    type Database;
    #[wasm_bindgen(method, catch)]
    fn transaction(
        this: &Database,
        store: &str,
        mode: &str,
        options: &Object,
    ) -> Result<IdbTransaction, JsValue>;
}

/// What became of the question for a key.
pub(super) enum Kept {
    /// It is stored: the refresh may be sent.
    Key(AttemptKey),
    /// See [`Attempt::Behind`].
    Behind,
    /// Not now. Try again later; another key must not be made meanwhile.
    Later,
    /// Nothing in this browser stores it.
    NotStorable,
}

/// Gets or makes attempt keys.
#[derive(Default)]
pub(super) struct Attempts {
    /// IndexedDB has worked in this page. From then on its troubles are passing
    /// ones, and a second key from elsewhere would look like another attempt.
    has_worked: Cell<bool>,
    memory: RefCell<Keys>,
}

impl Attempts {
    /// The one key of this link.
    pub(super) async fn key_for(&self, link: Link, in_memory: bool) -> Kept {
        let Some(fresh) = clock::fresh_attempt_key() else {
            return Kept::NotStorable;
        };
        if in_memory {
            return self.memory.borrow_mut().get_or_add(link, &fresh);
        }
        let fresh = copy_of(link).unwrap_or(fresh);
        // Let go of, and not dropped, when patience is over: a database that is being
        // made would be undone, and never be there.
        let (tell, told) = oneshot::channel();
        let offered = fresh.clone();
        spawn_local(async move {
            let _ = tell.send(in_database(link, &offered).await);
        });
        match select(told, TimeoutFuture::new(PATIENCE_MS)).await {
            Either::Left((Ok(Ok(kept)), _)) => {
                self.has_worked.set(true);
                if let Kept::Key(key) = &kept {
                    copy(link, key);
                }
                kept
            }
            Either::Left((Ok(Err(_)), _)) if !self.has_worked.get() => {
                in_local_storage(link, &fresh)
            }
            _ => Kept::Later,
        }
    }

    /// Forgets the keys of a session that is over.
    pub(super) async fn forget(&self, session_id: Uuid, in_memory: bool) {
        *self.memory.borrow_mut() = Keys::default();
        if !in_memory && copies().session_id == session_id {
            LocalStorage::delete(COPIES);
        }
        if let Ok(database) = open().await
            && let Ok((store, done)) = write(&database)
            && let Ok(range) = links_of(session_id, u32::MAX)
        {
            let _ = store.delete(&range);
            let _ = JsFuture::from(done).await;
            database.close();
        }
    }
}

/// The keys of one session, outside of IndexedDB.
#[derive(Default, Serialize, Deserialize)]
struct Keys {
    session_id: Uuid,
    keys: Vec<(u32, Secret)>,
}

impl Keys {
    fn get_or_add(&mut self, link: Link, fresh: &AttemptKey) -> Kept {
        self.begin(link.session_id);
        let known = self.keys.iter().find(|(of, _)| *of == link.generation);
        let highest = self.keys.iter().map(|(of, _)| *of).max();
        match renewal::attempt(link.generation, known.is_some(), highest) {
            Attempt::Behind => Kept::Behind,
            Attempt::Use => known.map_or(Kept::Later, |(_, key)| read(key.expose())),
            Attempt::Make => {
                self.put(link, fresh);
                Kept::Key(fresh.clone())
            }
        }
    }

    fn get(&self, link: Link) -> Option<AttemptKey> {
        let is_its = |(of, _): &&(u32, Secret)| *of == link.generation;
        let (_, key) = self.keys.iter().find(is_its)?;
        let key = AttemptKey::parse(key.expose().as_bytes()).ok()?;
        (self.session_id == link.session_id).then_some(key)
    }

    fn put(&mut self, link: Link, key: &AttemptKey) {
        self.begin(link.session_id);
        self.keys
            .retain(|(of, _)| *of != link.generation && *of + KEPT > link.generation);
        let key = Secret::from(key.expose());
        self.keys.push((link.generation, key));
    }

    /// One session at a time: keys of another one are of no use any more.
    fn begin(&mut self, session_id: Uuid) {
        if self.session_id != session_id {
            self.session_id = session_id;
            self.keys.clear();
        }
    }
}

/// A stored key; one that is none was put there by somebody else.
fn read(stored: &str) -> Kept {
    AttemptKey::parse(stored.as_bytes()).map_or(Kept::NotStorable, Kept::Key)
}

fn copies() -> Keys {
    LocalStorage::get(COPIES).unwrap_or_default()
}

/// The key of a link, if it was used before.
fn copy_of(link: Link) -> Option<AttemptKey> {
    copies().get(link)
}

/// Keeps a key that IndexedDB has. A full storage keeps no copy; that is bad luck
/// only if IndexedDB breaks as well.
fn copy(link: Link, key: &AttemptKey) {
    let mut keys = copies();
    keys.put(link, key);
    let _ = LocalStorage::set(COPIES, &keys);
}

fn in_local_storage(link: Link, fresh: &AttemptKey) -> Kept {
    let mut keys = copies();
    let kept = keys.get_or_add(link, fresh);
    if LocalStorage::set(COPIES, &keys).is_err() {
        return Kept::NotStorable;
    }
    kept
}

async fn in_database(link: Link, fresh: &AttemptKey) -> Result<Kept, JsValue> {
    let database = open().await?;
    let kept = get_or_add(&database, link, fresh).await;
    database.close();
    kept
}

/// Gets or adds within one transaction. Nothing but its own requests is awaited
/// before the last one is made: a transaction ends as soon as it has nothing to do.
async fn get_or_add(database: &Database, link: Link, fresh: &AttemptKey) -> Result<Kept, JsValue> {
    let (store, done) = write(database)?;
    let at = key_of(link);
    let known = store.get(&at)?;
    let all = store.get_all_keys_with_key(&links_of(link.session_id, u32::MAX)?)?;
    let known = result(&known).await?.as_string();
    let highest = generation_of(&Array::from(&result(&all).await?).pop());
    let kept = match (
        renewal::attempt(link.generation, known.is_some(), highest),
        known,
    ) {
        (Attempt::Use, Some(key)) => read(&key),
        (Attempt::Make, _) => {
            store.put_with_key(&fresh.expose().into(), &at)?;
            if let Some(oldest) = link.generation.checked_sub(KEPT) {
                store.delete(&links_of(link.session_id, oldest)?)?;
            }
            Kept::Key(fresh.clone())
        }
        _ => Kept::Behind,
    };
    JsFuture::from(done).await?;
    Ok(kept)
}

/// Where the key of a link stands.
fn key_of(link: Link) -> JsValue {
    Array::of2(&link.session_id.to_string().into(), &link.generation.into()).into()
}

/// The link number in such a key; `None` for anything else.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a link number, as it was put in"
)]
fn generation_of(key: &JsValue) -> Option<u32> {
    let generation = key.dyn_ref::<Array>()?.get(1).as_f64()?;
    Some(generation as u32)
}

/// The links of a session up to a number.
fn links_of(session_id: Uuid, last: u32) -> Result<JsValue, JsValue> {
    let at = |generation| {
        key_of(Link {
            session_id,
            generation,
        })
    };
    IdbKeyRange::bound(&at(0), &at(last)).map(JsValue::from)
}

async fn open() -> Result<Database, JsValue> {
    let factory = window().indexed_db()?.ok_or(JsValue::NULL)?;
    let request = factory.open_with_u32(DATABASE, 1)?;
    let opening = request.clone();
    let upgrade = Closure::once(move || {
        if let Ok(database) = opening.result() {
            let _ = database
                .unchecked_into::<IdbDatabase>()
                .create_object_store(STORE);
        }
    });
    request.set_onupgradeneeded(Some(upgrade.as_ref().unchecked_ref()));
    let database = result(&request).await?;
    Ok(database.unchecked_into())
}

/// A strict transaction: it is complete once the disk has it, not once the
/// browser means to write it.
fn write(database: &Database) -> Result<(IdbObjectStore, Promise), JsValue> {
    let options = Object::new();
    Reflect::set(&options, &"durability".into(), &"strict".into())?;
    let transaction = database.transaction(STORE, "readwrite", &options)?;
    let done = Promise::new(&mut |resolve, reject| {
        transaction.set_oncomplete(Some(&resolve));
        transaction.set_onabort(Some(&reject));
    });
    Ok((transaction.object_store(STORE)?, done))
}

async fn result(request: &IdbRequest) -> Result<JsValue, JsValue> {
    let done = Promise::new(&mut |resolve, reject| {
        request.set_onsuccess(Some(&resolve));
        request.set_onerror(Some(&reject));
    });
    JsFuture::from(done).await?;
    request.result()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: Uuid = Uuid::from_u128(1);
    const OTHER: Uuid = Uuid::from_u128(2);

    fn link(session_id: Uuid, generation: u32) -> Link {
        Link {
            session_id,
            generation,
        }
    }

    fn key(number: u8) -> AttemptKey {
        AttemptKey::from_random([number; 16])
    }

    fn used(kept: Kept) -> Option<AttemptKey> {
        match kept {
            Kept::Key(key) => Some(key),
            Kept::Behind | Kept::Later | Kept::NotStorable => None,
        }
    }

    #[test]
    fn a_link_whose_key_was_copied_gets_no_second_one() {
        let mut keys = Keys::default();
        keys.put(link(SESSION, 3), &key(3));
        let kept = keys.get_or_add(link(SESSION, 3), &key(9));
        assert_eq!(used(kept), Some(key(3)));
        assert_eq!(keys.get(link(SESSION, 3)), Some(key(3)));
    }

    #[test]
    fn a_key_is_that_of_its_own_link_only() {
        let mut keys = Keys::default();
        keys.put(link(SESSION, 3), &key(3));
        assert_eq!(keys.get(link(SESSION, 4)), None);
        assert_eq!(keys.get(link(OTHER, 3)), None);
        let kept = keys.get_or_add(link(OTHER, 3), &key(9));
        assert_eq!(used(kept), Some(key(9)));
        assert_eq!(keys.get(link(SESSION, 3)), None);
    }

    #[test]
    fn copies_are_as_many_as_the_server_remembers() {
        let mut keys = Keys::default();
        for generation in 0..40 {
            keys.put(link(SESSION, generation), &key(1));
            keys.put(link(SESSION, generation), &key(2));
        }
        assert_eq!(keys.keys.len(), 16);
        assert_eq!(keys.get(link(SESSION, 39)), Some(key(2)));
        assert_eq!(keys.get(link(SESSION, 24)), Some(key(2)));
        assert_eq!(keys.get(link(SESSION, 23)), None);
    }
}
