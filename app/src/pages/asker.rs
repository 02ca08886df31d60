//! Calls of a page to the server, and what happens with the answer.

use leptos::prelude::*;
use leptos::task::spawn_local;

/// Makes calls for the component that created it.
///
/// A person may leave a page before the answer comes. The call then goes on, because its
/// answer may have tokens that the session needs. But the page does nothing with the answer:
/// its signals are gone, and the use of one of them would stop the whole client.
#[derive(Clone, Copy)]
pub(super) struct Asker(StoredValue<()>);

impl Asker {
    /// Makes an `Asker` that belongs to the calling component.
    pub(super) fn here() -> Self {
        Self(StoredValue::new(()))
    }

    /// Makes the call, and gives the answer to `then` if the component is still shown.
    pub(super) fn ask<T: 'static>(
        self,
        question: impl Future<Output = T> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        self.ask_or(question, then, |_| ());
    }

    /// Like [`Asker::ask`], but gives the answer to `gone` if the component is not shown any more.
    /// `gone` must use no signal of the component.
    pub(super) fn ask_or<T: 'static>(
        self,
        question: impl Future<Output = T> + 'static,
        then: impl FnOnce(T) + 'static,
        gone: impl FnOnce(T) + 'static,
    ) {
        spawn_local(async move {
            let answer = question.await;
            if self.0.is_disposed() {
                gone(answer);
            } else {
                then(answer);
            }
        });
    }
}
