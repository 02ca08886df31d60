//! Work that goes on when its client has hung up.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context, Poll};

use tokio::runtime::Handle;
use tracing::{Instrument as _, Span};

use crate::http::answer_errors::LONGEST_WORK;
use crate::http::{ApiError, timed_out};
use crate::stopping::Stopping;

/// Runs work that must not stop half-way when the client hangs up. Otherwise a thief could
/// prevent the ending of a session by closing the connection. A server that stops waits for
/// this work.
///
/// The work runs in the task of its request. Only if the client hangs up, it gets a task of its own:
/// with a task for every request, the runtime would often wake another thread for it.
pub(super) async fn to_the_end<T: Send + 'static>(
    stopping: &Stopping,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let under_way = stopping.under_way();
    // It is kilobytes long, so that only its address is moved.
    let work = Box::pin(work);
    let work = async move {
        let done = tokio::time::timeout(LONGEST_WORK, work).await;
        drop(under_way);
        done.unwrap_or_else(|_| Err(timed_out(LONGEST_WORK)))
    };
    let to_the_end = ToTheEnd {
        work: Some(Box::pin(work)),
        span: Span::current(),
        runtime: Handle::current(),
    };
    to_the_end.await
}

type Work<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>> + Send>>;

/// Work that gets a task of its own if this is dropped before its end.
struct ToTheEnd<T: Send + 'static> {
    /// `None` when it has ended, and while it runs: work that panics has ended, too.
    work: Option<Work<T>>,
    /// The lines of the log keep the id of the request.
    span: Span,
    /// Where the work goes on. The request may be dropped outside of it.
    runtime: Handle,
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = Result<T, ApiError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut work) = self.work.take() else {
            let why = anyhow::anyhow!("work was continued after its end");
            return Poll::Ready(Err(ApiError::Internal(why)));
        };
        // A panic is an error of this request. What counts the answers must count it, too.
        let done = catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context)));
        match done {
            Ok(Poll::Pending) => {
                self.work = Some(work);
                Poll::Pending
            }
            Ok(done) => done,
            Err(_) => {
                // Its text is in the log already, and may be about the request.
                let why = anyhow::anyhow!("the work of a request panicked");
                Poll::Ready(Err(ApiError::Internal(why)))
            }
        }
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        if let Some(work) = self.work.take() {
            // A runtime that ends takes no task any more. Then the whole process ends.
            self.runtime.spawn(work.instrument(self.span.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;
    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test]
    async fn work_goes_on_when_its_request_is_given_up() {
        let (go_on, wait) = oneshot::channel::<()>();
        let (done, is_done) = oneshot::channel();
        let stopping = Stopping::default();
        let work = async move {
            let _ = wait.await;
            let _ = done.send(());
            Ok(())
        };
        let mut request = Box::pin(to_the_end(&stopping, work));
        assert!(request.as_mut().now_or_never().is_none());
        drop(request);
        assert!(stopping.finished().now_or_never().is_none());
        go_on.send(()).unwrap();
        is_done.await.unwrap();
        stopping.finished().await;
    }

    #[tokio::test]
    async fn work_that_panics_has_ended_with_an_error() {
        let stopping = Stopping::default();
        let work = async { panic!("in the work") };
        let request = to_the_end::<()>(&stopping, work);
        assert!(matches!(request.await, Err(ApiError::Internal(_))));
        stopping.finished().await;
    }
}
