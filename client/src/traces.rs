//! Whether this browser has stored anything for this app.

use std::cell::Cell;
use std::pin::pin;

use futures::future::{Either, select};
use gloo_timers::future::TimeoutFuture;
use js_sys::{Array, Function, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::Storage;

use super::names;

/// How long the list of databases may take. A browser that shuts down may never answer.
const PATIENCE_MS: u32 = 1000;

thread_local! {
    /// Whether there were none when the page was loaded.
    static WERE_NONE: Cell<bool> = const { Cell::new(false) };
}

/// Notes that the browser had stored nothing when the page was loaded. So the page shows that nobody is
/// signed in.
pub(super) fn note_none() {
    WERE_NONE.set(true);
}

/// Whether that was noted.
pub(super) fn were_none() -> bool {
    WERE_NONE.get()
}

/// Whether the browser has stored anything. It is `true` also if the browser does not say so: then the
/// engine finds out, and tells the person what this browser does not let Holdfast do.
pub(super) async fn are_there() -> bool {
    let window = window();
    let storages = [window.local_storage(), window.session_storage()];
    for storage in storages {
        match storage {
            Ok(Some(storage)) if !has_entry(&storage).unwrap_or(true) => {}
            _ => return true,
        }
    }
    let database = pin!(has_database());
    match select(database, TimeoutFuture::new(PATIENCE_MS)).await {
        Either::Left((found, _)) => found.unwrap_or(true),
        Either::Right(_) => true,
    }
}

fn has_entry(storage: &Storage) -> Result<bool, JsValue> {
    for index in 0..storage.length()? {
        // Another tab may have removed the last entry meanwhile.
        if storage
            .key(index)?
            .is_some_and(|name| names::is_entry(&name))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

async fn has_database() -> Result<bool, JsValue> {
    let factory = window().indexed_db()?.ok_or(JsValue::NULL)?;
    // Firefox has this function since 126.
    let list: Function = Reflect::get(&factory, &"databases".into())?.dyn_into()?;
    let list: Promise = list.call0(&factory)?.dyn_into()?;
    let databases: Array = JsFuture::from(list).await?.dyn_into()?;
    let own = names::DATABASE.full();
    for database in databases.iter() {
        let name = Reflect::get(&database, &"name".into())?.as_string();
        let is_own = |name: &str| name == own || names::database_of_version_1() == Some(name);
        if name.as_deref().is_some_and(is_own) {
            return Ok(true);
        }
    }
    Ok(false)
}
