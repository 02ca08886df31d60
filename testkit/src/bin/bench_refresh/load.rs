//! Browsers that renew, each on its own connection and with its own session: without a pause, or at
//! a fixed rate.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use anyhow::ensure;
use holdfast_testkit::{Chain, Connection};
use tokio::time::{Instant, sleep, sleep_until};

/// How fast the browsers renew.
#[derive(Clone, Copy)]
pub(crate) enum Pace {
    /// Each sends the next request when it has the answer.
    WithoutPause,
    /// All together send this many a second, in turn and evenly.
    PerSecond(f64),
}

/// The result of a round.
pub(crate) struct Rotations {
    /// The time of each rotation that was answered during the measurement.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
}

/// The sessions renew for `warm_up` and then for `time`, in turn at these servers. `begin` is called
/// between the two and `end` after them, while they still go on.
pub(crate) async fn run<T>(
    chains: &mut Vec<Chain>,
    servers: &[SocketAddr],
    pace: Pace,
    (warm_up, time): (Duration, Duration),
    begin: impl AsyncFnOnce() -> anyhow::Result<T>,
    end: impl AsyncFnOnce(T) -> anyhow::Result<()>,
) -> anyhow::Result<Rotations> {
    let phase = Rc::new(Phase::default());
    let schedule = Schedule::new(pace, chains.len());
    let mut tasks = Vec::new();
    // All clients run on this thread: the fewer threads the load has, the less processor time it
    // takes from the server.
    for (number, chain) in chains.drain(..).enumerate() {
        let client = Client {
            chain,
            connection: Connection::open(servers[number % servers.len()]).await?,
            next: schedule.first(number),
            every: schedule.every,
        };
        tasks.push(tokio::task::spawn_local(client.run(Rc::clone(&phase))));
    }
    sleep(warm_up).await;
    let begun = begin().await?;
    let start = Instant::now();
    phase.measuring.set(true);
    sleep(time).await;
    phase.measuring.set(false);
    let took = start.elapsed();
    end(begun).await?;
    phase.stopping.set(true);
    let mut latencies = Vec::new();
    for task in tasks {
        let (chain, measured) = task.await??;
        chains.push(chain);
        latencies.extend(measured);
    }
    ensure!(!latencies.is_empty(), "no rotation was answered");
    latencies.sort_unstable();
    Ok(Rotations { latencies, took })
}

#[derive(Default)]
struct Phase {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
}

/// When the clients send.
struct Schedule {
    start: Instant,
    between: Duration,
    /// From one request of a client to its next one. `None` without a pause.
    every: Option<Duration>,
}

impl Schedule {
    fn new(pace: Pace, clients: usize) -> Self {
        let between = match pace {
            Pace::WithoutPause => Duration::ZERO,
            Pace::PerSecond(rate) => Duration::from_secs_f64(1.0 / rate),
        };
        let clients = u32::try_from(clients).unwrap_or(u32::MAX);
        Self {
            start: Instant::now(),
            between,
            every: (!between.is_zero()).then(|| between * clients),
        }
    }

    fn first(&self, number: usize) -> Instant {
        self.start + self.between * u32::try_from(number).unwrap_or(u32::MAX)
    }
}

/// One session, and the connection that its requests go over.
struct Client {
    chain: Chain,
    connection: Connection,
    /// When its next request is due.
    next: Instant,
    every: Option<Duration>,
}

impl Client {
    async fn run(mut self, phase: Rc<Phase>) -> anyhow::Result<(Chain, Vec<Duration>)> {
        let mut latencies = Vec::new();
        while !phase.stopping.get() {
            let late = self.wait_for_turn().await;
            let rotated = self.chain.rotate(&mut self.connection).await?;
            if phase.measuring.get() {
                latencies.push(late + rotated.took);
            }
        }
        Ok((self.chain, latencies))
    }

    /// Waits until the next request is due. Returns how late it is, because the client still waited
    /// for its previous answer: a person would have waited for that time, too. What the timer adds
    /// does not count.
    async fn wait_for_turn(&mut self) -> Duration {
        let Some(every) = self.every else {
            return Duration::ZERO;
        };
        let due = self.next;
        self.next += every;
        let late = due.elapsed();
        if late.is_zero() {
            sleep_until(due).await;
        }
        late
    }
}
