//! Properties of the rotation on random histories. The rule in memory is compared with the
//! service on real Postgres, and the SQL guard with the rule.
//!
//! Every run prints its seed. `HOLDFAST_TEST_SEED` repeats it.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use holdfast_testkit::app as support;

mod actors;
mod guard;
mod histories;
mod runs;
mod world;
