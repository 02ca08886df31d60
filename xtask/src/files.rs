//! Texts in files, with failures that name the file, and the contents of folders.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

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

/// The content of each file in a folder, by the path in the folder.
pub fn contents(folder: &Path) -> io::Result<BTreeMap<PathBuf, Vec<u8>>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type()?.is_dir() {
            let inner = contents(&entry.path())?;
            found.extend(
                inner
                    .into_iter()
                    .map(|(path, content)| (name.join(path), content)),
            );
        } else {
            found.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(found)
}
