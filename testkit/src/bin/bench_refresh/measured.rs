//! The measurements, and the tables that show them.

use std::time::Duration;

use crate::processors::Side;

/// If other programs use more than this share of the machine, the result is not reliable.
const BUSY_MACHINE: f64 = 0.05;

/// Everything that was measured.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    /// Of the rotations through HTTP.
    pub(crate) wal: i64,
    /// Of both ways; those of them that were HOT.
    pub(crate) updates: (i64, i64),
    /// Bytes before and after.
    pub(crate) table: (i64, i64),
    /// Of each server.
    pub(crate) resident_kib: Vec<u64>,
}

/// One number of clients.
pub(crate) struct Row {
    pub(crate) clients: usize,
    pub(crate) pgbench: Side,
    pub(crate) http: Vec<OnInstances>,
}

/// The clients of a row at this many instances.
#[derive(Default)]
pub(crate) struct OnInstances {
    pub(crate) instances: usize,
    pub(crate) side: Side,
    pub(crate) latencies: Vec<Duration>,
    pub(crate) at_half_load: Vec<Duration>,
}

impl Measured {
    pub(crate) fn print(&self) {
        self.print_rates();
        self.print_processors();
        self.print_storage();
        let sides = self.rows.iter().flat_map(|row| {
            let of_http = row.http.iter().map(|on| &on.side);
            of_http.chain([&row.pgbench])
        });
        let others = sides.map(Side::others).fold(0.0, f64::max);
        println!(
            "\nOther programs used up to {:.0} % of the machine meanwhile.",
            others * 100.0
        );
        if others > BUSY_MACHINE {
            println!("The machine was busy with something else: compare the ratios only.");
        }
    }

    fn print_rates(&self) {
        println!(
            "| clients | instances | rotations a second | the same update by pgbench | ratio, by round | latency p50, p99 | at half load p50, p99 |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- |");
        for (row, on) in self.both() {
            let ratios: Vec<_> = on
                .side
                .per_second
                .iter()
                .zip(&row.pgbench.per_second)
                .map(|(http, pgbench)| format!("{:.2}", http / pgbench))
                .collect();
            println!(
                "| {} | {} | {:.0} | {:.0} | {} | {} | {} |",
                row.clients,
                on.instances,
                mean(&on.side.per_second),
                mean(&row.pgbench.per_second),
                ratios.join(", "),
                percentiles(&on.latencies),
                percentiles(&on.at_half_load),
            );
        }
    }

    fn print_processors(&self) {
        println!(
            "\nProcessor time for one rotation, in µs, and how much of it in the kernel:\n\n\
             | clients | instances | Holdfast | Postgres | the load generator | together | by pgbench: Postgres | pgbench | together |"
        );
        println!("| --- | --- | --- | --- | --- | --- | --- | --- | --- |");
        for (row, on) in self.both() {
            let (http, pgbench) = (&on.side, &row.pgbench);
            println!(
                "| {} | {} | {} | {} | {} | {} | {} | {} | {} |",
                row.clients,
                on.instances,
                http.each(http.servers),
                http.each(http.database),
                http.each(http.load),
                http.each(http.together()),
                pgbench.each(pgbench.database),
                pgbench.each(pgbench.load),
                pgbench.each(pgbench.together()),
            );
        }
    }

    fn print_storage(&self) {
        let http: u64 = self.both().map(|(_, on)| on.side.rotations).sum();
        let resident: Vec<_> = self
            .resident_kib
            .iter()
            .map(|kib| format!("{:.1} MiB", *kib as f64 / 1024.0))
            .collect();
        println!("\n| all rounds together | |\n| --- | --- |");
        println!(
            "| WAL per rotation through HTTP | {} bytes |",
            self.wal / i64::try_from(http.max(1)).unwrap_or(i64::MAX)
        );
        println!(
            "| HOT updates | {:.2} % |",
            self.updates.1 as f64 * 100.0 / self.updates.0.max(1) as f64
        );
        println!(
            "| table `sessions` before and after | {} KiB, {} KiB |",
            self.table.0 / 1024,
            self.table.1 / 1024
        );
        println!(
            "| resident memory of each server at the end | {} |",
            resident.join(", ")
        );
    }

    fn both(&self) -> impl Iterator<Item = (&Row, &OnInstances)> {
        self.rows
            .iter()
            .flat_map(|row| row.http.iter().map(move |on| (row, on)))
    }
}

/// `2.89 ms, 7.92 ms`: the middle one, and the one that only one in a hundred exceeds.
fn percentiles(sorted: &[Duration]) -> String {
    let at = |percent: usize| {
        let place = (sorted.len() * percent / 100).min(sorted.len().saturating_sub(1));
        sorted.get(place).copied().unwrap_or_default().as_secs_f64() * 1000.0
    };
    format!("{:.2} ms, {:.2} ms", at(50), at(99))
}

pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}
