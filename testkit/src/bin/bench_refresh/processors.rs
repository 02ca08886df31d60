//! Who used the processors: the server, the database and the load generator share them.

use std::ops::Add;
use std::time::Duration;

use holdfast_testkit::Server;
use holdfast_testkit::cpu::{self, Cpu};

/// The processors' time up to now.
#[derive(Default)]
pub(crate) struct Reading {
    servers: Option<Cpu>,
    database: Option<Cpu>,
    load: Option<Cpu>,
    machine: Option<Duration>,
}

impl Reading {
    /// While the clients of this program renew.
    pub(crate) fn of_clients(servers: &[Server], postmaster: Option<u32>) -> Self {
        Self::new(servers, postmaster, cpu::of_process(std::process::id()))
    }

    /// Around a run of `pgbench`.
    pub(crate) fn of_pgbench(servers: &[Server], postmaster: Option<u32>) -> Self {
        Self::new(servers, postmaster, cpu::of_ended_children())
    }

    fn new(servers: &[Server], postmaster: Option<u32>, load: Option<Cpu>) -> Self {
        let of_each: Option<Vec<_>> = servers
            .iter()
            .map(|server| cpu::of_process(server.process_id()))
            .collect();
        Self {
            servers: of_each.map(|of_each| of_each.into_iter().fold(Cpu::default(), Add::add)),
            database: postmaster.and_then(cpu::of_family),
            load,
            machine: cpu::of_machine(),
        }
    }
}

/// Rotations in one of the ways, as a sum over its rounds.
#[derive(Default)]
pub(crate) struct Side {
    pub(crate) rotations: u64,
    pub(crate) took: Duration,
    pub(crate) per_second: Vec<f64>,
    pub(crate) servers: Cpu,
    pub(crate) database: Cpu,
    pub(crate) load: Cpu,
    machine: Duration,
}

impl Side {
    pub(crate) fn add_round(&mut self, rotations: u64, took: Duration, per_second: f64) {
        self.rotations += rotations;
        self.took += took;
        self.per_second.push(per_second);
    }

    pub(crate) fn add_usage(&mut self, before: &Reading, after: &Reading) {
        let passed = |before: Option<Cpu>, after: Option<Cpu>| match (before, after) {
            (Some(before), Some(after)) => after - before,
            _ => Cpu::default(),
        };
        self.servers = self.servers + passed(before.servers, after.servers);
        self.database = self.database + passed(before.database, after.database);
        self.load = self.load + passed(before.load, after.load);
        if let (Some(before), Some(after)) = (before.machine, after.machine) {
            self.machine += after.saturating_sub(before);
        }
    }

    /// What all three have used.
    pub(crate) fn together(&self) -> Cpu {
        self.servers + self.database + self.load
    }

    /// The share of the machine that other programs have used.
    pub(crate) fn others(&self) -> f64 {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let others = self.machine.saturating_sub(self.together().total());
        others.as_secs_f64() / (self.took.as_secs_f64() * cores as f64)
    }

    /// `149 (37)`: microseconds for one rotation, and how many of them in the kernel.
    pub(crate) fn each(&self, cpu: Cpu) -> String {
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / self.rotations.max(1) as f64;
        format!("{:.0} ({:.0})", micros(cpu.total()), micros(cpu.system))
    }
}
