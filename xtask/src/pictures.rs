//! `cargo xtask pictures`: pictures of every page and state, for a person who looks at them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::release;
use crate::setup::{self, Purpose};
use crate::test;
use crate::toolbox;
use crate::workspace;

pub const SUMMARY: &str = "Take pictures of every page and state, or those of the README";

pub const HELP: &str = "
Usage: cargo xtask pictures [readme | <directory>]

Takes pictures of every page and of its states with Chromium and a release build: on a desktop and on
a phone, light and dark, in English and in German. They are about 400, and for a person who looks at
them; no test compares them. `account-german-phone-dark.png` is the page `account` in German.

  <directory>   where the pictures are put; target/pictures if it is not said
  readme        takes only the pictures of the README, and puts them into docs/images
";

pub fn run(arguments: &[String]) -> Outcome {
    let (tag, directory) = match arguments {
        [] => ("@screens", workspace::target().join("pictures")),
        [readme] if readme == "readme" => ("@readme", workspace::path("docs/images")),
        [directory] if !directory.starts_with('-') => ("@screens", absolute(directory)?),
        _ => {
            return Err(Failure::usage(format!(
                "Say one directory, or `readme`.\n\n{}",
                HELP.trim()
            )));
        }
    };
    let toolbox = setup::prepare(Purpose::Browser)?;
    release::build(&toolbox)?;
    fs::create_dir_all(&directory)
        .map_err(|error| Failure::new(format!("Cannot make {}: {error}.", directory.display())))?;
    let mut playwright = test::playwright(&toolbox);
    playwright.args(["--grep", tag]).env("SCREENS", &directory);
    toolbox::show(&mut playwright, "Taking the pictures")?;
    console::begin(&format!("The pictures are in {}.", directory.display()));
    Ok(())
}

/// Playwright runs in another directory than the person.
fn absolute(directory: &str) -> Outcome<PathBuf> {
    std::path::absolute(Path::new(directory))
        .map_err(|error| Failure::new(format!("`{directory}` is no directory: {error}.")))
}
