//! The time during which the page is open. What the page has begun stops when the person leaves it.

use std::pin::pin;

use futures::channel::oneshot;
use futures::future::{Either, FutureExt as _, Shared, select};
use leptos::prelude::*;
use leptos::task::spawn_local;

/// The visit of the page by whose component it was made.
#[derive(Clone, Copy)]
pub(super) struct Visit(StoredValue<Open>);

struct Open {
    /// It is dropped with the page. Nothing is ever sent.
    _end: oneshot::Sender<()>,
    ended: End,
}

type End = Shared<oneshot::Receiver<()>>;

fn open() -> Open {
    let (end, ended) = oneshot::channel();
    Open {
        _end: end,
        ended: ended.shared(),
    }
}

impl Visit {
    pub(super) fn here() -> Self {
        Self(StoredValue::new(open()))
    }

    /// Does this work, and then `then`. If the person leaves the page before the work is done, the work
    /// stops where it waits, and `then` is not called.
    pub(super) fn run<T: 'static>(
        self,
        work: impl Future<Output = T> + 'static,
        then: impl FnOnce(T) + 'static,
    ) {
        let Some(ended) = self.0.try_with_value(|open| open.ended.clone()) else {
            return;
        };
        spawn_local(async move {
            if let Some(done) = before_end(ended, work).await {
                then(done);
            }
        });
    }
}

/// The result of this work, unless the visit ends before. The end is looked at first, so the work does no
/// further step after it.
async fn before_end<T>(ended: End, work: impl Future<Output = T>) -> Option<T> {
    match select(ended, pin!(work)).await {
        Either::Left(_) => None,
        Either::Right((done, _)) => Some(done),
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::future::ready;

    use super::*;

    #[test]
    fn work_is_done_while_the_page_is_open() {
        let visit = open();
        let done = before_end(visit.ended.clone(), ready(3)).now_or_never();
        assert_eq!(done, Some(Some(3)));
    }

    #[test]
    fn work_does_no_further_step_after_the_page_was_left() {
        let visit = open();
        let (go_on, waiting) = oneshot::channel::<()>();
        let steps = Cell::new(0);
        let work = async {
            steps.set(1);
            let _ = waiting.await;
            steps.set(2);
        };
        let mut running = pin!(before_end(visit.ended.clone(), work));
        assert_eq!(running.as_mut().now_or_never(), None);
        drop(visit);
        drop(go_on);
        assert_eq!(running.as_mut().now_or_never(), Some(None));
        assert_eq!(steps.get(), 1);
    }
}
