//! The faults of the network for one request.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use holdfast_testkit::{Fault, Random};

/// Chooses a fault for about every sixth request, and counts them.
#[derive(Default)]
pub(crate) struct Faults {
    on: AtomicBool,
    counts: [AtomicUsize; KINDS.len()],
}

const KINDS: [&str; 7] = [
    "answers lost",
    "answers cut",
    "requests cut",
    "requests delayed",
    "answers delayed",
    "requests doubled",
    "requests given up and delivered late",
];

impl Faults {
    pub(crate) fn begin(&self) {
        self.on.store(true, Ordering::Relaxed);
    }

    pub(crate) fn end(&self) {
        self.on.store(false, Ordering::Relaxed);
    }

    /// The fault of the next request.
    pub(crate) fn next(&self, random: &mut Random) -> Fault {
        if !self.on.load(Ordering::Relaxed) {
            return Fault::Pass;
        }
        let up_to = |random: &mut Random, ms| Duration::from_millis(random.below(ms));
        let (kind, fault) = match random.below(100) {
            0..=3 => (0, Fault::DropAnswer),
            4..=5 => (1, Fault::CutAnswer),
            6..=7 => (2, Fault::CutRequest),
            8..=9 => (3, Fault::DelayRequest(up_to(random, 4000))),
            10..=11 => (4, Fault::DelayAnswer(up_to(random, 4000))),
            12..=13 => (5, Fault::Duplicate),
            // Up to four lifetimes of an access token.
            14..=15 => (6, Fault::LoseAndDeliverLater(up_to(random, 20_000))),
            _ => return Fault::Pass,
        };
        self.counts[kind].fetch_add(1, Ordering::Relaxed);
        fault
    }

    pub(crate) fn total(&self) -> usize {
        self.counts
            .iter()
            .map(|count| count.load(Ordering::Relaxed))
            .sum()
    }

    pub(crate) fn print(&self) {
        for (kind, count) in KINDS.iter().zip(&self.counts) {
            println!("| {kind} | {} |", count.load(Ordering::Relaxed));
        }
    }
}
