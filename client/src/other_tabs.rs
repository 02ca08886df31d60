//! Messages between the tabs that demonstrate two renewals at once. They are texts without a secret,
//! and a browser only delivers them within one origin.

use js_sys::Reflect;
use wasm_bindgen::closure::Closure;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::BroadcastChannel;

use super::names;

/// The other tabs that take part. Dropping it leaves them.
#[derive(Debug)]
pub struct OtherTabs {
    channel: BroadcastChannel,
    _hear: Closure<dyn Fn(JsValue)>,
}

impl OtherTabs {
    pub(super) fn open(hear: impl Fn(String) + 'static) -> Option<Self> {
        let channel = BroadcastChannel::new(&names::DEMONSTRATION.full()).ok()?;
        let take = Closure::<dyn Fn(JsValue)>::new(move |event: JsValue| {
            let said = Reflect::get(&event, &"data".into());
            if let Some(said) = said.ok().and_then(|said| said.as_string()) {
                hear(said);
            }
        });
        channel.set_onmessage(Some(take.as_ref().unchecked_ref()));
        Some(Self {
            channel,
            _hear: take,
        })
    }

    /// Says this to all of them.
    pub fn tell(&self, text: &str) {
        let _ = self.channel.post_message(&text.into());
    }
}

impl Drop for OtherTabs {
    fn drop(&mut self) {
        self.channel.set_onmessage(None);
        self.channel.close();
    }
}
