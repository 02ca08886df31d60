//! Whether files have changed since the last time. It compares names, sizes and times of files.
//!
//! It asks whether the times are equal, not whether a file is newer. A checkout of an older state
//! is a change, too.

use std::collections::hash_map::DefaultHasher;
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::Path;

/// A sum over files, whole folders, and everything else on which a result depends.
#[derive(Default)]
pub struct Fingerprint(DefaultHasher);

impl Fingerprint {
    /// Adds a text that is not a file.
    pub fn add(&mut self, value: impl Hash) {
        value.hash(&mut self.0);
    }

    /// Adds a file, or a folder with everything in it except the folders named in `except`. A file
    /// that cannot be read counts as absent.
    pub fn add_path(&mut self, path: &Path, except: &[&str]) {
        let Ok(metadata) = fs::metadata(path) else {
            return path.hash(&mut self.0);
        };
        if !metadata.is_dir() {
            path.hash(&mut self.0);
            metadata.len().hash(&mut self.0);
            return metadata.modified().ok().hash(&mut self.0);
        }

        let Ok(entries) = fs::read_dir(path) else {
            return path.hash(&mut self.0);
        };
        let mut paths: Vec<_> = entries
            .filter_map(|entry| Some(entry.ok()?.path()))
            .collect();
        paths.sort();
        for path in paths {
            let name = path.file_name().unwrap_or_default();
            if !except.iter().any(|except| name == *except) {
                self.add_path(&path, except);
            }
        }
    }

    /// The sum, as text.
    pub fn finish(&self) -> String {
        format!("{:016x}", self.0.finish())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::temporary::TemporaryDirectory;

    fn of(path: &Path) -> String {
        let mut fingerprint = Fingerprint::default();
        fingerprint.add_path(path, &["tests"]);
        fingerprint.finish()
    }

    #[test]
    fn adding_changing_and_removing_a_file_all_show() {
        let directory = TemporaryDirectory::new("holdfast-fingerprint").expect("a directory");
        let file = directory.path().join("a.rs");
        let empty = of(directory.path());

        fs::write(&file, "one").expect("a file");
        let with_file = of(directory.path());
        assert_ne!(with_file, empty);
        assert_eq!(with_file, of(directory.path()));

        fs::write(&file, "three").expect("a file");
        assert_ne!(of(directory.path()), with_file);

        fs::remove_file(&file).expect("it was there");
        assert_eq!(of(directory.path()), empty);
    }

    #[test]
    fn an_excepted_folder_does_not_show() {
        let directory = TemporaryDirectory::new("holdfast-excepted").expect("a directory");
        let before = of(directory.path());
        fs::create_dir(directory.path().join("tests")).expect("a directory");
        fs::write(directory.path().join("tests/a.rs"), "").expect("a file");
        assert_eq!(of(directory.path()), before);
    }
}
