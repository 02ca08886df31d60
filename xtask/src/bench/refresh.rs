//! Rotations a second. The measuring itself is an example of the server's package: it needs a
//! database, and that package brings one.

use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub fn run(arguments: &[String]) -> Outcome {
    let toolbox = setup::prepare(Purpose::Database)?;
    let program = release::build_example(&toolbox, "bench_refresh")?;
    console::begin("Measuring rotations; about a minute and a half. Leave the machine alone.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.args(arguments), "The bench")
}
