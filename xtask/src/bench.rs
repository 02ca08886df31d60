//! `cargo xtask bench`: the numbers of `docs/performance.md`, measured here and now.

mod bare_leptos;
mod refresh;
mod size;

use crate::failure::{Failure, Outcome};

pub const SUMMARY: &str = "Measure renewals a second, and what a browser downloads";

pub const HELP: &str = "
Usage: cargo xtask bench [refresh [<seconds> [<connections>]] | size]

Runs all of these, or the named one, and prints a table for each:
  refresh   rotations a second through HTTP on one server, beside the same update by pgbench on the
            same Postgres; latency, log volume, who used the processors. Three rounds of 10 seconds
            with 16 connections, unless said otherwise
  size      what a browser downloads for the first page, beside the smallest Leptos page there is

The numbers are only right on a machine that does nothing else. If HOLDFAST_BINARY names a server,
that server is measured (with its site beside it), and nothing is built.
";

pub fn run(arguments: &[String]) -> Outcome {
    match arguments.split_first() {
        None => {
            refresh::run(&[])?;
            size::run()
        }
        Some((name, rest)) if name == "refresh" && rest.len() <= 2 => refresh::run(rest),
        Some((name, [])) if name == "size" => size::run(),
        Some(_) => Err(Failure::usage(HELP.trim())),
    }
}
