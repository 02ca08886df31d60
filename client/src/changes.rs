//! Sign-in, sign-up, change of the password: requests that are answered with tokens of a
//! new session, and what to do when no answer comes.
//!
//! A sign-up or a change of the password that gets no answer may have been done. The client
//! repeats it. If the server refuses the repetition, the first request was perhaps done, and the
//! client finds out by a sign-in with the new password. If the request was done, the client ends
//! the session of the lost answer, because no place stores its tokens.

use std::cell::Cell;
use std::ops::Range;
use std::pin::pin;
use std::rc::Rc;

use futures::future::{Either, select};
use gloo_net::http::Method;
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::problem::{Code, Meaning};
use holdfast_protocol::renewal::{Asked, Change, Ending, Event, Link, Record};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{
    Account, ChangePassword, EndSessions, LoginRequest, SessionInfo, SessionList, SignupRequest,
    Tokens, paths,
};
use leptos::task::spawn_local;
use uuid::Uuid;

use super::calls;
use super::clock;
use super::driver::{Driver, Whose};
use super::new_code;
use super::told::{Became, Told};
use super::transport::{self, Call, CallError};

/// How long a request without an answer is repeated.
const REPEATS_FOR_MS: u64 = 120_000;

/// The longest pause between two repetitions.
const LONGEST_PAUSE_MS: u32 = 15_000;

/// The result of a sign-in.
struct Opened {
    record: Record,
    known_browser: Option<Secret>,
    /// What the answer says about the newest recovery code of the account.
    is_code_confirmed: Option<bool>,
}

impl Opened {
    fn read(body: &str, remember: bool, sent_at: i64) -> Result<Self, CallError> {
        let tokens: Tokens = transport::parse(body)?;
        let record = Record::new(&tokens, remember, sent_at).ok_or(CallError::NOT_OURS)?;
        // The sign-up leads to a page that shows this recovery code as soon as the person is signed
        // in.
        if let Some(code) = tokens.recovery_code {
            new_code::keep(tokens.account_id, code);
        }
        Ok(Self {
            record,
            known_browser: tokens.known_browser,
            is_code_confirmed: tokens.recovery_code_confirmed,
        })
    }

    fn sign_in(self, asked: Asked) -> Change {
        Change::SignIn {
            record: self.record,
            known_browser: self.known_browser,
            asked: Some(asked),
        }
    }

    fn change_password(self, before: Before, asked: Asked, is_found_out: bool) -> Change {
        Change::ChangePassword {
            session_id: before.session_id,
            record: self.record,
            known_browser: self.known_browser,
            asked: Some(asked),
            is_found_out,
        }
    }
}

/// The session whose access token a change of the password carried.
#[derive(Debug, Clone, Copy)]
struct Before {
    session_id: Uuid,
    remember: bool,
    /// Whether the change was sent with the token of another session before.
    is_another: bool,
}

/// The client ends lost sessions before it stores the new session. This is the longest time that it
/// takes for that.
const ENDS_LOST_FOR_MS: u32 = 5000;

/// Why a change of the password was not done.
struct NotChanged {
    error: CallError,
    /// The session and why it is over, if it ended for another reason than this change.
    over: Option<(Uuid, Ending)>,
}

impl From<CallError> for NotChanged {
    fn from(error: CallError) -> Self {
        Self { error, over: None }
    }
}

/// Signs in.
pub(super) async fn sign_in(request: LoginRequest) -> Result<(), CallError> {
    let driver = Driver::current().ok_or(CallError::SILENCE)?;
    let _expectation = driver.expect_session();
    let asked = driver.ask().await?;
    let opened = request_login(&driver, &request).await?;
    let (account_id, is_code_confirmed) = (opened.record.account_id, opened.is_code_confirmed);
    new_code::signed_in_as(&request.username, account_id, is_code_confirmed);
    let kept = store_opened(
        &driver,
        account_id,
        is_code_confirmed,
        opened.sign_in(asked),
    )
    .await;
    tell_if_replaced(&driver, account_id, Form::SignIn, &kept);
    kept
}

/// Makes an account and signs in.
pub(super) async fn sign_up(request: SignupRequest) -> Result<(), CallError> {
    let driver = Driver::current().ok_or(CallError::SILENCE)?;
    let _expectation = driver.expect_session();
    let asked = driver.ask().await?;
    let call = Call::to_holdfast(Method::POST, paths::SIGNUP).with_json(&request);
    let sent = clock::now();
    let send = || transport::send_for(&call, None, &transport::read_tokens);
    let (outcome, was_silent) = with_repetitions(send, || None).await;
    let mut lost = None;
    let opened = match outcome {
        Ok(body) => Opened::read(&body, request.remember, sent.wall_ms)?,
        Err(refusal) if was_silent && refusal.code() == Some(Code::UsernameTaken) => {
            let request = LoginRequest {
                username: request.username,
                password: request.password,
                remember: request.remember,
            };
            let form = sent.running_ms..clock::now().running_ms;
            let opened = find_out(&driver, &request, refusal).await?;
            lost = Lost::of(&opened, request.password, false, form, asked)
                .end_now(&driver, &opened)
                .await?;
            opened
        }
        Err(error) => return Err(error),
    };
    let (account_id, is_code_confirmed) = (opened.record.account_id, opened.is_code_confirmed);
    let kept = store_opened(
        &driver,
        account_id,
        is_code_confirmed,
        opened.sign_in(asked),
    )
    .await;
    tell_if_replaced(&driver, account_id, Form::SignUp, &kept);
    if let Some(lost) = lost {
        lost.end_later(&driver);
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
    // The client needs the name if the answer is lost. It requests the name now, because after a
    // change the old access token is not valid any more.
    let account = Call::to_holdfast(Method::GET, paths::ACCOUNT);
    let account: Account = transport::parse(&calls::call(account, whose).await?)?;
    let asked = driver.ask().await?;
    if driver.is_replacing() {
        return Err(CallError::UnderWay);
    }
    driver.tell_of_form(None);
    // Before the answer to the change arrives, another call of this page may be told that the old
    // session has ended.
    let _expectation = driver.expect_replacement(account.account_id);
    let outcome = change_or_wait(&driver, &account, &request, asked).await;
    tell_if_replaced(&driver, account.account_id, Form::Password, &outcome);
    outcome
}

/// Changes the password. If a change in another tab has already ended the session, this waits for
/// the new session of that tab, and then sends the change once more with the token of the new
/// session.
async fn change_or_wait(
    driver: &Rc<Driver>,
    account: &Account,
    request: &ChangePassword,
    asked: Asked,
) -> Result<(), CallError> {
    let mut is_sent_again = false;
    loop {
        let Err(refused) = change(driver, account, request, asked).await else {
            return Ok(());
        };
        let Some((session_id, why)) = refused.over else {
            return Err(refused.error);
        };
        driver.replaces_nothing();
        if driver.is_replaced(session_id, true).await && !is_sent_again {
            is_sent_again = true;
            continue;
        }
        if driver.is_noted_elsewhere(account.account_id) {
            return Err(CallError::UnderWay);
        }
        driver.feed(Event::CallOver { session_id, why });
        return Err(refused.error);
    }
}

/// Sends the change until there is an answer. If an answer was lost, this finds out whether the
/// change was done.
async fn change(
    driver: &Rc<Driver>,
    account: &Account,
    request: &ChangePassword,
    asked: Asked,
) -> Result<(), NotChanged> {
    let whose = Whose::Of(Some(account.account_id));
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
    let call = Call::to_holdfast(Method::PUT, paths::PASSWORD).with_json(request);
    let sent = clock::now();
    let send = || calls::call_and_tell(&call, whose, false, &tell);
    // Once the old session is over, no repetition can carry its token. The server has done the
    // change, or has ended the session for another reason. The code below finds out which.
    let is_over = || driver.replaced_is_over().map(|_| CallError::SignedOut);
    let (outcome, was_silent) = with_repetitions(send, is_over).await;
    let (refusal, before) = match (outcome, sent_as.get()) {
        (Ok(body), Some(before)) => {
            // The server has answered with tokens that this client does not understand.
            let opened = Opened::read(&body, before.remember, sent.wall_ms)
                .map_err(|_| CallError::NotKnown)?;
            return Ok(keep_after_change(driver, opened, before, asked, false).await?);
        }
        (Err(refusal), Some(before)) => (refusal, before),
        // The request could not be sent, so nothing was done.
        (Err(CallError::NotKnown) | Ok(_), None) => return Err(CallError::SILENCE.into()),
        (Err(refusal), None) => return Err(refusal.into()),
    };
    // A later version has taken over storage since the first request was sent.
    if was_silent && refusal == CallError::Outdated {
        return Err(CallError::NotKnown.into());
    }
    let may_be_done = if was_silent {
        may_mean_done(&refusal)
    } else {
        may_be_answer_to_copy(driver, account.account_id, before, &refusal).await?
    };
    if !may_be_done {
        return Err(refused(driver, before, refusal));
    }
    if was_silent
        && refusal.code() == Some(Code::InvalidCredentials)
        && goes_on(whose, before).await?
    {
        return Err(refusal.into());
    }
    // If only this browser refuses the repetition, the first request may still arrive.
    let is_of_server =
        matches!(refusal, CallError::Problem(_)) || driver.replaced_is_over().is_some();
    let refusal = if is_of_server {
        refusal
    } else {
        CallError::NotKnown
    };
    let login = LoginRequest {
        username: account.username.clone(),
        password: request.new_password.clone(),
        remember: before.remember,
    };
    let form = sent.running_ms..clock::now().running_ms;
    match find_out(driver, &login, refusal).await {
        Ok(opened) => {
            let lost = Lost::of(&opened, login.password, true, form, asked)
                .end_now(driver, &opened)
                .await?;
            let kept = keep_after_change(driver, opened, before, asked, true).await;
            if let Some(lost) = lost {
                lost.end_later(driver);
            }
            Ok(kept?)
        }
        Err(error) => Err(refused(driver, before, error)),
    }
}

/// Returns `true` if this refusal may be the answer to a second copy of the request, although the
/// first copy has changed the password. A proxy may send a `PUT` twice (RFC 9110, section 9.2.2).
/// After the first copy has changed the password, the answer to the second copy says that the
/// session has ended, or that the current password is wrong.
///
/// # Errors
/// If the client could not find out.
async fn may_be_answer_to_copy(
    driver: &Rc<Driver>,
    account_id: Uuid,
    before: Before,
    refusal: &CallError,
) -> Result<bool, CallError> {
    let CallError::Problem(problem) = refusal else {
        return Ok(false);
    };
    if problem.code == Code::InvalidCredentials {
        return Ok(!goes_on(Whose::Of(Some(account_id)), before).await?);
    }
    // A change in another tab ends the session for the same reason. The last two conditions exclude
    // it.
    Ok(problem.meaning() == Meaning::SessionOver
        && Ending::of(problem) == Ending::PasswordChanged
        && !driver.is_noted_elsewhere(account_id)
        && driver.stored_session() == Some(before.session_id))
}

/// Asks the server whether the session whose token the change carried is still open. The server
/// reads its database for the answer. If the session is still open, the password was not changed,
/// because a change ends all sessions. The result is also `false` if the change or this question
/// was sent with the token of another session. A sign-in with the new password would give the same
/// information. But if the password was not changed, the sign-in would count as a failure and be
/// listed in the person's activity.
async fn goes_on(whose: Whose, before: Before) -> Result<bool, CallError> {
    let asked_as = Cell::new(None);
    let tell = |of: Link| asked_as.set(Some(of.session_id));
    let call = Call::to_holdfast(Method::GET, paths::SESSIONS);
    match calls::call_and_tell(&call, whose, false, &tell).await {
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
    is_found_out: bool,
) -> Result<(), CallError> {
    let (account_id, is_code_confirmed) = (opened.record.account_id, opened.is_code_confirmed);
    let change = opened.change_password(before, asked, is_found_out);
    match store_opened(driver, account_id, is_code_confirmed, change).await {
        // The form has disappeared, because the person who sent it is not signed in any more.
        Err(CallError::Overtaken) => {
            driver.tell_of_form(Some(Told::PasswordChanged));
            Err(CallError::Overtaken)
        }
        // The password is changed. The page also says that the person has to load it again.
        Err(CallError::Outdated) => Ok(()),
        kept => kept,
    }
}

/// The forms that sign in, set a password, or do both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    SignIn,
    SignUp,
    Password,
    /// The form of a recovery. The form sets a new password. The answer has the next recovery code,
    /// but no session.
    Recovery,
}

/// If another person is signed in, this tells at the top of the page what became of the form. In
/// that case the form disappears, and the page may reload.
fn tell_if_replaced(
    driver: &Rc<Driver>,
    account_id: Uuid,
    form: Form,
    outcome: &Result<(), CallError>,
) {
    if driver.shows_another_than(account_id) {
        tell_what_became(driver, form, outcome, true);
    }
}

/// Tells at the top of the page what became of a form that has disappeared.
pub(super) fn tell_what_became(
    driver: &Rc<Driver>,
    form: Form,
    outcome: &Result<(), CallError>,
    is_of_another: bool,
) {
    let became = match (form, outcome) {
        (Form::SignIn, Err(CallError::Overtaken)) => {
            return driver.tell_of_form(Some(Told::SignInOvertaken));
        }
        (Form::SignUp, Err(CallError::Overtaken)) => {
            return driver.tell_of_form(Some(Told::AccountMade));
        }
        // This needs no message: the person sees that they are signed in, or that they have left
        // the form.
        (Form::SignIn | Form::SignUp, _) => return,
        // This was told already.
        (Form::Password, Err(CallError::Overtaken)) if !is_of_another => return,
        (Form::Password, Ok(()) | Err(CallError::Overtaken)) => Became::Done,
        (Form::Password, Err(CallError::NotKnown)) => Became::NotKnown,
        // The server has refused the change, or it was never sent.
        (Form::Password, Err(_)) => Became::NotDone,
        (Form::Recovery, outcome) => {
            return driver.tell_of_form(Some(Told::Recovery(match outcome {
                Ok(()) => Became::Done,
                Err(CallError::NotKnown) => Became::NotKnown,
                Err(_) => Became::NotDone,
            })));
        }
    };
    driver.tell_of_form(Some(Told::PasswordChange {
        became,
        is_of_another,
    }));
}

/// Returns `true` if a repetition can get this refusal although the first request was done.
fn may_mean_done(refusal: &CallError) -> bool {
    match refusal {
        // The request could not be sent again, because this browser has no session of the account
        // any more.
        CallError::SignedOut | CallError::SessionChanged => true,
        CallError::Problem(problem) => {
            problem.code == Code::InvalidCredentials
                || matches!(problem.meaning(), Meaning::SessionOver | Meaning::Renew)
        }
        _ => false,
    }
}

/// Says that the change was not done. The session that sent it may be over for another reason.
fn refused(driver: &Rc<Driver>, before: Before, error: CallError) -> NotChanged {
    let why = match &error {
        CallError::Problem(problem) if problem.meaning() == Meaning::SessionOver => {
            Some(Ending::of(problem))
        }
        CallError::SignedOut => driver.replaced_is_over(),
        _ => None,
    };
    NotChanged {
        error,
        over: why.map(|why| (before.session_id, why)),
    }
}

/// Sends a request until there is an answer, for two minutes at most and while the page lives.
/// Stops earlier if `give_up` returns a reason. Returns the outcome, and `true` if the first
/// sending got no answer. In that case the request may have been done.
async fn with_repetitions<F: Future<Output = Result<String, CallError>>>(
    send: impl Fn() -> F,
    give_up: impl Fn() -> Option<CallError>,
) -> (Result<String, CallError>, bool) {
    let has_tokens = |body: &str| transport::parse::<Tokens>(body).is_ok();
    with_repetitions_of(has_tokens, send, give_up).await
}

/// Like [`with_repetitions`], for a request with another answer. `is_whole` returns `true` if a
/// body is a complete answer, and was not cut.
pub(super) async fn with_repetitions_of<F: Future<Output = Result<String, CallError>>>(
    is_whole: impl Fn(&str) -> bool,
    send: impl Fn() -> F,
    give_up: impl Fn() -> Option<CallError>,
) -> (Result<String, CallError>, bool) {
    let is_silence = |outcome: &_| is_silence(outcome, &is_whole);
    let mut outcome = send().await;
    if !is_silence(&outcome) {
        return (outcome, false);
    }
    let _waits = Waits::tell();
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
        // The wait is between half of the pause and the whole pause, so that many clients do not
        // send at the same moment.
        let jitter = u32::try_from((u64::from(now.jitter) * u64::from(pause_ms / 2)) >> 32);
        let left_ms = u32::try_from(deadline - now.running_ms).unwrap_or(u32::MAX);
        let wait_ms = (pause_ms / 2 + jitter.unwrap_or(0)).max(retry_after_ms(&outcome));
        TimeoutFuture::new(wait_ms.min(left_ms)).await;
        pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
        outcome = send().await;
        let is_later = matches!(
            &outcome,
            Err(CallError::Problem(problem)) if problem.meaning() == Meaning::Later
        );
        if !is_silence(&outcome) && !is_later {
            return (outcome, true);
        }
    }
}

/// While this value exists, the page says that no answer has come yet.
struct Waits;

impl Waits {
    fn tell() -> Self {
        if let Some(driver) = Driver::current() {
            driver.tell_of_form(Some(Told::NoAnswerYet));
        }
        Self
    }
}

impl Drop for Waits {
    fn drop(&mut self) {
        if let Some(driver) = Driver::current() {
            driver.tell_no_more(Told::NoAnswerYet);
        }
    }
}

fn is_silence(outcome: &Result<String, CallError>, is_whole: &impl Fn(&str) -> bool) -> bool {
    match outcome {
        Err(CallError::Unreachable { .. }) => true,
        // The server may have lost its database during the request.
        Err(CallError::Problem(problem)) => problem.code == Code::TemporarilyUnavailable,
        // The answer was cut: the request was done, and its answer is lost.
        Ok(body) => !is_whole(body),
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

/// Signs in with the new password, to find out whether the request was done. If the server refuses
/// the new password, the request was not done, and this returns `refusal`. Any other error of the
/// sign-in says nothing about the request.
async fn find_out(
    driver: &Rc<Driver>,
    request: &LoginRequest,
    refusal: CallError,
) -> Result<Opened, CallError> {
    match request_login(driver, request).await {
        Ok(opened) => Ok(opened),
        Err(CallError::Problem(problem)) if problem.code == Code::InvalidCredentials => {
            Err(refusal)
        }
        Err(_) => Err(CallError::NotKnown),
    }
}

/// The sessions of lost answers. This browser has opened them since the form was sent, and no place
/// stores their tokens.
struct Lost {
    account_id: Uuid,
    /// The password with which [`find_out`] has signed in. The server asks for it again before it
    /// ends a session.
    password: Secret,
    /// Whether the form was a change of the password.
    is_replacing: bool,
    /// The session that the sign-in of [`find_out`] has opened.
    own_id: Uuid,
    /// The same session as the server lists it, or `None` until the server has answered.
    own: Option<SessionInfo>,
    /// The longest possible time between the sending of the form and the opening of this session.
    elapsed_s: u64,
    /// The number that the request of the form got in the order of sign-ins and sign-outs.
    asked: Asked,
}

impl Lost {
    /// `form` is a span of time on the running clock of the page. It begins when the page sent the
    /// form, and ends when the page sent the sign-in of [`find_out`].
    fn of(
        opened: &Opened,
        password: Secret,
        is_replacing: bool,
        form: Range<u64>,
        asked: Asked,
    ) -> Self {
        Self {
            account_id: opened.record.account_id,
            password,
            is_replacing,
            own_id: opened.record.session_id,
            own: None,
            elapsed_s: elapsed_s(form, clock::now().running_ms),
            asked,
        }
    }

    /// Ends the lost sessions with the access token of the new session. Returns `None` if no lost
    /// session is left. The caller does this before it stores the new session. After the new
    /// session is stored, the page may reload, or the new session may be ended.
    ///
    /// Returns an error if the server says that the new session itself is over. The caller must not
    /// store that session, because it could replace a good one.
    async fn end_now(
        mut self,
        driver: &Rc<Driver>,
        opened: &Opened,
    ) -> Result<Option<Self>, CallError> {
        let outcome = {
            // The caller's own request still counts as under way.
            let done = pin!(self.end(driver, &opened.record.access_token, 1));
            let limited = select(done, TimeoutFuture::new(ENDS_LOST_FOR_MS));
            let token = &opened.record.refresh_token;
            match driver.before_storing(token, limited).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => Err(CallError::SILENCE),
            }
        };
        match outcome {
            Ok(()) => Ok(None),
            Err(error) if meaning(&error) == Some(Meaning::SessionOver) => Err(CallError::NotKnown),
            Err(_) => Ok(Some(self)),
        }
    }

    /// Tries again while the page lives, for two minutes at most. For that long, another tab may
    /// repeat its change. If the person has signed out, the page has no access token. The client
    /// still goes on, because the person may sign in again.
    fn end_later(mut self, driver: &Rc<Driver>) {
        let driver = driver.clone();
        spawn_local(async move {
            let deadline = clock::now().running_ms + REPEATS_FOR_MS;
            let mut pause_ms = 1000;
            while clock::now().running_ms < deadline {
                TimeoutFuture::new(pause_ms).await;
                pause_ms = (pause_ms * 2).min(LONGEST_PAUSE_MS);
                let mut whose = Whose::Of(Some(self.account_id));
                let (of, token) = match driver.access(&mut whose).await {
                    Ok(access) => access,
                    Err(CallError::Outdated) => return,
                    Err(_) => continue,
                };
                match self.end(&driver, &token, 0).await {
                    Ok(()) => return,
                    Err(error) if meaning(&error) == Some(Meaning::Renew) => {
                        driver.feed(Event::CallRefused { of });
                    }
                    Err(_) => {}
                }
            }
        });
    }

    /// Ends the lost sessions. `own` is the number of the caller's own requests that are under way.
    async fn end(
        &mut self,
        driver: &Rc<Driver>,
        token: &Secret,
        own: u32,
    ) -> Result<(), CallError> {
        let list = Call::to_holdfast(Method::GET, paths::SESSIONS);
        let list = transport::send(&list, Some(token)).await?;
        let SessionList { sessions } = transport::parse(&list)?;
        if self.own.is_none() {
            let mut all = sessions.iter();
            self.own = all.find(|one| one.session_id == self.own_id).cloned();
        }
        // If the server has never listed the new session, the client does not know when it was
        // opened. So it cannot tell which sessions are lost.
        let Some(found) = &self.own else {
            return Ok(());
        };
        // Another request may have brought a session of the account that is not stored yet. The
        // client must not end that session. So it looks for such requests before it reads the
        // stored session: a new session is stored before its request counts as over. Another tab
        // that changes the password leaves a note. The number of its request does not count here,
        // because the server may have refused the change. Another tab that signs in leaves only a
        // number.
        let may_come = if self.is_replacing {
            driver.is_noted_elsewhere(self.account_id)
        } else {
            driver.awaits_later(self.asked).await
        };
        if may_come || driver.has_others_under_way(own) {
            return Err(CallError::UnderWay);
        }
        let held = driver.stored_session();
        for lost in &sessions {
            let is_used = lost.current || Some(lost.session_id) == held;
            if !is_used && is_lost(lost, found, self.elapsed_s) {
                let path = format!("{}/{}", paths::SESSIONS, lost.session_id);
                let password = self.password.clone();
                let end = Call::to_holdfast(Method::DELETE, &path);
                let end = end.with_json(&EndSessions { password });
                match transport::send(&end, Some(token)).await {
                    Ok(nothing) => transport::parse_nothing(&nothing)?,
                    // The account has another password by now. Its change has ended these sessions.
                    Err(error) if error.code() == Some(Code::InvalidCredentials) => return Ok(()),
                    Err(error) => return Err(error),
                }
            }
        }
        Ok(())
    }
}

/// The longest possible time between the sending of the form and the opening of the session. If the
/// page slept before it read the answer, the sleep does not count: no answer comes later than
/// [`transport::PATIENCE_MS`].
fn elapsed_s(form: Range<u64>, now_ms: u64) -> u64 {
    let answered_ms = now_ms.min(form.end + u64::from(transport::PATIENCE_MS));
    (answered_ms - form.start) / 1000
}

fn meaning(error: &CallError) -> Option<Meaning> {
    error.code().map(Code::meaning)
}

/// Whether a session belongs to a lost answer. `own` was opened last, at most `elapsed_s` after the
/// form was sent. The server has set the times of both sessions. An older session is not lost, even
/// if its browser looks the same. A session that another device opened in that time counts as lost
/// if its browser looks the same and it has the same address: the server does not tell them apart.
fn is_lost(session: &SessionInfo, own: &SessionInfo, elapsed_s: u64) -> bool {
    /// Both times are whole seconds.
    const ROUNDED_S: i64 = 1;
    let sent_at = own.created_at.saturating_sub_unsigned(elapsed_s) - ROUNDED_S;
    session.session_id != own.session_id
        && (sent_at..=own.created_at).contains(&session.created_at)
        && session.user_agent == own.user_agent
        && session.ip == own.ip
}

async fn request_login(driver: &Rc<Driver>, request: &LoginRequest) -> Result<Opened, CallError> {
    let call = Call::to_holdfast(Method::POST, paths::LOGIN).with_json(request);
    let mut call = driver.with_known_browsers(call).await;
    new_code::add_known_browser(&mut call);
    let sent_at = clock::now().wall_ms;
    let body = transport::send_for(&call, None, &transport::read_tokens).await?;
    Opened::read(&body, request.remember, sent_at)
}

/// Stores a new session of this account. If there was a sign-in or a sign-out in this browser after
/// the request for this session was sent, the client ends the new session instead.
async fn store_opened(
    driver: &Rc<Driver>,
    account_id: Uuid,
    is_code_confirmed: Option<bool>,
    change: Change,
) -> Result<(), CallError> {
    if driver.change(change).await {
        // This comes only after the session is stored. Otherwise a session that is not kept would
        // remove the offer to another account.
        new_code::opened(account_id, is_code_confirmed);
        Ok(())
    } else if driver.is_outdated() {
        Err(CallError::Outdated)
    } else if driver
        .record()
        .is_some_and(|record| record.account_id == account_id)
    {
        // Another tab has stored a session of the same account first. So the person is signed in to
        // the account that they want.
        new_code::opened(account_id, is_code_confirmed);
        Ok(())
    } else {
        Err(CallError::Overtaken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn session(number: u128, created_at: i64) -> SessionInfo {
        SessionInfo {
            session_id: Uuid::from_u128(number),
            current: false,
            created_at,
            last_used_at: created_at,
            expires_at: created_at + 100,
            ip: Some("192.0.2.1".to_owned()),
            user_agent: Some("Browser".to_owned()),
            device: "Browser on Linux".to_owned(),
            name: None,
        }
    }

    #[test]
    fn a_page_that_sleeps_before_it_reads_the_answer_does_not_count_its_sleep() {
        assert_eq!(elapsed_s(1000..4000, 6999), 5);
        assert_eq!(elapsed_s(1000..4000, 24_000), 23);
        assert_eq!(elapsed_s(1000..4000, 3_600_000), 23);
    }

    #[test]
    fn only_a_session_that_was_opened_by_the_form_is_lost() {
        let own = SessionInfo {
            current: true,
            ..session(1, 1000)
        };
        for (created_at, expected) in [
            (1001, false),
            (1000, true),
            (995, true),
            (994, true),
            // The account had this session before.
            (993, false),
            (0, false),
        ] {
            assert_eq!(is_lost(&session(2, created_at), &own, 5), expected);
        }
        let elsewhere = SessionInfo {
            ip: Some("192.0.2.2".to_owned()),
            ..session(2, 1000)
        };
        let another_browser = SessionInfo {
            user_agent: None,
            ..session(2, 1000)
        };
        for not_lost in [own.clone(), elsewhere, another_browser] {
            assert!(!is_lost(&not_lost, &own, 5));
        }
    }
}
