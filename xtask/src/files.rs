//! Texts in files, with failures that name the file.

use std::fs;
use std::path::Path;

use crate::failure::{Failure, Outcome};

/// The text of a file.
pub fn read(path: &Path) -> Outcome<String> {
    fs::read_to_string(path)
        .map_err(|error| Failure::new(format!("Cannot read {}: {error}.", path.display())))
}

/// Writes a file, and makes its folder.
pub fn write(path: &Path, text: &str) -> Outcome {
    fs::create_dir_all(path.parent().unwrap_or(path))
        .and_then(|()| fs::write(path, text))
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", path.display())))
}
