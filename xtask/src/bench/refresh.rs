//! Rotations a second. The measuring itself is a program of `testkit`, which starts servers and
//! speaks HTTP.

use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub fn run(arguments: &[String]) -> Outcome {
    let toolbox = setup::prepare(Purpose::Database)?;
    let program = release::build_beside_server(&toolbox, "bench_refresh")?;
    console::begin("Measuring rotations; about a minute and a half. Leave the machine alone.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.args(arguments), "The bench")
}
