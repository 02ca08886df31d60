//! Sign-in, sign-up, change of the password: requests that are answered with tokens of a
//! new session, and what to do when no answer comes.
//!
//! A sign-up or a change of the password that gets no answer may have been done. The client
//! repeats it. If the server refuses the repetition, the first request was perhaps done, and a
//! sign-in with the new password finds out.

use std::cell::Cell;
use std::rc::Rc;

use gloo_net::http::Method;
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::problem::{Code, Meaning};
use holdfast_protocol::renewal::{Asked, Change, Ending, Event, Link, Notice, Record};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{
    Account, ChangePassword, LoginRequest, SignupRequest, Tokens, paths,
};
use uuid::Uuid;

use super::calls;
use super::clock;
use super::driver::{Driver, Whose};
use super::transport::{self, Call, CallError};

/// How long a request without an answer is repeated.
const REPEATS_FOR_MS: u64 = 120_000;

/// The longest pause between two repetitions.
const LONGEST_PAUSE_MS: u32 = 15_000;

/// The result of a sign-in.
struct Opened {
    record: Record,
    known_browser: Option<Secret>,
}

impl Opened {
    fn read(body: &str, remember: bool, sent_at: i64) -> Result<Self, CallError> {
        let tokens: Tokens = transport::parse(body)?;
        let record = Record::new(&tokens, remember, sent_at).ok_or(CallError::NOT_OURS)?;
        Ok(Self {
            record,
            known_browser: tokens.known_browser,
        })
    }

    fn sign_in(self, asked: Asked) -> Change {
        Change::SignIn {
            record: self.record,
            known_browser: self.known_browser,
            asked: Some(asked),
        }
    }

    fn change_password(self, before: Before, asked: Asked) -> Change {
        Change::ChangePassword {
            session_id: before.session_id,
            record: self.record,
            known_browser: self.known_browser,
            asked: Some(asked),
        }
    }
}

/// The session as which a change of the password was sent.
#[derive(Debug, Clone, Copy)]
struct Before {
    session_id: Uuid,
    remember: bool,
    /// Whether it was sent as another session before.
    is_another: bool,
}

/// Signs in.
pub(super) async fn sign_in(request: LoginRequest) -> Result<(), CallError> {
    let driver = Driver::current().ok_or(CallError::SILENCE)?;
    let _expectation = driver.expect_session();
    let asked = driver.ask().await?;
    let opened = log_in(&driver, &request).await?;
    keep(&driver, opened.sign_in(asked)).await
}

/// Makes an account and signs in.
pub(super) async fn sign_up(request: SignupRequest) -> Result<(), CallError> {
    let driver = Driver::current().ok_or(CallError::SILENCE)?;
    let _expectation = driver.expect_session();
    let asked = driver.ask().await?;
    let whose = driver.whose();
    let call = Call::new(Method::POST, paths::SIGNUP).with_json(&request);
    let sent_at = clock::now().wall_ms;
    let send = |_| async { transport::send(&call, None).await };
    let (outcome, was_silent) = with_repetitions(send, || None).await;
    let opened = match outcome {
        Ok(body) => Opened::read(&body, request.remember, sent_at)?,
        Err(refusal) if was_silent && refusal.code() == Some(Code::UsernameTaken) => {
            let request = LoginRequest {
                username: request.username,
                password: request.password,
                remember: request.remember,
            };
            find_out(&driver, &request, refusal).await?
        }
        Err(error) => return Err(error),
    };
    // A tab that knows of another person by now does not show the form any more.
    let is_form_gone = driver.whose() != whose;
    let kept = keep(&driver, opened.sign_in(asked)).await;
    if is_form_gone {
        tell_if_overtaken(&driver, &kept, Notice::AccountMade);
    }
    kept
}

/// Changes the password of the account that the page shows.
pub(super) async fn change_password(
    whose: Whose,
    request: ChangePassword,
) -> Result<(), CallError> {
    let driver = Driver::current().ok_or(CallError::SignedOut)?;
    if driver.is_replacing() {
        return Err(CallError::UnderWay);
    }
    // The name is needed if the answer is lost, and the server would not answer it then.
    let account = Call::new(Method::GET, paths::ACCOUNT);
    let account: Account = transport::parse(&calls::call(account, whose).await?)?;
    let asked = driver.ask().await?;
    let whose = Whose::Of(Some(account.account_id));
    if driver.is_replacing() {
        return Err(CallError::UnderWay);
    }
    // Other calls of this page may find out first that the old session has ended.
    let _expectation = driver.expect_replacement();
    let sent_as = Cell::new(None);
    let tell = |of: Link| {
        let remember = driver.record().is_none_or(|record| record.remember);
        let session_id = of.session_id;
        let is_same = |before: Before| before.session_id == session_id && !before.is_another;
        sent_as.set(Some(Before {
            session_id,
            remember,
            is_another: !sent_as.get().is_none_or(is_same),
        }));
        driver.replaces(session_id);
    };
    let call = Call::new(Method::PUT, paths::PASSWORD).with_json(&request);
    let sent_at = clock::now().wall_ms;
    let send = |is_repetition| calls::call_and_tell(&call, whose, is_repetition, &tell);
    // Once the old session is over, no repetition can be sent as it. The server has done
    // the change, or has ended the session for another reason; both are found out below.
    let is_over = || driver.replaced_is_over().map(|_| CallError::SignedOut);
    let (outcome, was_silent) = with_repetitions(send, is_over).await;
    let (refusal, before) = match (outcome, sent_as.get()) {
        (Ok(body), Some(before)) => {
            let opened = Opened::read(&body, before.remember, sent_at)?;
            return keep_after_change(&driver, opened, before, asked).await;
        }
        (Err(refusal), Some(before)) => (refusal, before),
        // The request could not be sent, so nothing was done.
        (Err(CallError::NotKnown) | Ok(_), None) => return Err(CallError::SILENCE),
        (Err(refusal), None) => return Err(refusal),
    };
    if !was_silent || !may_mean_done(&refusal) {
        return Err(take_ending(&driver, before, refusal));
    }
    if refusal.code() == Some(Code::InvalidCredentials) && goes_on(whose, before).await? {
        return Err(refusal);
    }
    let request = LoginRequest {
        username: account.username,
        password: request.new_password,
        remember: before.remember,
    };
    match find_out(&driver, &request, refusal).await {
        Ok(opened) => keep_after_change(&driver, opened, before, asked).await,
        Err(error) => Err(take_ending(&driver, before, error)),
    }
}

/// Whether the one session that the change was sent as goes on, as the database of the server
/// says. Then the password was not changed, because a change ends all sessions. A sign-in with
/// the new password would find that out as well, but it would count as a failure and be listed
/// in the person's activity.
async fn goes_on(whose: Whose, before: Before) -> Result<bool, CallError> {
    let asked_as = Cell::new(None);
    let tell = |of: Link| asked_as.set(Some(of.session_id));
    let call = Call::new(Method::GET, paths::SESSIONS);
    match calls::call_and_tell(&call, whose, true, &tell).await {
        Ok(_) => Ok(!before.is_another && asked_as.get() == Some(before.session_id)),
        Err(refusal) if may_mean_done(&refusal) => Ok(false),
        Err(_) => Err(CallError::NotKnown),
    }
}

async fn keep_after_change(
    driver: &Rc<Driver>,
    opened: Opened,
    before: Before,
    asked: Asked,
) -> Result<(), CallError> {
    let kept = keep(driver, opened.change_password(before, asked)).await;
    tell_if_overtaken(driver, &kept, Notice::PasswordChanged);
    kept
}

/// Shows at the top of the page what was done, because the form has disappeared with the person
/// who sent it.
fn tell_if_overtaken(driver: &Rc<Driver>, kept: &Result<(), CallError>, what: Notice) {
    if *kept == Err(CallError::Overtaken) {
        driver.set_notice(Some(what));
    }
}

/// Whether a repetition gets this refusal after a change that was done.
fn may_mean_done(refusal: &CallError) -> bool {
    match refusal {
        CallError::SignedOut => true,
        CallError::Problem(problem) => {
            problem.code == Code::InvalidCredentials
                || matches!(
                    problem.code.meaning(),
                    Meaning::SessionOver | Meaning::Renew
                )
        }
        _ => false,
    }
}

/// The session is over after all, but not because of this change. If another tab's change has
/// ended it, the new session will come.
fn take_ending(driver: &Rc<Driver>, before: Before, error: CallError) -> CallError {
    let why = match &error {
        CallError::Problem(problem) if problem.code.meaning() == Meaning::SessionOver => {
            Some(Ending::of(problem))
        }
        CallError::SignedOut => driver.replaced_is_over(),
        _ => None,
    };
    let Some(why) = why else { return error };
    let session_id = before.session_id;
    if driver.is_noted_elsewhere(session_id) {
        return CallError::UnderWay;
    }
    driver.feed(Event::CallOver { session_id, why });
    error
}

/// Sends a request until there is an answer, for two minutes at most and while the page
/// lives, or until `give_up` says why it can be sent no more. Says as well whether there
/// was no answer at first: then it may have been done. `send` hears whether it repeats.
async fn with_repetitions<F: Future<Output = Result<String, CallError>>>(
    send: impl Fn(bool) -> F,
    give_up: impl Fn() -> Option<CallError>,
) -> (Result<String, CallError>, bool) {
    let mut outcome = send(false).await;
    if !is_silence(&outcome) {
        return (outcome, false);
    }
    let deadline = clock::now().running_ms + REPEATS_FOR_MS;
    let mut pause_ms = 1000;
    loop {
        if let Some(why) = give_up() {
            return (Err(why), true);
        }
        let now = clock::now();
        if now.running_ms >= deadline {
            return (Err(CallError::NotKnown), true);
        }
        // A time between half of it and all of it, so that many clients do not come at once.
        let jitter = u32::try_from((u64::from(now.jitter) * u64::from(pause_ms / 2)) >> 32);
        let left_ms = u32::try_from(deadline - now.running_ms).unwrap_or(u32::MAX);
        let wait_ms = (pause_ms / 2 + jitter.unwrap_or(0)).max(retry_after_ms(&outcome));
        TimeoutFuture::new(wait_ms.min(left_ms)).await;
        pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        outcome = send(true).await;
        let is_later = matches!(
            &outcome,
            Err(CallError::Problem(problem)) if problem.code.meaning() == Meaning::Later
        );
        if !is_silence(&outcome) && !is_later {
            return (outcome, true);
        }
    }
}

fn is_silence(outcome: &Result<String, CallError>) -> bool {
    match outcome {
        Err(CallError::Unreachable { .. }) => true,
        // The server may have lost its database during the request.
        Err(CallError::Problem(problem)) => problem.code == Code::TemporarilyUnavailable,
        // The answer was cut: the request was done, and its tokens are lost.
        Ok(body) => transport::parse::<Tokens>(body).is_err(),
        Err(_) => false,
    }
}

/// How long the server wants the client to wait.
fn retry_after_ms(outcome: &Result<String, CallError>) -> u32 {
    match outcome {
        Err(CallError::Problem(problem)) => problem.retry_after.unwrap_or(0).saturating_mul(1000),
        _ => 0,
    }
}

/// Signs in with the new password, to find out whether the request was done. If the password is
/// refused, the request was not done, and its refusal was right.
async fn find_out(
    driver: &Rc<Driver>,
    request: &LoginRequest,
    refusal: CallError,
) -> Result<Opened, CallError> {
    match log_in(driver, request).await {
        Ok(opened) => Ok(opened),
        Err(CallError::Problem(problem)) if problem.code == Code::InvalidCredentials => {
            Err(refusal)
        }
        Err(CallError::Problem(problem)) if problem.code.meaning() != Meaning::Later => {
            Err(CallError::Problem(problem))
        }
        Err(_) => Err(CallError::NotKnown),
    }
}

async fn log_in(driver: &Rc<Driver>, request: &LoginRequest) -> Result<Opened, CallError> {
    let call = Call::new(Method::POST, paths::LOGIN).with_json(request);
    let call = driver.with_known_browsers(call).await;
    let sent_at = clock::now().wall_ms;
    let body = transport::send(&call, None).await?;
    Opened::read(&body, request.remember, sent_at)
}

/// Stores a new session. If there was a sign-in or a sign-out in this browser after its request
/// was sent, that one was later, and the new session is ended.
async fn keep(driver: &Rc<Driver>, change: Change) -> Result<(), CallError> {
    if driver.change(change).await {
        Ok(())
    } else if driver.is_outdated() {
        Err(CallError::Outdated)
    } else {
        Err(CallError::Overtaken)
    }
}
