//! Work that may wait for a disk or a process.

use std::io;
use std::path::Path;

use crate::error::LocalPostgresError;

/// Runs it on a thread beside the runtime.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, LocalPostgresError> + Send + 'static,
) -> Result<T, LocalPostgresError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // The runtime is shutting down.
            Err(error) => Err(LocalPostgresError::io("work on", Path::new("."))(
                io::Error::other(error),
            )),
        },
    }
}
