//! Browsers that renew without a pause, each on its own connection and with its own
//! session.

use std::cell::Cell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use axum::http::Method;
use holdfast_protocol::attempt_key::HEADER;
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::wire::{RefreshRequest, Tokens, paths};
use holdfast_testkit::{Connection, Http, new_key};

/// All of them.
pub(crate) struct Load {
    chains: Vec<Chain>,
}

/// One session, and the connection that its requests go over.
struct Chain {
    connection: Connection,
    tokens: Tokens,
    rotations: u64,
}

/// The result of a round.
pub(crate) struct Rotations {
    /// The time of each rotation that was answered during the measurement.
    pub(crate) latencies: Vec<Duration>,
    pub(crate) took: Duration,
}

impl Load {
    /// Signs up this many accounts.
    pub(crate) async fn sign_up(server: SocketAddr, count: u32) -> anyhow::Result<Self> {
        let mut chains = Vec::new();
        for n in 0..count {
            let tokens = Http.try_sign_up(server, &format!("bench{n}")).await?;
            let connection = Connection::open(server).await?;
            chains.push(Chain {
                connection,
                tokens,
                rotations: 0,
            });
        }
        Ok(Self { chains })
    }

    /// How many rotations were answered with new tokens, measured or not.
    pub(crate) fn rotations(&self) -> u64 {
        self.chains.iter().map(|chain| chain.rotations).sum()
    }

    /// All renew for `warm_up` and then for `time`; `begin` is called between the two and
    /// `end` after them, while they still go on.
    pub(crate) async fn run<T>(
        &mut self,
        warm_up: Duration,
        time: Duration,
        begin: impl AsyncFnOnce() -> anyhow::Result<T>,
        end: impl AsyncFnOnce(T) -> anyhow::Result<()>,
    ) -> anyhow::Result<Rotations> {
        let phase = Rc::new(Phase::default());
        // All clients run on this thread: the fewer threads the load has, the less processor time
        // it takes from the server.
        let tasks: Vec<_> = self
            .chains
            .drain(..)
            .map(|chain| tokio::task::spawn_local(chain.run(Rc::clone(&phase))))
            .collect();
        tokio::time::sleep(warm_up).await;
        let begun = begin().await?;
        let start = Instant::now();
        phase.measuring.set(true);
        tokio::time::sleep(time).await;
        phase.measuring.set(false);
        let took = start.elapsed();
        end(begun).await?;
        phase.stopping.set(true);
        let mut latencies = Vec::new();
        for task in tasks {
            let (chain, measured) = task.await??;
            self.chains.push(chain);
            latencies.extend(measured);
        }
        ensure!(!latencies.is_empty(), "no rotation was answered");
        Ok(Rotations { latencies, took })
    }
}

#[derive(Default)]
struct Phase {
    measuring: Cell<bool>,
    stopping: Cell<bool>,
}

impl Chain {
    async fn run(mut self, phase: Rc<Phase>) -> anyhow::Result<(Self, Vec<Duration>)> {
        let mut latencies = Vec::new();
        while !phase.stopping.get() {
            let latency = self.rotate().await?;
            if phase.measuring.get() {
                latencies.push(latency);
            }
        }
        Ok((self, latencies))
    }

    /// An answer that is not the next link of the same chain stops the bench, because errors are
    /// answered fast and would count as a success.
    async fn rotate(&mut self) -> anyhow::Result<Duration> {
        let key = new_key();
        let headers = [(HEADER, key.expose())];
        let body = serde_json::to_string(&RefreshRequest {
            refresh_token: self.tokens.refresh_token.clone(),
        })?;
        let start = Instant::now();
        let answer = self
            .connection
            .send(Method::POST, paths::REFRESH, &headers, Some(&body))
            .await?;
        let latency = start.elapsed();
        ensure!(
            answer.status == 200,
            "a rotation was answered {}: {}",
            answer.status,
            answer.text()
        );
        let tokens: Tokens = serde_json::from_slice(&answer.body)?;
        ensure!(
            link(&tokens)? == (self.tokens.session_id, link(&self.tokens)?.1 + 1),
            "a rotation was not answered with the next token"
        );
        self.tokens = tokens;
        self.rotations += 1;
        Ok(latency)
    }
}

fn link(tokens: &Tokens) -> anyhow::Result<(uuid::Uuid, u32)> {
    let token = UnverifiedRefreshToken::parse(tokens.refresh_token.expose())
        .ok()
        .context("the answer has no valid refresh token")?;
    Ok((token.session_id(), token.generation()))
}
