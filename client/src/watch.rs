//! What the client does, as it happens, for a page that shows it or for a developer who looks for a
//! fault. See [`Session::watch`](crate::Session::watch).
//!
//! A security duty: an event has no token, no password and no attempt key. It has the mark of an
//! attempt key, which the database has as well.
//!
//! If no code listens, an event is not even made: [`tell`] only calls its argument for a listener.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use gloo_net::http::Method;
use holdfast_protocol::attempt_key::AttemptMark;
use holdfast_protocol::problem::Code;
use holdfast_protocol::renewal::Ending;
use uuid::Uuid;

/// Something that the client has done, or has learnt.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClientEvent {
    /// A request is being sent.
    Sent {
        /// Its number in this page.
        request: u32,
        /// Its method.
        method: Method,
        /// Its path on the page's own origin, without the query.
        path: String,
        /// Whether it carries the access token.
        with_access_token: bool,
    },
    /// The server has answered a request.
    Answered {
        /// Its number in this page.
        request: u32,
        /// The status.
        status: u16,
        /// The code, if this is an error answer of Holdfast or of the application.
        code: Option<Code>,
    },
    /// Another program has answered a request, such as the portal of a network. The answer says nothing
    /// about the server.
    AnsweredByAnother {
        /// Its number in this page.
        request: u32,
        /// The status.
        status: u16,
    },
    /// A request got no answer, or only a part of one, or a gateway has answered that it does not
    /// reach the server.
    NotAnswered {
        /// Its number in this page.
        request: u32,
    },
    /// A refresh is about to be sent. Its attempt key is stored before.
    Refreshing {
        /// The link number of the refresh token that it presents.
        generation: u32,
        /// The mark of its attempt key. A repeat has the same mark.
        attempt: AttemptMark,
        /// Whether a demonstration presents a token in place of the client. Then its attempt key is
        /// stored nowhere.
        is_demonstration: bool,
    },
    /// The server has refused the access token of a call. The client has another one now, and sends
    /// the call once more.
    Repeating {
        /// The method of the call.
        method: Method,
        /// Its path, without the query.
        path: String,
    },
    /// This tab has a new session, or new tokens of its session. They are stored already.
    Stored {
        /// The account.
        account_id: Uuid,
        /// The session.
        session_id: Uuid,
        /// The link number of its refresh token. It is the same as before if a refresh was repeated: then
        /// only the access token is new.
        generation: u32,
        /// Whether this is another session than before.
        is_new_session: bool,
        /// Whether this tab has got them from the server. Otherwise another tab has, and this tab
        /// has read them in storage.
        by_this_tab: bool,
    },
    /// This tab has no session any more, and the tokens are removed from storage. If the person has
    /// signed out, a list of refresh tokens for the server has the refresh token until
    /// [`ClientEvent::SignOutsConfirmed`].
    Cleared {
        /// Why. `None` if the person has read the reason in another tab already.
        why: Option<Ending>,
        /// Whether this tab has removed them. Otherwise another tab has.
        by_this_tab: bool,
    },
    /// The server has confirmed every sign-out of this browser, so no refresh token of an ended session
    /// is kept any more.
    SignOutsConfirmed,
    /// A demonstration has thrown away the new tokens of a refresh (with the feature `demonstration`).
    AnswerThrownAway,
}

type Listener = Rc<dyn Fn(&ClientEvent)>;

thread_local! {
    static LISTENERS: RefCell<Vec<(u32, Listener)>> = const { RefCell::new(Vec::new()) };
    /// The last number that a request or a listener has got.
    static LAST: Cell<u32> = const { Cell::new(0) };
}

/// Calls a function with every event. Dropping this ends it, also for the event of this moment.
#[derive(Debug)]
#[must_use = "the function is not called any more when this is dropped"]
pub struct Watch {
    number: u32,
}

impl Watch {
    /// Calls nothing.
    pub(super) fn of_nothing() -> Self {
        Self {
            number: next_number(),
        }
    }

    /// Goes on while the page lives.
    pub fn for_the_life_of_the_page(self) {
        std::mem::forget(self);
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // At the end of a thread there may be no list any more.
        let removed = LISTENERS.try_with(|all| {
            let mut all = all.borrow_mut();
            let at = all.iter().position(|(number, _)| *number == self.number)?;
            Some(all.remove(at))
        });
        // The listener may own another `Watch`, which uses the list when it is dropped.
        drop(removed);
    }
}

/// Calls `listen` with every event from now on.
pub(super) fn watch(listen: impl Fn(&ClientEvent) + 'static) -> Watch {
    let number = next_number();
    LISTENERS.with_borrow_mut(|all| all.push((number, Rc::new(listen))));
    Watch { number }
}

/// Whether any code listens.
pub(super) fn is_watched() -> bool {
    LISTENERS.with_borrow(|all| !all.is_empty())
}

/// Tells the listeners this event.
pub(super) fn tell(event: impl FnOnce() -> ClientEvent) {
    if is_watched() {
        tell_all(&event());
    }
}

/// A listener may use the client, and so cause the next event, or end a [`Watch`]. A listener whose
/// [`Watch`] has ended is not called any more.
fn tell_all(event: &ClientEvent) {
    let listeners = LISTENERS.with_borrow(Vec::clone);
    for (number, listener) in listeners {
        let is_there = |all: &Vec<(u32, Listener)>| all.iter().any(|(other, _)| *other == number);
        if LISTENERS.with_borrow(is_there) {
            listener(event);
        }
    }
}

/// A path as an event has it. A query may have a secret of the app.
pub(super) fn without_query(path: &str) -> String {
    let end = path.find(['?', '#']).unwrap_or(path.len());
    path[..end].to_owned()
}

/// The number of the next request.
pub(super) fn next_number() -> u32 {
    let number = LAST.get().wrapping_add(1);
    LAST.set(number);
    number
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event() -> ClientEvent {
        ClientEvent::NotAnswered { request: 1 }
    }

    #[test]
    fn an_event_is_only_made_for_a_listener() {
        tell(|| panic!("there is no listener"));
        let heard = Rc::new(Cell::new(0));
        let watch = {
            let heard = heard.clone();
            watch(move |_| heard.set(heard.get() + 1))
        };
        tell(event);
        tell(event);
        drop(watch);
        tell(|| panic!("the listener is gone"));
        assert_eq!(heard.get(), 2);
    }

    #[test]
    fn a_listener_may_cause_an_event_and_end_another_listener() {
        let heard = Rc::new(RefCell::new(Vec::new()));
        let other = {
            let heard = heard.clone();
            let other = watch(move |event| heard.borrow_mut().push(event.clone()));
            RefCell::new(Some(other))
        };
        let is_first = Cell::new(true);
        let watch = watch(move |_| {
            if is_first.replace(false) {
                tell(|| ClientEvent::AnswerThrownAway);
                other.take();
            }
        });
        tell(event);
        tell(event);
        drop(watch);
        assert_eq!(*heard.borrow(), [event(), ClientEvent::AnswerThrownAway]);
    }

    #[test]
    fn a_watch_that_has_ended_does_not_hear_the_event_of_this_moment() {
        let heard = Rc::new(Cell::new(0));
        let second = Rc::new(RefCell::new(None));
        let first = {
            let second = second.clone();
            watch(move |_| drop(second.take()))
        };
        {
            let heard = heard.clone();
            second.replace(Some(watch(move |_| heard.set(heard.get() + 1))));
        }
        tell(event);
        drop(first);
        assert_eq!(heard.get(), 0);
    }

    #[test]
    fn a_listener_may_own_another_watch() {
        let inner = watch(|_| ());
        let outer = watch(move |_| {
            let _ = &inner;
        });
        drop(outer);
        tell(|| panic!("both are gone"));
    }

    #[test]
    fn an_event_has_no_query() {
        for (path, expected) in [
            ("/api/v1/notes?token=secret", "/api/v1/notes"),
            ("/api/v1/notes#part", "/api/v1/notes"),
            ("/api/v1/notes", "/api/v1/notes"),
            ("/?", "/"),
        ] {
            assert_eq!(without_query(path), expected);
        }
    }

    #[test]
    fn two_requests_have_two_numbers() {
        assert_ne!(next_number(), next_number());
    }
}
