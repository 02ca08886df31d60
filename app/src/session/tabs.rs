//! What reaches this tab from outside of it: other tabs, the network, the person
//! who comes back to it, and the browser's being closed in between.

use std::rc::Rc;

use holdfast_protocol::renewal::Event;
use leptos::prelude::*;
use wasm_bindgen::JsCast;
use wasm_bindgen::closure::Closure;
use web_sys::{BroadcastChannel, HtmlDocument, VisibilityState};

use super::tab::Tab;

const CHANNEL: &str = "holdfast";

/// A cookie of the browser's run, without any secret: it only marks that the
/// browser was not closed since a sign-in that is not to be remembered.
const OPEN: &str = "holdfast_open=1";

/// The channel to the other tabs, where the browser has such a thing. `storage`
/// events carry the same news; this one is sometimes sooner.
pub(super) fn channel() -> Option<BroadcastChannel> {
    BroadcastChannel::new(CHANNEL).ok()
}

/// Listens for as long as the page lives.
pub(super) fn listen(tab: &Rc<Tab>, channel: Option<&BroadcastChannel>) {
    if let Some(channel) = channel {
        let tab = tab.clone();
        let look = Closure::<dyn Fn()>::new(move || tab.look());
        channel.set_onmessage(Some(look.as_ref().unchecked_ref()));
        look.forget();
    }
    on(tab, "storage", |tab| tab.look());
    on(tab, "visibilitychange", come_back);
    // Also from the back/forward cache, where a page sleeps with its old state.
    on(tab, "pageshow", come_back);
    on(tab, "online", |tab| {
        tab.look();
        tab.feed(Event::Online);
        tab.send_leaving();
    });
}

fn on(tab: &Rc<Tab>, event: &'static str, then: fn(&Rc<Tab>)) {
    let tab = tab.clone();
    // `visibilitychange` is the document's, and bubbles up to the window.
    let _ = window_event_listener_untyped(event, move |_| then(&tab));
}

fn come_back(tab: &Rc<Tab>) {
    tab.look();
    tab.feed(Event::Visible(is_visible()));
}

/// Whether anybody can see the page.
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
