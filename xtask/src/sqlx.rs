//! `cargo xtask sqlx`: writes the database's answers about every query, for builds without a
//! database.
//!
//! The macros of sqlx ask a database at compile time and can write its answers to files; the
//! committed `.sqlx` contains these answers. The sqlx tool is not needed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::postgres::TemporaryPostgres;
use crate::progress;
use crate::setup::{self, Purpose};
use crate::temporary::TemporaryDirectory;
use crate::toolbox::Toolbox;
use crate::workspace;

pub const SUMMARY: &str = "Write the database's answers about the queries to .sqlx";

pub const HELP: &str = "
Usage: cargo xtask sqlx [--check]

Starts a temporary Postgres, applies the migrations, compiles every query against it, and writes
the answers to .sqlx. Do this when a query or a migration has changed, and commit the result.

  --check    write nothing, but fail if .sqlx is not what it would be
";

pub fn run(arguments: &[String]) -> Outcome {
    match arguments {
        [] => write(&setup::prepare(Purpose::Database)?),
        [only] if only == "--check" => check(&setup::prepare(Purpose::Database)?),
        _ => Err(Failure::usage(HELP.trim())),
    }
}

fn write(toolbox: &Toolbox) -> Outcome {
    let found = ask_database(toolbox)?;
    let committed = read_answers(&committed_directory())?;
    fs::create_dir_all(committed_directory())
        .and_then(|()| replace(&committed, &found))
        .map_err(|error| Failure::new(format!("Cannot write .sqlx: {error}.")))?;
    console::note(&format!("{} queries were written to .sqlx.", found.len()));
    Ok(())
}

/// Fails if the committed answers differ from the answers of a database with the present
/// migrations.
pub fn check(toolbox: &Toolbox) -> Outcome {
    let found = ask_database(toolbox)?;
    let committed = read_answers(&committed_directory())?;
    if found == committed {
        console::note(&format!("All {} queries are as in .sqlx.", found.len()));
        return Ok(());
    }
    Err(Failure::new(format!(
        ".sqlx is out of date ({}); run `cargo xtask sqlx` and commit it.",
        difference(&committed, &found)
    )))
}

/// File names and contents: one query each.
type Answers = BTreeMap<String, String>;

fn ask_database(toolbox: &Toolbox) -> Outcome<Answers> {
    console::begin(
        "Compiling every query against a Postgres; usually half a minute, the first time longer.",
    );
    let postgres = TemporaryPostgres::start(toolbox)?;
    let answers = TemporaryDirectory::new("holdfast-sqlx")?;
    let library = Touched::touch(workspace::path("server/src/lib.rs"))
        .map_err(|error| Failure::new(format!("Cannot touch the server's sources: {error}.")))?;

    // This is the same call as the checks in `test`, so that the crates are compiled once for both.
    let mut check = toolbox.cargo(&[
        "check",
        "--release",
        "--package",
        "holdfast-server",
        "--lib",
    ]);
    check
        .env("SQLX_OFFLINE", "false")
        .env("SQLX_OFFLINE_DIR", answers.path())
        .env("DATABASE_URL", postgres.url());
    progress::run("the queries", &mut check)?;
    drop(library);
    read_answers(answers.path())
}

/// Sets the time of the server's library file to now. The macros only write when they are expanded,
/// and cargo only expands changed files. All queries are in the library, as a test of the
/// architecture checks.
///
/// At the end the library gets its old time again. Otherwise cargo would compile the server again
/// for all later steps.
struct Touched {
    file: fs::File,
    before: std::time::SystemTime,
}

impl Touched {
    #[expect(
        clippy::disallowed_methods,
        reason = "the time of a file, not of the product"
    )]
    fn touch(path: PathBuf) -> std::io::Result<Self> {
        let file = fs::File::options().append(true).open(path)?;
        let before = file.metadata()?.modified()?;
        file.set_modified(std::time::SystemTime::now())?;
        Ok(Self { file, before })
    }
}

impl Drop for Touched {
    fn drop(&mut self) {
        // With the new time cargo compiles more than necessary, but this is not a failure.
        let _ = self.file.set_modified(self.before);
    }
}

fn committed_directory() -> PathBuf {
    workspace::path(".sqlx")
}

fn read_answers(directory: &Path) -> Outcome<Answers> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Ok(Answers::new());
    };
    let mut answers = Answers::new();
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with("query-") && name.ends_with(".json") {
            let text = fs::read_to_string(entry.path())
                .map_err(|error| Failure::new(format!("Cannot read .sqlx/{name}: {error}.")))?;
            answers.insert(name, text);
        }
    }
    Ok(answers)
}

/// Only changes files that differ. Equal files keep their time, so that builds stay valid.
fn replace(committed: &Answers, found: &Answers) -> std::io::Result<()> {
    for name in committed.keys().filter(|name| !found.contains_key(*name)) {
        fs::remove_file(committed_directory().join(name))?;
    }
    for (name, text) in found
        .iter()
        .filter(|(name, text)| committed.get(*name) != Some(text))
    {
        fs::write(committed_directory().join(name), text)?;
    }
    Ok(())
}

fn difference(committed: &Answers, found: &Answers) -> String {
    let missing = found
        .keys()
        .filter(|name| !committed.contains_key(*name))
        .count();
    let left_over = committed
        .keys()
        .filter(|name| !found.contains_key(*name))
        .count();
    let other = found
        .iter()
        .filter(|(name, text)| {
            committed
                .get(*name)
                .is_some_and(|committed| committed != *text)
        })
        .count();
    format!("{missing} missing, {left_over} left over, {other} with another answer")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pairs: &[(&str, &str)]) -> Answers {
        pairs
            .iter()
            .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()))
            .collect()
    }

    #[test]
    fn a_difference_is_told_by_its_kind() {
        let committed = answers(&[("same", "1"), ("changed", "1"), ("old", "1")]);
        let found = answers(&[("same", "1"), ("changed", "2"), ("new", "1")]);
        assert_eq!(
            difference(&committed, &found),
            "1 missing, 1 left over, 1 with another answer"
        );
    }
}
