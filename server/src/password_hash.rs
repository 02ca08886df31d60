//! Password hashing: argon2id, on a few threads of its own.
//!
//! One computation takes 19 MiB and tens of milliseconds of a core. A caller needs a
//! [`PasswordTurn`] for it, so `limits` decides how many computations there are and which attempts
//! get one. The threads run at a lower priority than everything else, because people who
//! are signed in come first. The memory of a computation is used again by the next one, and it goes back to
//! the system when no computation has needed it for a few seconds.
//!
//! The password for an unknown account is compared with a dummy hash, so that the time of
//! an answer does not tell whether the account exists.
//!
//! Passwords are hashed in Unicode normalization form NFKC (NIST SP 800-63B-4 §3.1.1.2):
//! one keyboard writes é as one character, another as two. Older hashes were made of the
//! password as it was typed; they are still recognised, and then made again.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use argon2::password_hash::phc::{Output, ParamsString, PasswordHash, Salt};
use argon2::{Algorithm, Argon2, Block, Params, Version};
use holdfast_protocol::secret::Secret;
use subtle::ConstantTimeEq as _;
use tokio::sync::oneshot;
use unicode_normalization::{UnicodeNormalization as _, is_nfkc};
use zeroize::Zeroizing;

use crate::limits::PasswordTurn;
use crate::password_strength::{self, Strength, TooEasy};

/// The `nice` value of the threads: how much lower than normal their priority is.
const NICE: i32 = 10;

/// How long memory is kept without work. The system clears it when a thread gets it again. This takes some
/// milliseconds, and a computation takes tens of them.
const KEPT_IDLE: Duration = Duration::from_secs(5);

/// Hashes and verifies passwords. Clones share the threads.
#[derive(Clone)]
pub struct PasswordHashes {
    params: Params,
    dummy: Arc<str>,
    threads: Threads,
}

/// A computation did not end: the server has a fault, or the process is stopping.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password computation did not end")]
pub struct Unfinished;

/// The outcome of comparing a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is the account's password.
    Right {
        /// A new hash in the current form and with the current parameters, if the stored
        /// hash is older.
        rehashed: Option<String>,
    },
    /// It is not the account's password, or there is no such account.
    Wrong,
}

/// How expensive one hash is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB.
    pub memory: u32,
    /// How often the memory is passed over.
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
    /// At most `threads` computations run at once.
    ///
    /// # Panics
    /// When argon2 does not accept the cost.
    pub fn new(cost: Cost, threads: usize) -> Self {
        let params = Params::new(cost.memory, cost.passes, 1, None).expect("argon2 takes the cost");
        // A dummy: no password has this hash.
        let dummy = in_phc_format(&params, &crate::random::bytes(), &crate::random::bytes());
        Self {
            params,
            dummy: dummy.into(),
            threads: Threads::start(threads, KEPT_IDLE),
        }
    }

    /// Hashes a new password for the account of this name, unless it is too easy to
    /// guess. This check takes some time, too, so it runs on the same threads.
    ///
    /// # Errors
    /// [`Unfinished`] when the server is stopping.
    pub async fn hash_new(
        &self,
        turn: &PasswordTurn,
        password: &Secret,
        username: &str,
    ) -> Result<Result<String, TooEasy>, Unfinished> {
        let (this, password, username) = (self.clone(), password.clone(), username.to_owned());
        self.run(turn, move |memory| {
            let password = normal(&password);
            password_strength::check(&password, &username)?;
            Ok(this.hash_now(memory, password.as_bytes()))
        })
        .await
    }

    /// Says how easy a new password is to guess, and computes nothing else.
    ///
    /// # Errors
    /// [`Unfinished`] when the server is stopping.
    pub async fn estimate(
        &self,
        turn: &PasswordTurn,
        password: &Secret,
        username: &str,
    ) -> Result<Strength, Unfinished> {
        let (password, username) = (password.clone(), username.to_owned());
        self.run(turn, move |_| {
            password_strength::estimate(&normal(&password), &username)
        })
        .await
    }

    /// Compares a password with the stored hash, or with a dummy hash if there is no
    /// account. Both take the same time.
    ///
    /// # Errors
    /// [`Unfinished`] when the server is stopping.
    pub async fn verify(
        &self,
        turn: &PasswordTurn,
        password: &Secret,
        stored: Option<String>,
    ) -> Result<Verdict, Unfinished> {
        let (this, password) = (self.clone(), password.clone());
        self.run(turn, move |memory| {
            this.verify_now(memory, &password, stored.as_deref())
        })
        .await
    }

    fn verify_now(&self, memory: &mut Memory, typed: &Secret, stored: Option<&str>) -> Verdict {
        let hash = stored.unwrap_or(&self.dummy);
        let Ok(parsed) = PasswordHash::new(hash) else {
            tracing::error!("A stored password hash cannot be read.");
            return Verdict::Wrong;
        };
        let normal = normal(typed);
        let is_normal = *normal == typed.expose();
        // The password as typed is tried as well, for hashes from before passwords were
        // normalised. This happens with and without an account, and with a right and a wrong
        // password: the time must not tell them apart.
        let right = is(memory, &normal, &parsed);
        let as_typed = !is_normal && is(memory, typed.expose(), &parsed);
        let right_as_typed = !right && as_typed;
        if stored.is_none() || !(right || right_as_typed) {
            return Verdict::Wrong;
        }
        let parameters = |hash: &str| {
            hash.split('$')
                .take(4)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let outdated = right_as_typed || parameters(hash) != parameters(&self.dummy);
        Verdict::Right {
            rehashed: outdated.then(|| self.hash_now(memory, normal.as_bytes())),
        }
    }

    fn hash_now(&self, memory: &mut Memory, password: &[u8]) -> String {
        let salt = crate::random::bytes::<16>();
        let mut output = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, self.params.clone())
            .hash_password_into_with_memory(
                password,
                &salt,
                &mut *output,
                memory.blocks(self.params.block_count()),
            )
            .expect("argon2 hashes any bytes");
        in_phc_format(&self.params, &salt, &output)
    }

    async fn run<T: Send + 'static>(
        &self,
        turn: &PasswordTurn,
        work: impl FnOnce(&mut Memory) -> T + Send + 'static,
    ) -> Result<T, Unfinished> {
        // The computation keeps the turn: it does not stop when the caller is dropped,
        // and it must count until it is done.
        let turn = turn.clone();
        let (answer, answered) = oneshot::channel();
        self.threads.run(move |memory| {
            let done = work(memory);
            // The turn ends before the answer is sent, because the next attempt may come
            // at once.
            drop(turn);
            let _ = answer.send(done);
        });
        answered.await.map_err(|_| Unfinished)
    }
}

/// The normalised password, which is hashed.
pub fn normal(password: &Secret) -> Zeroizing<String> {
    let typed = password.expose();
    if is_nfkc(typed) {
        return Zeroizing::new(typed.to_owned());
    }
    // The string has its full capacity at once: a string that grows leaves copies in
    // memory.
    let mut normal = Zeroizing::new(String::with_capacity(typed.len() * 18));
    normal.extend(typed.nfkc());
    normal
}

/// Whether the hash is of this password.
fn is(memory: &mut Memory, password: &str, hash: &PasswordHash) -> bool {
    let mut compared = || {
        let algorithm = Algorithm::try_from(hash.algorithm.as_str()).ok()?;
        let version = Version::try_from(hash.version?).ok()?;
        let params = Params::try_from(hash).ok()?;
        let (salt, expected) = (hash.salt.as_ref()?, hash.hash.as_ref()?);
        let blocks = params.block_count();
        let mut output = Zeroizing::new(vec![0; expected.len()]);
        Argon2::new(algorithm, version, params)
            .hash_password_into_with_memory(
                password.as_bytes(),
                salt,
                &mut output,
                memory.blocks(blocks),
            )
            .ok()?;
        Some(bool::from(output.ct_eq(expected.as_bytes())))
    };
    compared().unwrap_or_else(|| {
        tracing::error!("A stored password hash cannot be computed.");
        false
    })
}

fn in_phc_format(params: &Params, salt: &[u8; 16], output: &[u8; 32]) -> String {
    PasswordHash {
        algorithm: Algorithm::Argon2id.ident(),
        version: Some(Version::V0x13.into()),
        params: ParamsString::try_from(params).expect("parameters can be written down"),
        salt: Some(Salt::new(salt).expect("16 bytes are a salt")),
        hash: Some(Output::new(output).expect("32 bytes are an output")),
    }
    .to_string()
}

/// The memory in which one thread computes.
#[derive(Default)]
struct Memory(Vec<Block>);

impl Memory {
    /// The allocator of glibc maps each allocation above 32 MiB on its own, and unmaps it when it is given
    /// back. A smaller one it would keep after the first time (mallopt(3), `M_MMAP_THRESHOLD`; measured:
    /// 140 MiB after a few sign-ups). What is reserved here and never written counts as virtual memory only.
    const UNMAPPED_WHEN_DROPPED: usize = (32 << 20) / Block::SIZE + 1;

    /// Returns this many blocks. If an older hash needed more memory, that is given back.
    ///
    /// # Panics
    /// When the system has no memory left. The caller of the computation gets [`Unfinished`] then.
    fn blocks(&mut self, count: usize) -> &mut [Block] {
        if self.0.len() != count {
            self.0 = Vec::new();
            self.0
                .try_reserve_exact(count.max(Self::UNMAPPED_WHEN_DROPPED))
                .expect("there is memory for a password");
            self.0.resize_with(count, Block::new);
        }
        &mut self.0
    }
}

/// The threads that compute. They end when the last clone is dropped.
#[derive(Clone)]
struct Threads(Arc<Owner>);

/// Closes the queue when it is dropped.
struct Owner(Arc<Queue>);

impl Drop for Owner {
    fn drop(&mut self) {
        self.0.lock().is_closed = true;
        self.0.changed.notify_all();
    }
}

type Job = Box<dyn FnOnce(&mut Memory) + Send>;

/// What the threads have to do, and the memory for it.
struct Queue {
    waiting: Mutex<Waiting>,
    changed: Condvar,
    kept_idle: Duration,
}

#[derive(Default)]
struct Waiting {
    /// The oldest first.
    jobs: VecDeque<Job>,
    /// The memory that no computation needs at the moment. The last used one comes last and is used first.
    kept: Vec<Kept>,
    is_closed: bool,
}

struct Kept {
    memory: Memory,
    since: Instant,
}

impl Queue {
    /// No job runs while the lock is held, so the queue is whole also after a panic.
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, job: Job) {
        self.lock().jobs.push_back(job);
        self.changed.notify_one();
    }

    /// Waits for a job, and gives back the memory that is idle for too long meanwhile. `None` when the
    /// queue is closed and all jobs are done.
    fn next(&self) -> Option<(Job, Memory)> {
        let mut waiting = self.lock();
        loop {
            if let Some(job) = waiting.jobs.pop_front() {
                let kept = waiting.kept.pop();
                return Some((job, kept.map_or_else(Memory::default, |kept| kept.memory)));
            }
            if waiting.is_closed {
                return None;
            }
            let left = waiting
                .kept
                .first()
                .map(|oldest| self.kept_idle.saturating_sub(oldest.since.elapsed()));
            waiting = match left {
                None => self
                    .changed
                    .wait(waiting)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(Duration::ZERO) => {
                    let oldest = waiting.kept.remove(0);
                    // The system may take a moment for it.
                    drop(waiting);
                    drop(oldest);
                    self.lock()
                }
                Some(left) => match self.changed.wait_timeout(waiting, left) {
                    Ok((waiting, _)) => waiting,
                    Err(poisoned) => poisoned.into_inner().0,
                },
            };
        }
    }

    /// Keeps memory for the next computation.
    fn keep(&self, memory: Memory) {
        if memory.0.is_empty() {
            return;
        }
        let since = Instant::now();
        self.lock().kept.push(Kept { memory, since });
    }
}

impl Threads {
    /// Memory that no computation has needed for `kept_idle` is given back.
    fn start(count: usize, kept_idle: Duration) -> Self {
        let queue = Arc::new(Queue {
            waiting: Mutex::default(),
            changed: Condvar::new(),
            kept_idle,
        });
        for _ in 0..count {
            let queue = Arc::clone(&queue);
            thread::Builder::new()
                .name("password".to_owned())
                .spawn(move || {
                    // This only changes the priority of this thread: for Linux, a thread
                    // is a process of its own.
                    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
                        tracing::warn!(%error, "The threads for passwords run at normal priority, because it could not be lowered.");
                    }
                    while let Some((job, mut memory)) = queue.next() {
                        // After a panic, the caller that waits gets no answer.
                        let _ = catch_unwind(AssertUnwindSafe(|| job(&mut memory)));
                        queue.keep(memory);
                    }
                })
                .expect("the system starts a few threads");
        }
        Self(Arc::new(Owner(queue)))
    }

    fn run(&self, job: impl FnOnce(&mut Memory) + Send + 'static) {
        self.0.0.add(Box::new(job));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use super::*;
    use crate::client_address::ClientAddress;
    use crate::limits::{Limits, Settings};

    const CHEAP: Cost = Cost {
        memory: 64,
        passes: 1,
    };

    const PASSWORD: &str = "velvet anchor drifting northward";

    async fn turn() -> PasswordTurn {
        let place = Limits::new(Settings::DEFAULT).sign_up(ClientAddress::Unknown);
        place.unwrap().turn().await.unwrap()
    }

    async fn hash(hashes: &PasswordHashes, password: &str) -> String {
        let (turn, password) = (turn().await, password.into());
        let hash = hashes.hash_new(&turn, &password, "ada").await;
        hash.unwrap().unwrap()
    }

    async fn verify(hashes: &PasswordHashes, password: &str, stored: Option<&str>) -> Verdict {
        let (turn, password) = (turn().await, password.into());
        let stored = stored.map(str::to_owned);
        hashes.verify(&turn, &password, stored).await.unwrap()
    }

    const RIGHT: Verdict = Verdict::Right { rehashed: None };

    #[tokio::test]
    async fn a_password_is_right_or_wrong() {
        let hashes = PasswordHashes::new(CHEAP, 1);
        let stored = hash(&hashes, PASSWORD).await;
        assert!(stored.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert_eq!(verify(&hashes, PASSWORD, Some(&stored)).await, RIGHT);
        let wrong = verify(&hashes, "another password", Some(&stored)).await;
        assert_eq!(wrong, Verdict::Wrong);
        assert_eq!(verify(&hashes, PASSWORD, None).await, Verdict::Wrong);
    }

    #[tokio::test]
    async fn a_hash_that_argon2_itself_made_is_read() {
        use argon2::password_hash::PasswordHasher as _;
        let params = Params::new(64, 1, 1, None).unwrap();
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
        let stored = argon2.hash_password(PASSWORD.as_bytes()).unwrap();
        let hashes = PasswordHashes::new(CHEAP, 1);
        let verdict = verify(&hashes, PASSWORD, Some(&stored.to_string())).await;
        assert_eq!(verdict, RIGHT);
    }

    #[tokio::test]
    async fn an_older_hash_is_made_again_and_memory_fits_both() {
        let old = hash(&PasswordHashes::new(CHEAP, 1), PASSWORD).await;
        let costlier = Cost {
            memory: 128,
            passes: 1,
        };
        let hashes = PasswordHashes::new(costlier, 1);
        let Verdict::Right {
            rehashed: Some(new),
        } = verify(&hashes, PASSWORD, Some(&old)).await
        else {
            panic!("the old hash is not recognised");
        };
        assert!(new.contains("m=128"));
        assert_eq!(verify(&hashes, PASSWORD, Some(&new)).await, RIGHT);
    }

    #[tokio::test]
    async fn one_password_typed_on_two_keyboards_is_the_same() {
        let hashes = PasswordHashes::new(CHEAP, 1);
        let composed = "caf\u{e9} lantern mosquito ravine";
        let decomposed = "cafe\u{301} lantern mosquito ravine";
        let stored = hash(&hashes, decomposed).await;
        for typed in [composed, decomposed] {
            assert_eq!(verify(&hashes, typed, Some(&stored)).await, RIGHT);
        }
    }

    #[tokio::test]
    async fn a_hash_from_before_passwords_were_normalised_stays_good() {
        let hashes = PasswordHashes::new(CHEAP, 1);
        let typed = "cafe\u{301} lantern mosquito ravine";
        let stored = hashes.hash_now(&mut Memory::default(), typed.as_bytes());
        let Verdict::Right {
            rehashed: Some(new),
        } = verify(&hashes, typed, Some(&stored)).await
        else {
            panic!("it is not recognised");
        };
        let composed = "caf\u{e9} lantern mosquito ravine";
        assert_eq!(verify(&hashes, composed, Some(&new)).await, RIGHT);
        // The form of the other keyboard was never the password of this hash.
        let other = verify(&hashes, composed, Some(&stored)).await;
        assert_eq!(other, Verdict::Wrong);
    }

    #[test]
    fn memory_is_used_again() {
        let mut memory = Memory::default();
        let first = memory.blocks(64).as_ptr();
        assert_eq!(memory.blocks(64).as_ptr(), first);
        assert_eq!(memory.blocks(32).len(), 32);
        assert!(memory.0.capacity() * Block::SIZE > 32 << 20);
    }

    /// Lets a thread take this many blocks.
    fn take(threads: &Threads, count: usize) {
        let (answer, answered) = mpsc::channel();
        threads.run(move |memory| answer.send(memory.blocks(count).len()).unwrap());
        assert_eq!(answered.recv(), Ok(count));
    }

    /// How many blocks a thread finds when it begins.
    fn found(threads: &Threads) -> usize {
        let (answer, answered) = mpsc::channel();
        threads.run(move |memory| answer.send(memory.0.len()).unwrap());
        answered.recv().unwrap()
    }

    /// Waits until this is so. The end is only there for a test that would never end.
    fn until(is: impl Fn() -> bool) {
        for _ in 0..60_000 {
            if is() {
                return;
            }
            thread::sleep(Duration::from_millis(1));
        }
        panic!("it is never so");
    }

    const LONG: Duration = Duration::from_secs(3600);

    #[test]
    fn memory_is_kept_until_it_was_idle_for_long() {
        let patient = Threads::start(1, LONG);
        take(&patient, 64);
        assert_eq!(found(&patient), 64);
        let hasty = Threads::start(1, Duration::ZERO);
        take(&hasty, 64);
        until(|| found(&hasty) == 0);
        // The memory is given back without a job, too.
        take(&hasty, 64);
        until(|| hasty.0.0.lock().kept.is_empty());
    }

    #[test]
    fn one_computation_after_another_needs_one_memory() {
        let threads = Threads::start(4, LONG);
        for _ in 0..40 {
            take(&threads, 64);
            until(|| threads.0.0.lock().kept.len() == 1);
        }
    }

    #[test]
    fn the_threads_do_what_they_were_given_and_then_end() {
        let threads = Threads::start(2, LONG);
        // Each thread meets one.
        for _ in 0..4 {
            threads.run(|_| panic!("a job fails"));
        }
        let (answer, answered) = mpsc::channel();
        for number in 0..100 {
            let answer = answer.clone();
            threads.run(move |_| answer.send(number).unwrap());
        }
        let queue = Arc::downgrade(&threads.0.0);
        let another = threads.clone();
        drop((threads, another, answer));
        let mut done: Vec<i32> = answered.iter().collect();
        done.sort_unstable();
        assert_eq!(done, (0..100).collect::<Vec<_>>());
        until(|| queue.upgrade().is_none());
    }
}
