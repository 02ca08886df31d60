//! Events from outside of this tab: other tabs, the network, the person who comes back to it, and
//! whether the browser was closed meanwhile.

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{BroadcastChannel, HtmlDocument, VisibilityState};

use super::names::{self, Name};

/// The events that can reach a tab.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum News {
    /// Another tab has changed what is stored.
    Stored,
    /// The page became visible or hidden, or came back from the browser's cache of pages.
    Visible,
    /// The person leaves the page.
    Left {
        /// Whether the page ends. Otherwise it sleeps until the person comes back.
        is_over: bool,
    },
    /// The browser believes that it has a network again.
    Online,
}

/// The channel to the other tabs, if the browser has one. `storage` events have the same effect; the
/// channel is sometimes faster.
pub(super) fn channel() -> Option<BroadcastChannel> {
    BroadcastChannel::new(&names::CHANNEL.full()).ok()
}

/// Tells the other tabs to read storage. The message has no other content.
pub(super) fn tell_others(channel: Option<&BroadcastChannel>) {
    if let Some(channel) = channel {
        let _ = channel.post_message(&"look".into());
    }
}

/// Listens for as long as the page lives.
pub(super) fn listen(channel: Option<&BroadcastChannel>, hear: impl Fn(News) + Clone + 'static) {
    if let Some(channel) = channel {
        let hear = hear.clone();
        let look = Closure::<dyn Fn()>::new(move || hear(News::Stored));
        channel.set_onmessage(Some(look.as_ref().unchecked_ref()));
        look.forget();
    }
    for (event, news) in [
        ("storage", News::Stored),
        // This is an event of the document; it bubbles up to the window.
        ("visibilitychange", News::Visible),
        ("pageshow", News::Visible),
        ("online", News::Online),
    ] {
        let hear = hear.clone();
        let _ = window_event_listener_untyped(event, move |_| hear(news));
    }
    let _ = window_event_listener_untyped("pagehide", move |event| {
        let persisted = Reflect::get(&event, &"persisted".into());
        let is_over = persisted.is_ok_and(|persisted| persisted.is_falsy());
        hear(News::Left { is_over });
    });
}

/// Reloads this page. Then nothing of it is left: no text in a field, no timer. Other code in the page
/// may let the browser ask the person first, and the person may stop it.
pub(super) fn reload() {
    let _ = window().location().reload();
}

/// Whether the page is visible.
pub(super) fn is_visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Whether the browser has been open since [`mark_browser_open`]. Best effort: a
/// browser that restores its tabs restores the cookie too, and one without cookies
/// cannot tell. The server's limit of hours holds in any case.
///
/// This does not set the mark. Otherwise, if the page ended before it has signed the person out,
/// the next page would believe that the browser was not closed.
pub(super) fn browser_has_been_open() -> bool {
    has_cookie(&cookie(names::OPEN)) || !has_cookies()
}

/// Marks that the browser is open, by a cookie for this run of the browser without any secret. It
/// only says that the browser was not closed since a sign-in without «Keep me signed in».
pub(super) fn mark_browser_open() {
    set_cookie(&cookie(names::OPEN), "");
}

fn cookie(name: Name) -> String {
    format!("{}=1", name.full())
}

/// Whether the browser stores cookies.
fn has_cookies() -> bool {
    let probe = cookie(names::COOKIE_PROBE);
    set_cookie(&probe, "");
    let has_cookies = has_cookie(&probe);
    set_cookie(&probe, "; Max-Age=0");
    has_cookies
}

fn set_cookie(cookie: &str, attributes: &str) {
    let secure = match window().location().protocol() {
        Ok(protocol) if protocol == "https:" => "; Secure",
        _ => "",
    };
    if let Some(document) = html_document() {
        let text = format!("{cookie}; Path=/; SameSite=Strict{secure}{attributes}");
        let _ = document.set_cookie(&text);
    }
}

fn has_cookie(cookie: &str) -> bool {
    html_document()
        .and_then(|document| document.cookie().ok())
        .is_some_and(|cookies| cookies.split("; ").any(|other| other == cookie))
}

fn html_document() -> Option<HtmlDocument> {
    document().dyn_into().ok()
}
