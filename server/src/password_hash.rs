//! Password hashing: argon2id, on a bounded number of threads.
//!
//! One computation takes 19 MiB and tens of milliseconds of a core. Without a bound,
//! a flood of sign-ins would take all memory and starve the refreshes of people who
//! are signed in; with it, the excess is told to come back later.
//!
//! An unknown account is verified against a hash of nobody, so that the time of an
//! answer does not tell who has an account.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};
use holdfast_protocol::secret::Secret;
use tokio::sync::{Semaphore, oneshot};

/// Hashes and verifies passwords.
#[derive(Clone)]
pub struct PasswordHashes {
    argon2: Argon2<'static>,
    nobody: Arc<str>,
    threads: Threads,
    running: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    most_waiting: usize,
}

/// Too many passwords are being hashed already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saturated;

/// The outcome of comparing a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the account's.
    Right {
        /// The hash in today's parameters, where the stored one is older.
        rehashed: Option<String>,
    },
    /// It is not, or there is no such account.
    Wrong,
}

/// How expensive one hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// Passes over it.
    pub passes: u32,
}

impl Cost {
    /// argon2id with 19 MiB and two passes (OWASP Password Storage Cheat Sheet).
    pub const OWASP: Self = Self {
        memory: 19 * 1024,
        passes: 2,
    };
}

impl PasswordHashes {
    /// At most `at_once` computations run, and at most `most_waiting` wait.
    ///
    /// # Panics
    /// When argon2 does not take the cost.
    pub fn new(cost: Cost, at_once: usize, most_waiting: usize) -> Self {
        let params = Params::new(cost.memory, cost.passes, 1, None).expect("argon2 takes the cost");
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let nobody = hash_now(&argon2, &crate::random::bytes::<32>());
        Self {
            argon2,
            nobody: nobody.into(),
            threads: Threads::start(at_once),
            running: Arc::new(Semaphore::new(at_once)),
            waiting: Arc::default(),
            most_waiting,
        }
    }

    /// Hashes a new password.
    ///
    /// # Errors
    /// [`Saturated`] when too many computations wait already.
    pub async fn hash(&self, password: &Secret) -> Result<String, Saturated> {
        let (argon2, password) = (self.argon2.clone(), password.clone());
        self.run(move || hash_now(&argon2, password.expose().as_bytes()))
            .await
    }

    /// Compares a password with the stored hash, or with nobody's where there is no
    /// account. Both take the same time.
    ///
    /// # Errors
    /// [`Saturated`] when too many computations wait already.
    pub async fn verify(
        &self,
        password: &Secret,
        stored: Option<String>,
    ) -> Result<Verdict, Saturated> {
        let this = self.clone();
        let password = password.clone();
        self.run(move || this.verify_now(&password, stored.as_deref()))
            .await
    }

    fn verify_now(&self, password: &Secret, stored: Option<&str>) -> Verdict {
        let hash = stored.unwrap_or(&self.nobody);
        let password = password.expose().as_bytes();
        let Ok(parsed) = PasswordHash::new(hash) else {
            tracing::error!("A stored password hash cannot be read.");
            return Verdict::Wrong;
        };
        let right = self.argon2.verify_password(password, &parsed).is_ok() && stored.is_some();
        if !right {
            return Verdict::Wrong;
        }
        let parameters = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let outdated = parameters(hash) != parameters(&self.nobody);
        Verdict::Right {
            rehashed: outdated.then(|| hash_now(&self.argon2, password)),
        }
    }

    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Saturated> {
        let place = Waiting::take(&self.waiting, self.most_waiting).ok_or(Saturated)?;
        let permit = Arc::clone(&self.running)
            .acquire_owned()
            .await
            .map_err(|_| Saturated)?;
        drop(place);
        // The permit goes along: the computation is not stopped when the caller goes
        // away, and must count until it is done.
        let (answer, answered) = oneshot::channel();
        self.threads.run(move || {
            let _permit = permit;
            let _ = answer.send(work());
        });
        answered.await.map_err(|_| Saturated)
    }
}

/// The threads that compute. Always the same few, because the allocator keeps memory of
/// past computations for each thread that did one (measured: about 140 MiB of it, however
/// many there were), and tokio has hundreds of blocking threads.
#[derive(Clone)]
struct Threads(mpsc::Sender<Job>);

type Job = Box<dyn FnOnce() + Send>;

impl Threads {
    /// They end when the last clone is dropped.
    fn start(count: usize) -> Self {
        let (sender, jobs) = mpsc::channel::<Job>();
        let jobs = Arc::new(Mutex::new(jobs));
        for _ in 0..count {
            let jobs = Arc::clone(&jobs);
            let next = move || jobs.lock().unwrap_or_else(|p| p.into_inner()).recv();
            thread::Builder::new()
                .name("password".to_owned())
                .spawn(move || {
                    while let Ok(job) = next() {
                        // Whoever waits for it hears of a panic by getting no answer.
                        let _ = catch_unwind(AssertUnwindSafe(job));
                    }
                })
                .expect("the system starts a few threads");
        }
        Self(sender)
    }

    fn run(&self, job: impl FnOnce() + Send + 'static) {
        // They listen for as long as `self` is there.
        let _ = self.0.send(Box::new(job));
    }
}

/// A place in the queue, given back when it is dropped.
struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn take(waiting: &Arc<AtomicUsize>, most: usize) -> Option<Self> {
        let place = Self(Arc::clone(waiting));
        (waiting.fetch_add(1, Ordering::Relaxed) < most).then_some(place)
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hash_now(argon2: &Argon2<'_>, password: &[u8]) -> String {
    argon2
        .hash_password(password)
        .expect("argon2 hashes any bytes")
        .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CHEAP: Cost = Cost {
        memory: 64,
        passes: 1,
    };

    #[tokio::test]
    async fn a_password_is_right_or_wrong() {
        let hashes = PasswordHashes::new(CHEAP, 1, 8);
        let stored = hashes.hash(&"correct horse".into()).await.unwrap();
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        let right = hashes
            .verify(&"correct horse".into(), Some(stored.clone()))
            .await;
        assert_eq!(right, Ok(Verdict::Right { rehashed: None }));
        let wrong = hashes.verify(&"wrong horse".into(), Some(stored)).await;
        assert_eq!(wrong, Ok(Verdict::Wrong));
        assert_eq!(
            hashes.verify(&"correct horse".into(), None).await,
            Ok(Verdict::Wrong)
        );
    }

    #[tokio::test]
    async fn an_older_hash_is_made_again() {
        let old = PasswordHashes::new(CHEAP, 1, 8)
            .hash(&"correct horse".into())
            .await
            .unwrap();
        let hashes = PasswordHashes::new(
            Cost {
                memory: 128,
                passes: 1,
            },
            1,
            8,
        );
        let verdict = hashes
            .verify(&"correct horse".into(), Some(old))
            .await
            .unwrap();
        let Verdict::Right {
            rehashed: Some(new),
        } = verdict
        else {
            panic!("{verdict:?}");
        };
        assert!(new.contains("m=128"));
    }

    #[tokio::test]
    async fn what_exceeds_the_queue_is_refused_and_the_queue_recovers() {
        let hashes = PasswordHashes::new(CHEAP, 1, 2);
        let busy = Arc::clone(&hashes.running).acquire_owned().await.unwrap();
        let waiting = |n: usize| {
            let hashes = hashes.clone();
            tokio::spawn(async move { (n, hashes.hash(&"correct horse".into()).await) })
        };
        let tasks: Vec<_> = (0..2).map(waiting).collect();
        tokio::task::yield_now().await;
        assert_eq!(hashes.hash(&"correct horse".into()).await, Err(Saturated));
        drop(busy);
        for task in tasks {
            assert!(task.await.unwrap().1.is_ok());
        }
        assert!(hashes.hash(&"correct horse".into()).await.is_ok());
    }
}
