//! The answers of the servers to refreshes, also those that did not reach the client.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::fmt;
use std::hash::{Hash as _, Hasher as _};
use std::sync::{Mutex, MutexGuard, PoisonError};

use holdfast_protocol::wire::{Tokens, paths};
use holdfast_testkit::Answer;

/// Counts them.
#[derive(Default)]
pub(crate) struct Answers(Mutex<Counts>);

#[derive(Default)]
struct Counts {
    /// The hashes of the successors in the answers. An answer with a successor that is already here
    /// is a repeat.
    successors: HashSet<u64>,
    repeats: usize,
    /// All other answers, by status and code.
    others: BTreeMap<String, usize>,
}

impl Answers {
    /// Counts one request and its answer.
    pub(crate) fn see(&self, request: &[u8], answer: &[u8]) {
        if !request.starts_with(format!("POST {} ", paths::REFRESH).as_bytes()) {
            return;
        }
        let Some(answer) = Answer::parse(answer) else {
            // A server was killed while it wrote.
            return;
        };
        let mut counts = self.counts();
        match serde_json::from_slice::<Tokens>(&answer.body) {
            Ok(tokens) if answer.status == 200 => {
                let mut hasher = DefaultHasher::new();
                tokens.refresh_token.expose().hash(&mut hasher);
                if !counts.successors.insert(hasher.finish()) {
                    counts.repeats += 1;
                }
            }
            _ => *counts.others.entry(answer.summary()).or_default() += 1,
        }
    }

    pub(crate) fn print(&self) {
        let counts = self.counts();
        println!("| renewals | {} |", counts.successors.len());
        println!(
            "| repeats (the same successor once more) | {} |",
            counts.repeats
        );
        println!("| conflicts | {} |", counts.conflicts());
        for (what, count) in &counts.others {
            println!("| refreshes answered {what} | {count} |");
        }
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn conflicts(&self) -> usize {
        self.others
            .iter()
            .filter(|(what, _)| what.starts_with("409"))
            .map(|(_, count)| count)
            .sum()
    }
}

impl fmt::Display for Answers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = self.counts();
        write!(
            f,
            "renewals {}, repeats {}, conflicts {}",
            counts.successors.len(),
            counts.repeats,
            counts.conflicts()
        )
    }
}
