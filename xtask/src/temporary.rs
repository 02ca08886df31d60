//! A directory that is removed with its owner.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};

/// A directory. When this is dropped, the directory is removed with its content.
pub struct TemporaryDirectory {
    path: PathBuf,
}

impl TemporaryDirectory {
    /// Makes `<purpose>-<process id>` in the system's temporary folder.
    ///
    /// It is not in `target`: if root runs this, Postgres runs as another account, which may not
    /// enter the checkout, and the path of a Unix socket has to be short.
    pub fn new(purpose: &str) -> Outcome<Self> {
        Self::below(&std::env::temp_dir(), purpose)
    }

    /// Does the same in another place.
    pub fn below(place: &Path, purpose: &str) -> Outcome<Self> {
        let name = format!("{purpose}-{}", std::process::id());
        // An interrupted process with the same id may have left a directory with the first name.
        let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
        loop {
            let path = place.join(names.next().unwrap_or_default());
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let failure = Failure::new(format!("Cannot make {}: {error}.", path.display()));
                    return Err(match crate::advice::on(&error.to_string()) {
                        Some(advice) => failure.next(advice),
                        None => failure,
                    });
                }
            }
        }
    }

    /// Does not remove it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_interrupted_call_has_left_is_no_obstacle() {
        let place = TemporaryDirectory::new("holdfast-place").expect("a directory");
        let first = TemporaryDirectory::below(place.path(), "work").expect("a directory");
        let second = TemporaryDirectory::below(place.path(), "work").expect("another");
        assert_ne!(first.path(), second.path());
    }
}
