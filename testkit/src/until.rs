//! Waits for work of other processes.

use std::time::{Duration, Instant};

/// How long a single check may take on a machine that is quiet enough to measure; usually it takes
/// 6 ms.
const BUSY: Duration = Duration::from_millis(50);
/// How long a busy machine may take for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until `done`, and returns how long that took.
///
/// It fails if this takes too long, unless the machine is too busy to measure. A machine is too
/// busy if a single check is slow. Then this prints the time, and only the result counts.
pub async fn until(what: &str, within: Duration, done: impl AsyncFn() -> bool) -> Duration {
    let start = Instant::now();
    let mut slowest = Duration::ZERO;
    loop {
        let look = Instant::now();
        if done().await {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        slowest = slowest.max(look.elapsed());
        let limit = if slowest > BUSY { PATIENCE } else { within };
        assert!(
            start.elapsed() < limit.max(within),
            "{what}: not within {within:?}"
        );
    }
    let took = start.elapsed();
    if took > within {
        println!(
            "{what} took {took:?}. The machine was too busy to judge this: one check took {slowest:?}."
        );
    }
    took
}
