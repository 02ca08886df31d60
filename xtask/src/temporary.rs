//! A directory that is removed with its owner.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::{Failure, Outcome};
use crate::fingerprint::Fingerprint;
use crate::process;
use crate::workspace;

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

    /// Does the same in another place. What an interrupted process has left there for the same
    /// purpose is removed first: it may be gigabytes.
    pub fn below(place: &Path, purpose: &str) -> Outcome<Self> {
        remove_left(place, purpose);
        let name = format!("{purpose}-{}", std::process::id());
        // An interrupted process with the same id may have left a directory with the first name.
        let mut names = std::iter::once(name.clone()).chain((2..).map(|n| format!("{name}-{n}")));
        loop {
            let path = place.join(names.next().unwrap_or_default());
            match fs::create_dir(&path) {
                Ok(()) => return Ok(Self { path }),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => {
                    return Err(Failure::new(format!(
                        "Cannot make {}: {error}.",
                        path.display()
                    )));
                }
            }
        }
    }

    /// Makes a folder in the system's temporary folder that has the same path at each call from this
    /// checkout. So cargo recognises what it has compiled there before. What is left there is removed.
    pub fn of_checkout(purpose: &str) -> Outcome<Self> {
        let mut checkout = Fingerprint::default();
        checkout.add(workspace::root());
        let name = format!("{purpose}-{}", checkout.finish());
        let path = std::env::temp_dir().join(name);
        let _ = fs::remove_dir_all(&path);
        fs::create_dir(&path)
            .map_err(|error| Failure::new(format!("Cannot make {}: {error}.", path.display())))?;
        Ok(Self { path })
    }

    /// Does not remove it; the next process does not, either.
    pub fn keep(self) -> PathBuf {
        let _ = fs::write(self.path.join(KEPT), "");
        self.hand_over()
    }

    /// Lets the caller have it, for example under another name. It is not removed.
    pub fn hand_over(self) -> PathBuf {
        let path = self.path.clone();
        std::mem::forget(self);
        path
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// The file in a directory that a person wants to keep.
const KEPT: &str = ".kept";

/// Removes directories for `purpose` whose process has ended. If this fails, they stay.
fn remove_left(place: &Path, purpose: &str) {
    let Ok(entries) = fs::read_dir(place) else {
        return;
    };
    for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
        let is_left = path
            .file_name()
            .and_then(|name| process_in(name.to_str()?, purpose))
            .is_some_and(|process| !process::is_running(process));
        if is_left && !path.join(KEPT).exists() {
            let _ = fs::remove_dir_all(&path);
        }
    }
}

/// 12 in `<purpose>-12` and in `<purpose>-12-2`.
fn process_in(name: &str, purpose: &str) -> Option<u32> {
    let rest = name.strip_prefix(purpose)?.strip_prefix('-')?;
    rest.split('-').next()?.parse().ok()
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

    #[test]
    fn the_directory_of_a_checkout_is_empty_and_has_always_the_same_path() {
        let first = TemporaryDirectory::of_checkout("holdfast-same").expect("a directory");
        let path = first.path().to_owned();
        fs::write(path.join("left"), "").expect("a file");
        // An interrupted process removes nothing.
        std::mem::forget(first);
        let second = TemporaryDirectory::of_checkout("holdfast-same").expect("a directory");
        assert_eq!(second.path(), path);
        assert!(!path.join("left").exists());
        drop(second);
        assert!(!path.exists());
    }

    #[test]
    fn what_an_ended_process_has_left_is_removed_unless_it_is_kept() {
        let place = TemporaryDirectory::new("holdfast-left").expect("a directory");
        let mut ended = std::process::Command::new("true").spawn().expect("true");
        let process = ended.id();
        ended.wait().expect("it ends");
        let make = |name: String| {
            let path = place.path().join(name);
            fs::create_dir(&path).expect("a directory");
            path
        };
        let left = make(format!("work-{process}-2"));
        let other = make(format!("work-of-others-{process}"));
        let kept = make(format!("work-{process}"));
        let kept = TemporaryDirectory { path: kept }.keep();

        let mine = TemporaryDirectory::below(place.path(), "work").expect("a directory");
        let second = TemporaryDirectory::below(place.path(), "work").expect("another");
        assert!(!left.exists());
        assert!(kept.exists() && other.exists());
        assert!(mine.path().exists() && second.path().exists());
    }
}
