//! Random histories of one session: delayed, duplicated and lost messages, a database
//! that loses its last commits, a thief, a sign-out.

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::problem::Code;
use holdfast_protocol::rotation::REMEMBERED_KEYS;
use holdfast_protocol::secret::Secret;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::TestCaseResult;

use crate::actors::{Holder, generation};
use crate::runs::check;
use crate::world::{Answer, Request, Service, World};

/// How many histories run on the rule in memory, and how many on real Postgres.
const IN_MEMORY: u32 = 2000;
const ON_POSTGRES: u32 = 40;

/// What can happen.
#[derive(Debug, Clone)]
enum Step {
    /// The browser sends the token in its storage.
    Send(Fate),
    /// The network delivers a request that was sent before: a delayed one, or a duplicate.
    Deliver { which: Index, answered: bool },
    /// A delayed answer reaches the browser.
    Arrive { which: Index },
    /// Time passes, in steps of 20 s.
    Pass(u32),
    /// The database fails over and has lost this many rotations.
    RollBack(usize),
    /// A thief copies the browser's storage, once.
    Copy { with_pending_key: bool },
    /// The thief sends the token in the copy.
    Steal { answered: bool },
}

/// What happens to a request.
#[derive(Debug, Clone, Copy)]
enum Fate {
    Answered,
    AnswerLost,
    AnswerLate,
    RequestLost,
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![
        6 => Just(Fate::Answered),
        1 => Just(Fate::AnswerLost),
        1 => Just(Fate::AnswerLate),
        1 => Just(Fate::RequestLost),
    ]
}

fn honest_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => fate().prop_map(Step::Send),
        4 => (any::<Index>(), any::<bool>())
            .prop_map(|(which, answered)| Step::Deliver { which, answered }),
        1 => any::<Index>().prop_map(|which| Step::Arrive { which }),
        // 20 s, 40 s, a few minutes, four hours.
        2 => prop_oneof![Just(1_u32), Just(2), 3..30_u32, Just(720)].prop_map(Step::Pass),
        1 => (1..=3_usize).prop_map(Step::RollBack),
    ]
}

fn any_step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => honest_step(),
        1 => any::<bool>().prop_map(|with_pending_key| Step::Copy { with_pending_key }),
        2 => any::<bool>().prop_map(|answered| Step::Steal { answered }),
    ]
}

/// A session, all holders of its tokens, and all requests and answers.
struct History<'a> {
    world: World<'a>,
    browser: Holder,
    thief: Option<Holder>,
    sent: Vec<Request>,
    late: Vec<(u32, Answer)>,
    /// Every token that a client got.
    issued: Vec<Secret>,
}

impl<'a> History<'a> {
    fn begin(service: Option<&'a Service>) -> Self {
        let (world, first) = World::new(service);
        Self {
            world,
            browser: Holder::browser(first.clone()),
            thief: None,
            sent: Vec::new(),
            late: Vec::new(),
            issued: vec![first],
        }
    }

    fn deliver(&mut self, request: &Request) -> Result<Answer, TestCaseError> {
        let answer = self.world.deliver(request).map_err(TestCaseError::fail)?;
        if let Answer::Renewed(token) = &answer
            && !self.issued.contains(token)
        {
            self.issued.push(token.clone());
        }
        Ok(answer)
    }

    /// Takes a step. Returns the server's answer to a request of the browser.
    fn take(&mut self, step: &Step) -> Result<Option<Answer>, TestCaseError> {
        match step {
            Step::Send(fate) if self.browser.over.is_none() => {
                let request = self.browser.request();
                self.sent.push(request.clone());
                if matches!(fate, Fate::RequestLost) {
                    return Ok(None);
                }
                let answer = self.deliver(&request)?;
                match fate {
                    Fate::Answered => self.browser.receive(request.generation, &answer),
                    Fate::AnswerLate => self.late.push((request.generation, answer.clone())),
                    Fate::AnswerLost | Fate::RequestLost => {}
                }
                return Ok(Some(answer));
            }
            Step::Deliver { which, answered } => {
                // No request in the network is older than the remembered keys.
                let row = self.world.generation().unwrap_or_default() as usize;
                let alive = |sent: &&Request| {
                    sent.generation as usize + REMEMBERED_KEYS >= row.max(REMEMBERED_KEYS)
                };
                let under_way: Vec<_> = self.sent.iter().filter(alive).cloned().collect();
                if under_way.is_empty() {
                    return Ok(None);
                }
                let request = which.get(&under_way);
                let answer = self.deliver(request)?;
                if *answered {
                    self.late.push((request.generation, answer.clone()));
                }
                return Ok(Some(answer));
            }
            Step::Arrive { which } if !self.late.is_empty() => {
                let (asked, answer) = self.late.remove(which.index(self.late.len()));
                if self.browser.over.is_none() {
                    self.browser.receive(asked, &answer);
                }
            }
            Step::Pass(steps) => self.world.pass(*steps),
            Step::RollBack(rotations) => self.world.roll_back(*rotations),
            Step::Copy { with_pending_key } if self.thief.is_none() => {
                self.thief = Some(self.browser.copied(*with_pending_key));
            }
            Step::Steal { answered } => {
                self.steal(*answered)?;
            }
            _ => {}
        }
        Ok(None)
    }

    /// The thief refreshes. Returns whether the thief got a token.
    fn steal(&mut self, answered: bool) -> Result<bool, TestCaseError> {
        let Some(mut thief) = self.thief.take() else {
            return Ok(false);
        };
        let mut renewed = false;
        if thief.over.is_none() {
            let request = thief.request();
            let answer = self.deliver(&request)?;
            renewed = matches!(answer, Answer::Renewed(_));
            if answered {
                thief.receive(request.generation, &answer);
            }
        }
        self.thief = Some(thief);
        Ok(renewed)
    }

    /// The browser refreshes and gets its answer. If the conflict has become final, it signs
    /// out. Returns whether it got a token.
    fn renew(&mut self) -> Result<bool, TestCaseError> {
        if self.browser.over.is_some() {
            return Ok(false);
        }
        if self.browser.gives_up() {
            self.world.log_out(self.browser.refresh_token());
            self.browser.over = Some(Code::RefreshConflict);
            return Ok(false);
        }
        let request = self.browser.request();
        self.sent.push(request.clone());
        let answer = self.deliver(&request)?;
        self.browser.receive(request.generation, &answer);
        Ok(matches!(answer, Answer::Renewed(_)))
    }
}

/// An attempt key that no client has used.
fn new_key(n: usize) -> AttemptKey {
    let mut random = [0xee; 16];
    random[..8].copy_from_slice(&n.to_be_bytes());
    AttemptKey::from_random(random)
}

fn an_honest_browser_stays_signed_in(steps: &[Step], service: Option<&Service>) -> TestCaseResult {
    let mut history = History::begin(service);
    for step in steps {
        let answer = history.take(step)?;
        if let Some(Answer::Refused(code)) = answer {
            prop_assert_eq!(code, Code::RefreshConflict, "at {:?}", step);
        }
        prop_assert_eq!(history.browser.over, None);
    }
    // The browser is not signed out, and its next refresh succeeds.
    let before = history.browser.generation();
    prop_assert!(history.renew()?);
    prop_assert_eq!(history.browser.generation(), before + 1);
    Ok(())
}

fn a_copy_is_found_out_when_both_sides_have_refreshed(
    steps: &[Step],
    service: Option<&Service>,
) -> TestCaseResult {
    let mut history = History::begin(service);
    for step in steps {
        history.take(step)?;
    }
    if history.thief.is_none() {
        history.thief = Some(history.browser.copied(true));
    }
    // Both sides go on in turns, each time after the time in which races happen.
    let mut both_at_last = (true, true);
    for _ in 0..8 {
        history.world.pass(4);
        let browser = history.renew()?;
        history.world.pass(4);
        let thief = history.steal(true)?;
        both_at_last = (browser, thief);
    }
    let (browser, thief) = both_at_last;
    prop_assert!(!thief, "the copy lives (and the browser: {})", browser);
    Ok(())
}

fn at_most_one_chain_lives(steps: &[Step], service: Option<&Service>) -> TestCaseResult {
    let mut history = History::begin(service);
    for step in steps {
        // A failover can bring a spent link back. Then the branch of the first request goes on.
        // That is the property above.
        if !matches!(step, Step::RollBack(_)) {
            history.take(step)?;
        }
    }
    history.world.pass(2);
    let mut accepted = Vec::new();
    for (n, refresh_token) in history.issued.clone().into_iter().enumerate() {
        let request = Request {
            generation: generation(&refresh_token),
            refresh_token,
            attempt_key: new_key(n),
        };
        if let Answer::Renewed(_) = history.deliver(&request)? {
            accepted.push(request.generation);
        }
    }
    prop_assert!(accepted.len() <= 1, "{:?} were all valid", accepted);
    Ok(())
}

fn no_token_works_after_a_sign_out(
    (steps, which): &(Vec<Step>, Index),
    service: Option<&Service>,
) -> TestCaseResult {
    let mut history = History::begin(service);
    for step in steps {
        history.take(step)?;
    }
    let token = which.get(&history.issued).clone();
    history.world.log_out(&token);
    let known = history.sent.clone();
    let fresh = history.issued.clone().into_iter().enumerate();
    let fresh = fresh.map(|(n, refresh_token)| Request {
        generation: generation(&refresh_token),
        refresh_token,
        attempt_key: new_key(n),
    });
    for request in known.into_iter().chain(fresh) {
        let answer = history.deliver(&request)?;
        prop_assert_eq!(answer, Answer::Refused(Code::SessionEnded));
    }
    Ok(())
}

#[test]
fn an_honest_browser_is_never_signed_out_within_sixteen_generations() {
    check(
        "honest, in memory",
        IN_MEMORY,
        &vec(honest_step(), 1..400),
        |steps| an_honest_browser_stays_signed_in(&steps, None),
    );
}

#[test]
fn on_postgres_an_honest_browser_is_never_signed_out_and_its_end_never_moves() {
    let service = Service::start();
    check(
        "honest, on Postgres",
        ON_POSTGRES,
        &vec(honest_step(), 1..80),
        |steps| an_honest_browser_stays_signed_in(&steps, Some(&service)),
    );
}

#[test]
fn a_copy_is_found_out_when_both_have_refreshed_also_across_a_failover() {
    check(
        "thief, in memory",
        IN_MEMORY,
        &vec(any_step(), 1..80),
        |steps| a_copy_is_found_out_when_both_sides_have_refreshed(&steps, None),
    );
}

#[test]
fn on_postgres_a_copy_is_found_out_when_both_have_refreshed() {
    let service = Service::start();
    check(
        "thief, on Postgres",
        ON_POSTGRES,
        &vec(any_step(), 1..40),
        |steps| a_copy_is_found_out_when_both_sides_have_refreshed(&steps, Some(&service)),
    );
}

#[test]
fn bar_13_at_most_one_chain_lives() {
    check(
        "one chain, in memory",
        IN_MEMORY,
        &vec(any_step(), 1..80),
        |steps| at_most_one_chain_lives(&steps, None),
    );
    let service = Service::start();
    check(
        "one chain, on Postgres",
        ON_POSTGRES,
        &vec(any_step(), 1..40),
        |steps| at_most_one_chain_lives(&steps, Some(&service)),
    );
}

#[test]
fn bar_10_after_a_sign_out_with_any_token_no_token_works() {
    let service = Service::start();
    check(
        "sign-out, on Postgres",
        ON_POSTGRES,
        &(vec(any_step(), 1..40), any::<Index>()),
        |history| no_token_works_after_a_sign_out(&history, Some(&service)),
    );
}
