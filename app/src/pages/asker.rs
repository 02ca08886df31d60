//! What a page asks the server, and what becomes of the answer.

use leptos::prelude::*;
use leptos::task::spawn_local;

/// Asks on behalf of the component that made it.
///
/// A person may leave a page before its answer is here. The call then goes on, because it
/// may carry tokens that the session has to take in. But what the page would have done
/// with the answer is dropped, because the page's signals are gone, and touching one of
/// them would stop the whole client.
#[derive(Clone, Copy)]
pub(super) struct Asker(StoredValue<()>);

impl Asker {
    /// For the component that calls this, as long as it is shown.
    pub(super) fn here() -> Self {
        Self(StoredValue::new(()))
    }

    /// Asks, and hands the answer to `then` if the component is still shown.
    pub(super) fn ask<T: 'static>(
        self,
        question: impl Future<Output = T> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        spawn_local(async move {
            let answer = question.await;
            if !self.0.is_disposed() {
                then(answer);
            }
        });
    }
}
