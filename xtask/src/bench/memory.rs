//! Memory of the server. A program of `testkit` does the measuring, as for the rotations.

use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub fn run(arguments: &[String]) -> Outcome {
    let toolbox = setup::prepare(Purpose::Database)?;
    let program = release::build_beside_server(&toolbox, "bench_memory")?;
    console::begin("Measuring memory; about two minutes.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.args(arguments), "The bench")
}
