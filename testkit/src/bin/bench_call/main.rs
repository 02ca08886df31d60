//! `cargo xtask bench call`: what the check of an access token adds to a call, and what the rest of
//! Holdfast adds to a handler on bare axum.
//!
//! One handler in five places: on bare axum, there with the headers that Holdfast adds to every
//! answer, the same on the connections of Holdfast, as an open route of Holdfast, and as a protected
//! one. So the table shows what each part takes. The five take turns within one run, so that a minute
//! in which the machine was busy affects all of them. The server is a process of its own, and its
//! processor time for one call is printed, too. The calls a second also depend on the load generator.

mod serve;

use std::cell::Cell;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::http::Method;
use holdfast_testkit::cpu::{self, Cpu};
use holdfast_testkit::{Connection, bench};

use crate::serve::{BODY, Place, Served};

/// How often the five take turns.
const ROUNDS: usize = 3;

/// Time in each turn before measuring begins.
const WARM_UP: Duration = Duration::from_millis(500);

fn main() -> anyhow::Result<()> {
    if std::env::args().nth(1).as_deref() == Some("serve") {
        return serve::run();
    }
    let argument = |n, default| -> anyhow::Result<u64> {
        std::env::args().nth(n).map_or(Ok(default), |text| {
            text.parse()
                .context("the arguments are the seconds of a turn, and connections")
        })
    };
    let seconds = argument(1, 5)?;
    let connections = argument(2, 16)?;
    ensure!((1..=60).contains(&seconds), "from 1 to 60 seconds");
    ensure!(
        (1..=256).contains(&connections),
        "from 1 to 256 connections"
    );
    bench::run(run(Duration::from_secs(seconds), connections))
}

/// The server, until it is dropped.
struct Server {
    process: Child,
    served: Served,
}

impl Server {
    fn start() -> anyhow::Result<Self> {
        let mut process = Command::new(std::env::current_exe()?)
            .arg("serve")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = process.stdout.take().context("the output was piped")?;
        let mut line = String::new();
        BufReader::new(output).read_line(&mut line)?;
        let served = serde_json::from_str(&line).context("the server did not start")?;
        Ok(Self { process, served })
    }
}

/// The server ends when its input ends, and stops its Postgres.
impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}

/// One of the five, summed up over its turns.
#[derive(Default)]
struct Side {
    calls: u64,
    took: Duration,
    server: Cpu,
    per_second: Vec<f64>,
}

async fn run(time: Duration, connections: u64) -> anyhow::Result<()> {
    let server = Server::start()?;
    let mut sides: [Side; 5] = Default::default();
    for round in 1..=ROUNDS {
        eprintln!(
            "Round {round} of {ROUNDS}: bare axum, with headers, with limits, an open route, a protected one …"
        );
        let mut turns: Vec<_> = sides.iter_mut().zip(Place::ALL).collect();
        // Each comes once before and once after the others.
        if round % 2 == 0 {
            turns.reverse();
        }
        for (side, place) in turns {
            turn(&server, place, connections, time, side).await?;
        }
    }
    let cores = std::thread::available_parallelism()?;
    println!(
        "{cores} cores, {connections} connections, {ROUNDS} rounds of {} s each\n",
        time.as_secs()
    );
    print(&sides);
    Ok(())
}

async fn turn(
    server: &Server,
    place: Place,
    connections: u64,
    time: Duration,
    side: &mut Side,
) -> anyhow::Result<()> {
    let served = &server.served;
    let (address, path) = (served.address(place), place.path());
    let authorization: Rc<str> = format!("Bearer {}", served.access_token).into();
    let phase = Rc::new(Phase::default());
    let mut tasks = Vec::new();
    for _ in 0..connections {
        let connection = Connection::open(address).await?;
        let calls = call(
            connection,
            path,
            Rc::clone(&authorization),
            Rc::clone(&phase),
        );
        tasks.push(tokio::task::spawn_local(calls));
    }
    tokio::time::sleep(WARM_UP).await;
    let reading = || cpu::of_process(server.process.id()).context("the server is gone");
    let (before, start) = (reading()?, Instant::now());
    phase.measuring.set(true);
    tokio::time::sleep(time).await;
    phase.measuring.set(false);
    let took = start.elapsed();
    let used = reading()? - before;
    phase.stopping.set(true);
    let mut calls = 0;
    for task in tasks {
        calls += task.await??;
    }
    ensure!(calls > 0, "no call to {path} was answered");
    side.calls += calls;
    side.took += took;
    side.server = side.server + used;
    side.per_second.push(calls as f64 / took.as_secs_f64());
    Ok(())
}

#[derive(Default)]
struct Phase {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
}

/// Calls without a pause. An answer that does not come from the handler stops the bench: refusals
/// are fast, and would count as a success.
async fn call(
    mut connection: Connection,
    path: &str,
    authorization: Rc<str>,
    phase: Rc<Phase>,
) -> anyhow::Result<u64> {
    let headers = [("authorization", &*authorization)];
    let mut calls = 0;
    while !phase.stopping.get() {
        let answer = connection.send(Method::GET, path, &headers, None).await?;
        ensure!(
            answer.status == 200 && answer.body == BODY,
            "{path} was answered {}: {}",
            answer.status,
            answer.text()
        );
        if phase.measuring.get() {
            calls += 1;
        }
    }
    Ok(calls)
}

fn print(sides: &[Side; 5]) {
    let [bare, with_headers, with_limits, open, protected] = sides;
    println!("| the same handler | calls a second | processor time of the server for one call |");
    println!("| --- | --- | --- |");
    for (name, side) in [
        ("on bare axum", bare),
        ("on bare axum, with the same headers", with_headers),
        (
            "the same on the connections of Holdfast, with their limits",
            with_limits,
        ),
        ("as an open route", open),
        ("as a protected route", protected),
    ] {
        println!(
            "| {name} | {:.0} | {:.1} µs ({:.1} in the kernel) |",
            side.calls as f64 / side.took.as_secs_f64(),
            micros(side.server.total(), side.calls),
            micros(side.server.system, side.calls),
        );
    }
    println!();
    println!("| ratio of calls a second, by round | |\n| --- | --- |");
    row("a protected route over an open one", protected, open);
    row("an open route over bare axum", open, bare);
    row(
        "an open route over bare axum with the same headers",
        open,
        with_headers,
    );
    row(
        "an open route over the same headers and limits",
        open,
        with_limits,
    );
}

fn row(what: &str, one: &Side, other: &Side) {
    let ratios: Vec<_> = one
        .per_second
        .iter()
        .zip(&other.per_second)
        .map(|(one, other)| format!("{:.2}", one / other))
        .collect();
    println!("| {what} | {} |", ratios.join(", "));
}

fn micros(time: Duration, calls: u64) -> f64 {
    time.as_secs_f64() * 1e6 / calls.max(1) as f64
}
