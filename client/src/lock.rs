//! A lock across the tabs of this browser, for as long as a renewal takes.
//!
//! It is only an optimisation: because of the attempt key, two tabs that renew at once already get
//! the same answer. So a tab does not wait long for the lock and never takes it from another tab,
//! and a browser without locks loses nothing.
//!
//! web-sys keeps Web Locks behind an unstable flag; these few lines avoid it.

use futures::channel::oneshot;
use futures::future::{Either, select};
use js_sys::{Function, Object, Promise, Reflect};
use leptos::prelude::window;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use super::clock;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(extends = Object, js_name = LockManager)]
    type LockManager;
    #[wasm_bindgen(method, catch)]
    fn request(
        this: &LockManager,
        name: &str,
        options: &Object,
        callback: &Function,
    ) -> Result<Promise, JsValue>;
}

/// The lock, until it is dropped. The browser releases it if the tab dies.
pub(super) struct Lock {
    release: Function,
}

impl Drop for Lock {
    fn drop(&mut self) {
        let _ = self.release.call0(&JsValue::UNDEFINED);
    }
}

/// Waits for the lock, but not longer than `wait_ms`. `None` means: go on without.
pub(super) async fn acquire(name: &str, wait_ms: u32) -> Option<Lock> {
    // This is undefined outside of secure contexts, for instance with plain HTTP on a LAN.
    let locks = Reflect::get(&window().navigator(), &"locks".into()).ok()?;
    if locks.is_undefined() {
        return None;
    }
    let locks: LockManager = locks.unchecked_into();
    let options = Object::new();
    // Without the signal this might wait for ever.
    let timeout = clock::signal_after(wait_ms)?;
    Reflect::set(&options, &"signal".into(), &timeout).ok()?;

    let (granted, is_granted) = oneshot::channel();
    let callback = Closure::once_into_js(move || {
        let mut granted = Some(granted);
        // The lock is held until this promise is settled.
        Promise::new(&mut |release, _| {
            if let Some(granted) = granted.take()
                && let Err(release) = granted.send(release)
            {
                let _ = release.call0(&JsValue::UNDEFINED);
            }
        })
    });
    let request = locks
        .request(name, &options, callback.unchecked_ref())
        .ok()?;
    match select(is_granted, JsFuture::from(request)).await {
        Either::Left((Ok(release), _)) => Some(Lock { release }),
        _ => None,
    }
}
