//! The scores of Lighthouse for the public pages. A script starts the server and Chromium;
//! Lighthouse comes from npm, exactly as `xtask/lighthouse/package-lock.json` has it.

use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose, npm};
use crate::toolbox;
use crate::workspace;

/// How often each page is measured, unless the command names another number.
const ROUNDS: &str = "3";

pub fn run(arguments: &[String]) -> Outcome {
    let toolbox = setup::prepare(Purpose::Browser)?;
    npm::ensure(&toolbox, "xtask/lighthouse")?;
    let server = release::provide(&toolbox)?;
    console::begin("Measuring five pages; about five minutes. Leave the machine alone.");
    let rounds = arguments.first().map_or(ROUNDS, String::as_str);
    let mut bench = toolbox.command("node");
    bench
        .arg(workspace::path("xtask/lighthouse/bench.mjs"))
        .arg(server)
        .arg(rounds);
    toolbox::show(&mut bench, "The bench")
}
