//! A directory that goes away with its owner.

use std::fs;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// Removed on drop, with all that it holds.
pub struct TemporaryDirectory {
    path: PathBuf,
}

impl TemporaryDirectory {
    /// Makes `<purpose>-<process id>` in the system's place for such things.
    ///
    /// There and not under `target`: when root runs this, Postgres runs as somebody else, who may
    /// not be let into the checkout, and the path of a Unix socket has to be short.
    pub fn new(purpose: &str) -> Outcome<Self> {
        Self::below(&std::env::temp_dir(), purpose)
    }

    /// The same in another place.
    pub fn below(place: &Path, purpose: &str) -> Outcome<Self> {
        let path = place.join(format!("{purpose}-{}", std::process::id()));
        fs::create_dir(&path)
            .map_err(|error| Failure::new(format!("Cannot make {}: {error}.", path.display())))?;
        Ok(Self { path })
    }

    /// Leaves it where it is.
    pub fn keep(self) -> PathBuf {
        let path = self.path.clone();
        std::mem::forget(self);
        path
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for TemporaryDirectory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
