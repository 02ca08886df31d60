//! Floods of sign-ins. The fleet tests of the same name do the measuring. They attack a server of
//! their own. Here they run with an optimised server, one after the other, and print their results.

use std::process::Command;

use crate::console;
use crate::failure::Outcome;
use crate::programs::NATIVE;
use crate::progress;
use crate::setup::{self, Purpose};
use crate::test;
use crate::toolbox::{self, Toolbox};

pub fn run() -> Outcome {
    let toolbox = setup::prepare(Purpose::Database)?;
    progress::run("the fleet tests", &mut fleet(&toolbox, &["--no-run"], &[]))?;
    console::begin("Flooding a server; about two minutes. Leave the machine alone.");
    let chosen = ["floods::", "--nocapture", "--test-threads=1"];
    let outcome = toolbox::show(&mut fleet(&toolbox, &[], &chosen), "The bench");
    test::stop_test_postgres();
    outcome
}

fn fleet(toolbox: &Toolbox, arguments: &[&str], of_tests: &[&str]) -> Command {
    let mut command = toolbox.cargo(&["test", "--release", "--test=fleet"]);
    command
        .args(arguments)
        .args(NATIVE)
        .arg("--")
        .args(of_tests);
    command
}
