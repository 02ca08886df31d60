//! Draws a flame graph: reads the output of `perf script` and writes an SVG.

use std::env::args_os;
use std::fs::{File, write};
use std::io::{BufReader, BufWriter};

use anyhow::{Context, Result};
use inferno::collapse::Collapse;
use inferno::collapse::perf::{Folder, Options};
use inferno::flamegraph;

const USAGE: &str = "Usage: flamegraph <output of perf script> <folded stacks> <picture.svg>";

fn main() -> Result<()> {
    let mut paths = args_os().skip(1);
    let mut path = || paths.next().context(USAGE);
    let (script, stacks, picture) = (path()?, path()?, path()?);
    let mut folded = Vec::new();
    // The functions of one program say more than the names of its threads.
    let mut folder = Folder::from(Options::default());
    folder.collapse(BufReader::new(File::open(script)?), &mut folded)?;
    // For a person who wants to count with other tools.
    write(stacks, &folded)?;
    let mut options = flamegraph::Options::default();
    options.title = "holdfast serve, while clients renew".to_owned();
    let picture = BufWriter::new(File::create(picture)?);
    flamegraph::from_reader(&mut options, folded.as_slice(), picture)?;
    Ok(())
}
