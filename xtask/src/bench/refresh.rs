//! Rotations a second. The measuring itself is a program of `testkit`, which starts servers and
//! speaks HTTP.

use super::flame;
use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub fn run(arguments: &[String]) -> Outcome {
    let (flame, arguments): (Vec<_>, Vec<_>) = arguments
        .iter()
        .partition(|argument| argument.as_str() == "--flame");
    if !flame.is_empty() {
        return flame::run(&arguments);
    }
    let toolbox = setup::prepare(Purpose::Database)?;
    let program = release::build_beside_server(&toolbox, "bench_refresh")?;
    console::begin("Measuring rotations; about three minutes. Leave the machine alone.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.args(arguments), "The bench")
}
