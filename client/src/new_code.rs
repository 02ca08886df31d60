//! What the browser remembers of recovery codes: a new code until the person keeps it, and whether
//! to offer one.
//!
//! A security duty: a code gives the whole account away, so it is in the memory of the page only.
//! There is one exception: when a page that has shown another account reloads, the code is handed
//! over by the session storage of the tab, from the end of that page until the next page of Holdfast
//! starts in the tab and removes it.

use std::cell::{Cell, RefCell};

use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::KNOWN_BROWSER_HEADER;
use leptos::prelude::*;
use uuid::Uuid;
use web_sys::Storage;

use super::names;
use super::transport::Call;

thread_local! {
    static NEW: RefCell<Option<(Uuid, Secret)>> = const { RefCell::new(None) };
    /// The next code after a recovery, with the username. The account is known at the sign-in.
    static RECOVERED: RefCell<Option<(String, Secret)>> = const { RefCell::new(None) };
    /// The same as [`names::OFFERED_TO`], for a browser that stores nothing.
    static OFFERED_HERE: Cell<Option<Uuid>> = const { Cell::new(None) };
    static KNOWN_BROWSER: RefCell<Option<Secret>> = const { RefCell::new(None) };
    static CHANGED: ArcTrigger = ArcTrigger::new();
}

/// Takes what the answer to a sign-in has said about the newest recovery code of the account, once
/// the session is stored.
pub(super) fn opened(account_id: Uuid, is_confirmed: Option<bool>) {
    match is_confirmed {
        Some(true) => confirmed(account_id),
        Some(false) => offer_to(account_id),
        None => {}
    }
}

/// Remembers a new code until the person confirms that they keep it, or the page ends.
pub(super) fn keep(account_id: Uuid, code: Secret) {
    NEW.set(Some((account_id, code)));
}

/// Forgets this code, because it is not the newest one of its account any more.
pub(super) fn forget(code: &Secret) {
    NEW.with_borrow_mut(|new| {
        if new.as_ref().is_some_and(|(_, new)| new == code) {
            *new = None;
        }
    });
}

/// The new code of this account, if the page has it.
pub(super) fn of(account_id: Uuid) -> Option<Secret> {
    NEW.with_borrow(|new| {
        let (of, code) = new.as_ref()?;
        (*of == account_id).then(|| code.clone())
    })
}

/// Notes that the person keeps the newest code of this account, so the pages offer no code any
/// more.
pub(super) fn confirmed(account_id: Uuid) {
    NEW.with_borrow_mut(|new| {
        if new.as_ref().is_some_and(|(of, _)| *of == account_id) {
            *new = None;
        }
    });
    if offered_to() == Some(account_id) {
        forget_offer();
    }
}

/// Whether a code is offered to the person of this account. Reactive.
pub(super) fn is_offered_to(account_id: Uuid) -> bool {
    CHANGED.with(|changed| changed.track());
    offered_to() == Some(account_id)
}

/// Another tab may have changed to whom a code is offered.
pub(super) fn may_have_changed() {
    CHANGED.with(|changed| changed.notify());
}

/// Offers a code to the person of this account. The offer is in local storage, so that other tabs and
/// the page after a reload know it.
pub(super) fn offer_to(account_id: Uuid) {
    let is_stored = local().is_some_and(|storage| {
        storage
            .set_item(&names::OFFERED_TO.full(), &account_id.to_string())
            .is_ok()
    });
    OFFERED_HERE.set((!is_stored).then_some(account_id));
    may_have_changed();
}

fn forget_offer() {
    OFFERED_HERE.set(None);
    if let Some(storage) = local() {
        let _ = storage.remove_item(&names::OFFERED_TO.full());
    }
    may_have_changed();
}

/// Stores the new code for the page after the reload, if that page will show the account of the
/// code.
pub(super) fn hand_over(to: Option<Uuid>) {
    NEW.with_borrow(|new| {
        if let (Some((account_id, code)), Some(storage)) = (new, of_tab())
            && Some(*account_id) == to
        {
            let text = format!("{account_id} {}", code.expose());
            let _ = storage.set_item(&names::HANDED_OVER.full(), &text);
        }
    });
}

/// Takes over the code of the page before the reload, and removes it from storage.
pub(super) fn take_over() {
    let Some(storage) = of_tab() else { return };
    let Some(text) = storage.get_item(&names::HANDED_OVER.full()).ok().flatten() else {
        return;
    };
    let _ = storage.remove_item(&names::HANDED_OVER.full());
    if let Some((account_id, code)) = text.split_once(' ')
        && let Ok(account_id) = account_id.parse()
    {
        NEW.set(Some((account_id, Secret::from(code))));
    }
}

/// Remembers for the sign-in that follows a recovery: the next code, and the token with which the
/// recovery has made this browser known.
pub(super) fn recovered_here(username: String, code: Secret, known_browser: Option<Secret>) {
    RECOVERED.set(Some((username, code)));
    KNOWN_BROWSER.set(known_browser);
}

/// Whether the page has the next code of a recovery, and nobody has signed in since.
pub(super) fn has_recovered() -> bool {
    RECOVERED.with_borrow(Option::is_some)
}

/// The first sign-in after a recovery says which account the next code belongs to, and whether the
/// person has yet to confirm it.
pub(super) fn signed_in_as(username: &str, account_id: Uuid, is_confirmed: Option<bool>) {
    // If somebody else signs in, the page does not speak of that recovery any more.
    let recovered = RECOVERED.take();
    let of_them = recovered.filter(|(recovered, _)| is_same_name(recovered, username));
    if let (Some((_, code)), Some(false)) = (of_them, is_confirmed) {
        keep(account_id, code);
    }
}

/// Whether both texts name the same account.
fn is_same_name(one: &str, other: &str) -> bool {
    let key = |text| Username::parse(text).map(|name| name.key()).ok();
    key(one).is_some_and(|one| key(other) == Some(one))
}

/// Adds this token to a sign-in, before all others: the server reads only the first ones.
pub(super) fn add_known_browser(call: &mut Call) {
    let Some(known) = KNOWN_BROWSER.with_borrow(Clone::clone) else {
        return;
    };
    let mut headers = call.headers.iter_mut();
    match headers.find(|(name, _)| *name == KNOWN_BROWSER_HEADER) {
        Some((_, tokens)) => {
            *tokens = Secret::from(format!("{},{}", known.expose(), tokens.expose()));
        }
        None => call.headers.push((KNOWN_BROWSER_HEADER, known)),
    }
}

fn offered_to() -> Option<Uuid> {
    if let Some(account_id) = OFFERED_HERE.get() {
        return Some(account_id);
    }
    let text = local()?
        .get_item(&names::OFFERED_TO.full())
        .ok()
        .flatten()?;
    text.parse().ok()
}

fn local() -> Option<Storage> {
    window().local_storage().ok()?
}

fn of_tab() -> Option<Storage> {
    window().session_storage().ok()?
}
