//! The counts of the clients without a browser.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Counts for all of them.
#[derive(Default)]
pub(crate) struct Tally {
    /// Attempts that were sent again because no answer came.
    pub(crate) retries: Count,
    /// Protected calls that were answered.
    pub(crate) calls: Count,
    /// Protected calls without an answer, or without one of Holdfast's.
    pub(crate) failed_calls: Count,
    /// Clients that crashed and started again from what they had stored.
    pub(crate) crashes: Count,
    settled: Count,
    sign_outs: Mutex<Vec<String>>,
}

/// Counts up.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn one_more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl Tally {
    /// A client made a call after everything was repaired.
    pub(crate) fn settle(&self) {
        self.settled.one_more();
    }

    pub(crate) fn settled(&self) -> usize {
        self.settled.get()
    }

    /// A client was signed out, although it never signs out.
    pub(crate) fn sign_out(&self, how: String) {
        println!("SIGNED OUT: {how}");
        self.sign_outs().push(how);
    }

    pub(crate) fn signed_out(&self) -> usize {
        self.sign_outs().len()
    }

    pub(crate) fn print(&self) {
        println!("| retries (clients) | {} |", self.retries.get());
        println!("| protected calls (clients) | {} |", self.calls.get());
        println!(
            "| protected calls without an answer (clients) | {} |",
            self.failed_calls.get()
        );
        println!("| crashes of clients | {} |", self.crashes.get());
    }

    /// Why the sign-outs happened.
    pub(crate) fn explain(&self) {
        for how in self.sign_outs().iter() {
            println!("{how}");
        }
    }

    fn sign_outs(&self) -> MutexGuard<'_, Vec<String>> {
        self.sign_outs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "retries {}, calls {} (failed {}), sign-outs {}",
            self.retries.get(),
            self.calls.get(),
            self.failed_calls.get(),
            self.signed_out()
        )
    }
}
