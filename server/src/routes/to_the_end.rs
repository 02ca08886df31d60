//! Work that goes on when its client has hung up.

use tracing::Instrument as _;

use crate::http::answer_errors::LONGEST_WORK;
use crate::http::{ApiError, timed_out};
use crate::stopping::Stopping;

/// Runs work that must not stop half-way when the client hangs up. Otherwise a thief could
/// prevent the ending of a session by closing the connection. A server that stops waits for
/// this work.
pub(super) async fn to_the_end<T: Send + 'static>(
    stopping: &Stopping,
    work: impl Future<Output = Result<T, ApiError>> + Send + 'static,
) -> Result<T, ApiError> {
    let under_way = stopping.under_way();
    let work = async move {
        let done = tokio::time::timeout(LONGEST_WORK, work).await;
        drop(under_way);
        done
    };
    // The lines of the log keep the id of the request.
    tokio::spawn(work.in_current_span())
        .await
        .map_err(|error| ApiError::Internal(error.into()))?
        .unwrap_or_else(|_| Err(timed_out(LONGEST_WORK)))
}
