//! What a browser downloads for the public pages, and what fills the WebAssembly.

use super::bare_leptos;
use crate::console;
use crate::failure::Outcome;
use crate::release;
use crate::setup::{self, Purpose};
use crate::site;
use crate::test;
use crate::toolbox;
use crate::workspace;

pub fn run() -> Outcome {
    let toolbox = setup::prepare(Purpose::Browser)?;
    release::provide(&toolbox)?;
    let bare = bare_leptos::build(&toolbox)?;
    let program = release::build_beside_server(&toolbox, "bench_size")?;

    console::begin("Measuring what a browser downloads for the home page.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    toolbox::show(bench.arg(bare.bare).arg(bare.with_client), "The bench")?;

    console::begin("Counting what Chromium loads for each public page.");
    let mut pages = test::playwright(&toolbox);
    toolbox::show(pages.arg("tests/pages/weight.spec.ts"), "Counting")?;

    // A release that was not built here has no names.
    let named = site::named();
    if release::named().is_none() && named.exists() {
        console::begin("Reading the names of the functions.");
        let mut by_crate = toolbox.command("node");
        by_crate
            .arg(workspace::path("xtask/site/by_crate.mjs"))
            .arg(named);
        toolbox::show(&mut by_crate, "Reading the names")?;
    }
    Ok(())
}
