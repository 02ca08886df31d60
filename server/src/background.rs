//! The tasks that go on while an instance runs.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::task::JoinSet;

/// The tasks that have to stop before the database is released. Otherwise they would log the end
/// of the database as a fault. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Background(Arc<Mutex<JoinSet<()>>>);

impl Background {
    /// Adds a task.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        tasks.spawn(task);
    }

    /// Stops the tasks, and waits until they have stopped.
    pub async fn stop(&self) {
        let mut tasks = {
            let mut tasks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *tasks)
        };
        tasks.shutdown().await;
    }
}
