//! Work that goes on when its client has hung up.

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
}

impl<T: Send + 'static> Future for ToTheEnd<T> {
    type Output = Result<T, ApiError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let Some(mut work) = self.work.take() else {
            let why = anyhow::anyhow!("work was continued after its end");
            return Poll::Ready(Err(ApiError::Internal(why)));
        };
        let done = work.as_mut().poll(context);
        if done.is_pending() {
            self.work = Some(work);
        }
        done
    }
}

impl<T: Send + 'static> Drop for ToTheEnd<T> {
    fn drop(&mut self) {
        // Without a runtime, the whole process ends.
        if let Some(work) = self.work.take()
            && let Ok(runtime) = Handle::try_current()
        {
            runtime.spawn(work.instrument(self.span.clone()));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

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
    async fn work_that_panics_has_ended() {
        let stopping = Stopping::default();
        let work = async { panic!("in the work") };
        let request = to_the_end::<()>(&stopping, work);
        assert!(AssertUnwindSafe(request).catch_unwind().await.is_err());
        stopping.finished().await;
    }
}
