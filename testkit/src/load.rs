//! Many browsers that renew all the time, and the answers that they got.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::browser::{Browser, Renewal};
use crate::random::Random;
use crate::until::until;

/// How often each answer came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Tally(
    /// The count of each answer.
    pub BTreeMap<String, usize>,
);

impl Tally {
    /// Counts an answer.
    pub fn count(&mut self, what: impl Into<String>) {
        *self.0.entry(what.into()).or_default() += 1;
    }

    /// How often this answer came.
    pub fn of(&self, what: &str) -> usize {
        self.0.get(what).copied().unwrap_or_default()
    }

    /// Asserts that only these answers came.
    #[track_caller]
    pub fn is_only(&self, expected: &[&str]) {
        let others: Vec<_> = self
            .0
            .keys()
            .filter(|said| !expected.contains(&said.as_str()))
            .collect();
        assert!(others.is_empty(), "{self:?}");
    }
}

/// Browsers that renew until they are stopped.
pub struct Load {
    stopping: Arc<AtomicBool>,
    tally: Arc<Mutex<Tally>>,
    tabs: JoinSet<()>,
}

impl Load {
    /// Each browser renews every `pause`, at a random server. A request without an answer is
    /// repeated at another server.
    pub fn start(
        browsers: &[Browser],
        servers: &[SocketAddr],
        pause: Duration,
        random: &mut Random,
    ) -> Self {
        let stopping = Arc::new(AtomicBool::new(false));
        let tally = Arc::new(Mutex::new(Tally::default()));
        let mut tabs = JoinSet::new();
        for browser in browsers {
            let browser = browser.clone();
            let (stopping, tally) = (Arc::clone(&stopping), Arc::clone(&tally));
            let (servers, mut random) = (servers.to_vec(), random.fork());
            tabs.spawn(async move {
                let jitter = random.below(u64::try_from(pause.as_millis()).unwrap().max(1));
                tokio::time::sleep(Duration::from_millis(jitter)).await;
                while !stopping.load(Ordering::Relaxed) {
                    let at = random.below(servers.len() as u64);
                    let server = servers[usize::try_from(at).unwrap()];
                    let said = match browser.renew(server).await {
                        Renewal::Renewed => "renewed".to_owned(),
                        Renewal::Conflict => "conflict".to_owned(),
                        Renewal::Later(why) => why,
                        Renewal::Over(why) => {
                            tally.lock().unwrap().count(format!("OVER: {why}"));
                            return;
                        }
                    };
                    tally.lock().unwrap().count(said);
                    tokio::time::sleep(pause).await;
                }
            });
        }
        Self {
            stopping,
            tally,
            tabs,
        }
    }

    /// The answers so far.
    pub fn so_far(&self) -> Tally {
        self.tally.lock().unwrap().clone()
    }

    /// Waits until this many more renewals have succeeded.
    pub async fn renews(&self, more: usize) {
        let wanted = self.so_far().of("renewed") + more;
        until("renewals go on", Duration::from_secs(60), async || {
            self.so_far().of("renewed") >= wanted
        })
        .await;
    }

    /// Stops the browsers. Returns the answers.
    pub async fn stop(mut self) -> Tally {
        self.stopping.store(true, Ordering::Relaxed);
        while let Some(tab) = self.tabs.join_next().await {
            tab.unwrap();
        }
        self.so_far()
    }
}
