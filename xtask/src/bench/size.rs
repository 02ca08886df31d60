//! What a browser downloads for the first page. The measuring itself is a program of `testkit`,
//! which starts servers and speaks HTTP.

use super::bare_leptos;
use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox;

pub fn run() -> Outcome {
    let toolbox = setup::prepare(Purpose::Run)?;
    release::provide(&toolbox)?;
    let bare = bare_leptos::build(&toolbox)?;
    let program = release::build_beside_server(&toolbox, "bench_size")?;

    console::begin("Measuring what a browser downloads.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.arg(bare.bare).arg(bare.with_client), "The bench")
}
