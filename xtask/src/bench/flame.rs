//! A flame graph of the server while clients renew: which functions take how much of its processor
//! time.
//!
//! `perf` records, and the program in `xtask/flamegraph`, which has a lock file of its own, draws.
//! The server is the release itself: it has the names of its functions, and the tables with which a
//! panic finds the callers. A build of its own with frame pointers would compile everything once more.

use std::fs::{self, File};
use std::path::PathBuf;

use crate::console;
use crate::failure::{Failure, Outcome};
use crate::machine;
use crate::progress;
use crate::release;
use crate::setup::{self, Purpose};
use crate::toolbox::{self, Toolbox};
use crate::workspace;

const PACKAGE: &str = "xtask/flamegraph";

/// What `bench_refresh` gets if the person names nothing else: the seconds, and the clients.
const USUALLY: [&str; 2] = ["5", "16"];

pub fn run(arguments: &[&String]) -> Outcome {
    if machine::find_program(&["perf"]).is_none() {
        return Err(Failure::new(
            "`perf` is missing, which records where the server spends its time.",
        )
        .next(how_to_install()));
    }
    let toolbox = setup::prepare(Purpose::Database)?;
    let drawing = build_drawing(&toolbox)?;
    let program = release::build_beside_server(&toolbox, "bench_refresh")?;

    let place = workspace::target().join("flame");
    fs::create_dir_all(&place)
        .map_err(|error| Failure::new(format!("Cannot make {}: {error}.", place.display())))?;
    let (recorded, script) = (place.join("perf.data"), place.join("perf.txt"));
    let (stacks, picture) = (place.join("stacks.txt"), place.join("refresh.svg"));
    console::begin("Recording a server while clients renew; about a quarter of a minute.");
    let mut bench = toolbox.command(&program.to_string_lossy());
    // The seconds and the clients come first, before all flags.
    if arguments.first().is_none_or(|first| first.starts_with('-')) {
        bench.args(USUALLY);
    }
    bench.args(arguments);
    bench.arg("--record").arg(&recorded);
    toolbox::show(&mut bench, "The bench")?;

    let text = File::create(&script)
        .map_err(|error| Failure::new(format!("Cannot write {}: {error}.", script.display())))?;
    let mut perf = toolbox.command("perf");
    // The names of inlined functions would take minutes.
    perf.args(["script", "--no-inline", "--force", "--input"])
        .arg(&recorded)
        .stdout(text);
    toolbox::show(&mut perf, "`perf script`")?;
    let mut draw = toolbox.command(&drawing.to_string_lossy());
    draw.args([&script, &stacks, &picture]);
    toolbox::show(&mut draw, "Drawing")?;
    println!("The flame graph is {}", picture.display());
    println!("Its stacks are {}", stacks.display());
    Ok(())
}

fn how_to_install() -> &'static str {
    if machine::has_apt() {
        "Install it with `apt-get install linux-perf`, then start the command again."
    } else {
        "Install it (only Linux has it), then start the command again."
    }
}

fn build_drawing(toolbox: &Toolbox) -> Outcome<PathBuf> {
    let target = workspace::target().join("tools/flamegraph");
    let mut cargo = toolbox.cargo(&["build", "--locked", "--release", "--manifest-path"]);
    cargo
        .arg(workspace::path(PACKAGE).join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target);
    progress::run("the flame graph's program", &mut cargo)?;
    Ok(target.join("release/flamegraph"))
}
