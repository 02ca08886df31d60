//! Events from outside of this tab: other tabs, the network, the person who comes back to it, and
//! whether the browser was closed meanwhile.

use std::cell::Cell;

use js_sys::Reflect;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{BroadcastChannel, Event, HtmlDocument, VisibilityState};

const CHANNEL: &str = "holdfast";

/// A cookie for this run of the browser, without any secret. It only marks that the browser was not
/// closed since a sign-in without «Keep me signed in».
const OPEN: &str = "holdfast_open=1";

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
    BroadcastChannel::new(CHANNEL).ok()
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

/// Reloads this page. Then nothing of it is left: no text in a field, no timer. `asked` is called if
/// code in the page lets the browser ask the person whether to leave it.
pub(super) fn reload(asked: impl FnOnce() + 'static) {
    let asked = Cell::new(Some(asked));
    // This listener is not added earlier, because some browsers do not cache a page that has it.
    let _ = window_event_listener_untyped("beforeunload", move |event| {
        if asks_to_stay(&event)
            && let Some(asked) = asked.take()
        {
            asked();
        }
    });
    let _ = window().location().reload();
}

/// Whether a listener before this one has asked for the question (HTML, «unload a document»).
fn asks_to_stay(event: &Event) -> bool {
    let question = Reflect::get(event, &"returnValue".into()).ok();
    let question = question.and_then(|question| question.as_string());
    event.default_prevented() || question.is_some_and(|question| !question.is_empty())
}

/// Whether the page is visible.
pub(super) fn is_visible() -> bool {
    document().visibility_state() == VisibilityState::Visible
}

/// Whether the browser has been open since [`mark_browser_open`]. Best effort: a
/// browser that restores its tabs restores the cookie too, and one without cookies
/// cannot tell. The server's limit of hours holds in any case.
pub(super) fn browser_has_been_open() -> bool {
    if has_mark() {
        return true;
    }
    mark_browser_open();
    !has_mark()
}

/// Marks that the browser is open.
pub(super) fn mark_browser_open() {
    let secure = match window().location().protocol() {
        Ok(protocol) if protocol == "https:" => "; Secure",
        _ => "",
    };
    if let Some(document) = html_document() {
        let _ = document.set_cookie(&format!("{OPEN}; Path=/; SameSite=Strict{secure}"));
    }
}

fn has_mark() -> bool {
    html_document()
        .and_then(|document| document.cookie().ok())
        .is_some_and(|cookies| cookies.split("; ").any(|cookie| cookie == OPEN))
}

fn html_document() -> Option<HtmlDocument> {
    document().dyn_into().ok()
}
