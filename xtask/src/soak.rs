//! `cargo xtask soak`: faults and restarts sign no client out.

use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub const SUMMARY: &str =
    "Renew for minutes under faults and restarts; no client may be signed out";

pub const HELP: &str = "
Usage: cargo xtask soak [--minutes <N>] [--clients <N>] [--tabs <N>] [--seed <N>]

Two servers on one Postgres, access tokens of five seconds, and a network in front of them that
loses, delays, cuts and doubles requests and answers. Meanwhile servers are killed, frozen and
replaced, and Postgres crashes. 200 clients and 10 tabs of one browser keep making calls and have to
stay signed in. The output is a line every ten seconds and a table at the end. The exit code is 1 if
a client or a tab was signed out.

  --minutes   how long; 10 unless said otherwise
  --clients   how many clients without a browser: 200
  --tabs      how many tabs of the browser: 10; 0 for none
  --seed      repeats the same choice of faults and restarts
";

pub fn run(arguments: &[String]) -> Outcome {
    let toolbox = setup::prepare(Purpose::Browser)?;
    release::provide(&toolbox)?;
    let program = release::build_beside_server(&toolbox, "soak")?;
    console::begin("Soaking. Ctrl-C stops early, with the table so far.");
    let mut soak = toolbox.command(&program.to_string_lossy());
    soak.args(arguments);
    // The program replaces this process, so that Ctrl-C reaches it and its exit code is that of the
    // command.
    Err(toolbox::become_program(&mut soak, "The soak"))
}
