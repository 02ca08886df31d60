//! `cargo xtask bench`: the numbers of `docs/performance.md`, measured on this machine.

mod bare_leptos;
mod call;
mod dev;
mod endings;
mod flame;
mod floods;
mod lighthouse;
mod memory;
mod refresh;
mod size;

use crate::failure::{Failure, Outcome};

pub const SUMMARY: &str = "Measure renewals a second, and what a browser downloads";

pub const HELP: &str = "
Usage: cargo xtask bench [refresh [<seconds> [<clients>,…]] [--sessions <number>]
                                  [--variable <name>=<value>] [--flame]
                         | size
                         | call [<seconds> [<connections>]]
                         | endings [<endings> [<clients>]]
                         | memory [<seconds>] [--sign-ins <number>] [--sessions <number>]
                                  [--connections <number>] [--rate <number>]
                                  [--variable <name>=<value>]
                         | lighthouse [<rounds>] | floods | dev [<rounds>]]

Runs the first two of these, or the named one, and prints a table for each:
  refresh   rotations a second through HTTP on one server and on two, beside the same update by
            pgbench on the same Postgres; latency without a pause and at half load, log volume, who
            used the processors. Three rounds of 3 seconds with 1, 16, 64 and 256 clients, unless
            said otherwise. With --sessions, so many other sessions are in the table. A --variable
            goes to the servers, such as HOLDFAST_ROTATION_COMMIT=asynchronous. With --flame,
            nothing is measured: perf records one server with 16 clients, and a flame graph in
            target/flame shows which functions take its processor time
  size      what a browser downloads for the first page, beside the smallest Leptos page there is; every
            file that Chromium loads for each public page; and which crates fill the WebAssembly
  call      the same handler in five places: on bare axum, there with the headers of Holdfast's
            answers, the same on the connections of Holdfast, as an open route and as a protected
            route of Holdfast. Shows what the check of an access token adds to a call, and what each
            other part of Holdfast adds. Three rounds of 5
            seconds each with 16 connections, unless said otherwise
  endings   sessions that end a second through HTTP on one server, beside the same statements by
            pgbench, once with the notification of the other servers after the commit, and once
            within the transaction. Three rounds of 500 endings by each of 16 clients, unless said
            otherwise
  memory    resident memory of one server: idle, after 1,000 sign-ins, with 10,000 sessions that
            renew, and after they have gone on for a minute, unless said otherwise. They renew over 256
            connections without a pause, or with a --rate so often a second. A --variable goes to
            the server: LD_PRELOAD names another allocator, MALLOC_ARENA_MAX limits that of glibc
  lighthouse  the scores of Lighthouse for the public pages on a phone, and its times. Lighthouse
            comes from npm when this runs for the first time. Three rounds unless said otherwise
  floods    what sign-in floods from one address and from 64 do to one server: renewals before,
            during and after it, how many known browsers and strangers could sign in, connections,
            memory
  dev       how long a saved change takes until it is seen under `cargo xtask dev`: a word in a page,
            a value in the style, a sentence of the server. A clone is built and changed, so it also
            says how long the first build takes. Five rounds unless said otherwise

The numbers are only right on a machine that does nothing else. If HOLDFAST_BINARY names a server,
that server is measured (with its site beside it) and not built. `dev` builds its own clone.
";

pub fn run(arguments: &[String]) -> Outcome {
    match arguments.split_first() {
        None => {
            refresh::run(&[])?;
            size::run()
        }
        Some((name, rest)) if name == "refresh" => refresh::run(rest),
        Some((name, rest)) if name == "memory" => memory::run(rest),
        Some((name, rest)) if name == "lighthouse" && rest.len() <= 1 => lighthouse::run(rest),
        Some((name, rest)) if name == "call" && rest.len() <= 2 => call::run(rest),
        Some((name, rest)) if name == "endings" && rest.len() <= 2 => endings::run(rest),
        Some((name, rest)) if name == "dev" && rest.len() <= 1 => dev::run(rest),
        Some((name, [])) if name == "floods" => floods::run(),
        Some((name, [])) if name == "size" => size::run(),
        Some(_) => Err(Failure::usage(HELP.trim())),
    }
}
