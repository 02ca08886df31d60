//! This tab: it carries out what the renewal machine decides.
//!
//! Every event goes through [`Driver::feed`], one after the other, and every decision
//! is made in `holdfast_protocol::renewal`. What is left here is reading, writing,
//! sending and waiting. It runs in the browser only, and knows no view: it hands out
//! [`Snapshot`]s.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::select;
use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::renewal::{
    Access, Action, Asked, Change, Ending, Event, Failure, Link, Machine, Notice, Record, Stored,
    View,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{LogoutRequest, RefreshRequest, Tokens, paths};
use holdfast_protocol::{attempt_key, wire};
use leptos::task::spawn_local;
use uuid::Uuid;
use web_sys::BroadcastChannel;

use super::http::{self, ApiError, Call};
use super::surroundings::{self, News};
use super::vault::{Attempted, Outcome, RENEWED_EVERY_MS, Vault};
use super::{clock, lock, vault};

/// The lock of one renewal among the tabs.
const LOCK: &str = "holdfast.renewal";

/// How long a renewal waits for another tab's before it goes on regardless.
const LOCK_WAIT_MS: u32 = 2000;

/// How long a call waits for a renewal before it fails.
const CALL_WAIT_MS: u32 = 30_000;

/// How long something waits for news before it looks by itself.
const LONGEST_WAIT_MS: u32 = 1000;

/// How long a page that the person did not want to leave waits before it asks again.
const STAYS_MS: u32 = 10_000;

thread_local! {
    static DRIVER: OnceCell<Rc<Driver>> = const { OnceCell::new() };
}

/// How things stand in this tab.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) view: View,
    pub(super) record: Option<Record>,
    pub(super) notice: Option<Notice>,
    pub(super) is_leaving: bool,
}

/// Whose call it is: that of the account which was shown when it was begun.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The page had just started and shown nobody yet. It shows one account at most, so
    /// that is the one.
    NotKnownYet,
    /// This account's, or nobody's.
    Of(Option<Uuid>),
}

/// See [`Driver::expect_session`].
pub(super) struct Expectation {
    driver: Rc<Driver>,
    replaces: bool,
}

impl Drop for Expectation {
    fn drop(&mut self) {
        self.driver.under_way.set(self.driver.under_way.get() - 1);
        if self.replaces
            && let Some(replacing) = self.driver.replacing.take()
        {
            self.driver.vault.forget_replaced(replacing.mark);
        }
        self.driver.publish();
    }
}

/// A change of the password that is under way in this tab.
#[derive(Debug, Clone, Copy)]
struct Replacing {
    /// The session that it is about to end: the one that its request was sent as.
    session_id: Option<Uuid>,
    /// Why that session is over, once the server has said that it is.
    is_over: Option<Ending>,
    /// Tells this tab's note to the other tabs from theirs.
    mark: u32,
}

/// The one driver of this page.
pub(super) struct Driver {
    machine: RefCell<Machine>,
    /// Events that came up while others were being worked through.
    queue: RefCell<VecDeque<Event>>,
    busy: Cell<bool>,
    vault: Rc<Vault>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    timer: RefCell<Option<Timeout>>,
    channel: Option<BroadcastChannel>,
    tell: Box<dyn Fn(Snapshot)>,
    /// What the page shows.
    shown: RefCell<Option<Snapshot>>,
    /// Whom the page has shown, if anybody.
    has_shown: Cell<Option<Uuid>>,
    is_reloading: Cell<bool>,
    notice: Cell<Option<Notice>>,
    /// Requests under way that are answered with a new session.
    under_way: Cell<u32>,
    replacing: Cell<Option<Replacing>>,
    /// Storage is being read, and was perhaps changed since.
    is_looking: Cell<bool>,
    look_again: Cell<bool>,
}

impl Driver {
    /// Starts the tab: reads storage, listens, and tells from now on how things stand.
    pub(super) fn start(tell: impl Fn(Snapshot) + 'static) {
        let driver = Rc::new(Self {
            machine: RefCell::default(),
            queue: RefCell::default(),
            busy: Cell::new(false),
            vault: Rc::new(Vault::new()),
            waiting: RefCell::default(),
            timer: RefCell::default(),
            channel: surroundings::channel(),
            tell: Box::new(tell),
            shown: RefCell::default(),
            has_shown: Cell::new(None),
            is_reloading: Cell::new(false),
            notice: Cell::new(None),
            under_way: Cell::new(0),
            replacing: Cell::new(None),
            is_looking: Cell::new(false),
            look_again: Cell::new(false),
        });
        let is_first = DRIVER.with(|cell| cell.set(driver.clone()).is_ok());
        if is_first {
            spawn_local(driver.begin());
        }
    }

    /// The driver, once it was started. There is none on the server.
    pub(super) fn current() -> Option<Rc<Self>> {
        DRIVER.with(|cell| cell.get().cloned())
    }

    async fn begin(self: Rc<Self>) {
        let mut outcome = self.vault.change(None, Stored::default()).await;
        if let Some(record) = outcome.stored.record()
            && !record.remember
            && !surroundings::browser_has_been_open()
        {
            let sign_out = Change::SignOut {
                account_id: record.account_id,
                why: Ending::BrowserClosed,
            };
            let held = outcome.stored.clone();
            outcome = self.vault.change(Some(sign_out), held).await;
        }
        self.feed(Event::Start {
            stored: outcome.stored.clone(),
            visible: surroundings::is_visible(),
        });
        self.take(outcome);
        let driver = self.clone();
        surroundings::listen(self.channel.as_ref(), move |news| driver.hear(news));
    }

    fn hear(self: &Rc<Self>, news: News) {
        let is_visible = surroundings::is_visible();
        match news {
            // A page that goes to sleep must not wait for an answer of the database:
            // the browser would not keep it.
            News::Left => self.vault.rest(),
            News::Visible if !is_visible => self.feed(Event::Visible(false)),
            News::Visible => {
                self.look();
                self.feed(Event::Visible(true));
            }
            News::Stored => self.look(),
            News::Online => {
                self.look();
                self.feed(Event::Online);
            }
        }
    }

    /// Takes in what happened and does what follows from it.
    pub(super) fn feed(self: &Rc<Self>, event: Event) {
        self.queue.borrow_mut().push_back(event);
        if self.busy.replace(true) {
            return;
        }
        let before = self.machine.borrow().clone();
        loop {
            let Some(event) = self.queue.borrow_mut().pop_front() else {
                break;
            };
            let machine = self.machine.take();
            let (machine, actions) = machine.on(event, clock::now());
            self.machine.replace(machine);
            for action in actions {
                self.perform(action);
            }
        }
        self.busy.set(false);
        self.publish();
        // A call that wakes up asks again. If its question alone woke the others, two
        // calls would wake each other without end, and the page would stand still.
        if *self.machine.borrow() != before {
            for waiting in self.waiting.take() {
                let _ = waiting.send(());
            }
        }
    }

    /// Reads storage: the copy at once, and the database as soon as it answers. Many
    /// asking for that share one reading.
    fn look(self: &Rc<Self>) {
        self.look_at_copy();
        self.look_later();
    }

    fn look_later(self: &Rc<Self>) {
        self.look_again.set(true);
        if self.is_looking.replace(true) {
            return;
        }
        let driver = self.clone();
        spawn_local(async move {
            while driver.look_again.replace(false) {
                let held = driver.held();
                let outcome = driver.vault.change(None, held).await;
                driver.take(outcome);
            }
            driver.is_looking.set(false);
        });
    }

    fn look_at_copy(self: &Rc<Self>) {
        let Some(copy) = self.vault.copy() else {
            return;
        };
        let held = self.held();
        let is_of_another_life = copy.era().is_of_another_life(held.era());
        if is_of_another_life || copy.position() < held.position() {
            // Another tab has written an older copy over it, or the data were deleted in
            // between. Reading the database says which, and puts it right.
            self.look_later();
        } else if copy.record() != held.record() {
            self.feed(Event::Stored(copy));
        }
    }

    /// Takes in how things stand in storage.
    fn take(self: &Rc<Self>, outcome: Outcome) {
        let is_news = outcome.stored != self.held();
        if outcome.news.is_none() && is_news {
            self.feed(Event::Stored(outcome.stored));
        }
        self.take_news(outcome.news);
        self.take_leaving(outcome.is_leaving, outcome.has_left);
    }

    /// Takes in what happened to storage itself.
    fn take_news(self: &Rc<Self>, news: Option<vault::News>) {
        match news {
            Some(vault::News::Gone) => self.feed(Event::Gone),
            Some(vault::News::LaterVersion) => self.feed(Event::StorageOfLaterVersion),
            None => {}
        }
    }

    /// Tokens that were left just now are sent at once, also while others are on their way.
    /// All others have their turn already.
    fn take_leaving(self: &Rc<Self>, is_leaving: bool, has_left: bool) {
        if has_left || is_leaving && !self.machine.borrow().is_leaving() {
            self.feed(Event::LeavingFound);
        }
        if self.vault.is_memory() && self.notice.get() != Some(Notice::ThisTabOnly) {
            self.feed(Event::StorageFailed);
        }
    }

    /// Who is signed in, as far as this tab knows.
    fn held(&self) -> Stored {
        self.machine.borrow().stored()
    }

    /// The record as this tab holds it.
    pub(super) fn record(&self) -> Option<Record> {
        self.machine.borrow().record().cloned()
    }

    /// A new session is about to be asked for: when that is, compared with all other
    /// sign-ins and sign-outs of this browser. Storage is asked: a tab that slept may not
    /// have heard of them. An error if a later version has taken over storage: then a new
    /// session could not be kept, and nothing is to be asked for.
    pub(super) async fn ask(self: &Rc<Self>) -> Result<Asked, ApiError> {
        self.until_known().await;
        let outcome = self.vault.change(Some(Change::Ask), self.held()).await;
        let asked = Asked {
            era: outcome.stored.era(),
            number: outcome.last_number,
        };
        self.take(outcome);
        if self.is_outdated() {
            return Err(ApiError::Outdated);
        }
        Ok(asked)
    }

    /// Whether a later version of Holdfast has taken over storage.
    pub(super) fn is_outdated(&self) -> bool {
        self.machine.borrow().is_outdated()
    }

    /// Waits until something has changed in this tab, but not longer than this.
    async fn wait_for_news(&self, most_ms: u32) {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().push(tell);
        select(told, TimeoutFuture::new(most_ms)).await;
    }

    /// Whose call it is that begins now.
    pub(super) fn whose(&self) -> Whose {
        match self.view() {
            // A page that is about to be loaded anew still belongs to whom it has shown.
            View::Unknown => match self.has_shown.get() {
                Some(account_id) => Whose::Of(Some(account_id)),
                None => Whose::NotKnownYet,
            },
            View::Anonymous { .. } => Whose::Of(None),
            View::SignedIn { account_id, .. } => Whose::Of(Some(account_id)),
        }
    }

    /// What the page shows.
    fn view(&self) -> View {
        let shown = self.shown.borrow();
        shown.as_ref().map_or(View::Unknown, |shown| shown.view)
    }

    /// Signs out the person whom the page shows, or is about to show: while a page starts,
    /// or is about to be loaded anew, its header offers to sign out as well.
    pub(super) async fn sign_out(self: &Rc<Self>) {
        let why = Ending::SignedOut;
        let whose = match self.view() {
            View::SignedIn { account_id, .. } => Some(account_id),
            View::Anonymous { .. } => None,
            View::Unknown => {
                // For the case that the page is closed before storage has been read.
                if let Some(account_id) = self.vault.copied_account() {
                    self.vault
                        .note_at_once(&Change::SignOut { account_id, why });
                }
                self.until_known().await;
                self.record().map(|record| record.account_id)
            }
        };
        if let Some(account_id) = whose {
            self.change(Change::SignOut { account_id, why }).await;
        }
    }

    /// Tells the person something, or no more.
    pub(super) fn set_notice(self: &Rc<Self>, notice: Option<Notice>) {
        self.notice.set(notice);
        self.publish();
    }

    /// Waits until storage has been read for the first time.
    async fn until_known(self: &Rc<Self>) {
        while self.machine.borrow().view() == View::Unknown {
            self.wait_for_news(LONGEST_WAIT_MS).await;
        }
    }

    /// Makes a change, and says whether it still applied. Until then nothing is sent.
    pub(super) async fn change(self: &Rc<Self>, change: Change) -> bool {
        if let Change::SignIn { record, .. } | Change::ChangePassword { record, .. } = &change
            && !record.remember
        {
            surroundings::mark_browser_open();
        }
        self.feed(Event::Changing);
        self.vault.note_at_once(&change);
        self.finish_change(change).await
    }

    async fn finish_change(self: &Rc<Self>, change: Change) -> bool {
        let outcome = self.vault.change(Some(change), self.held()).await;
        let applied = outcome.applied;
        self.feed(Event::Changed {
            stored: outcome.stored,
            applied,
        });
        self.take_news(outcome.news);
        self.take_leaving(outcome.is_leaving, outcome.has_left);
        surroundings::tell_others(self.channel.as_ref());
        applied
    }

    /// The access token for a call, after a renewal if that is what it takes.
    pub(super) async fn access(
        self: &Rc<Self>,
        whose: &mut Whose,
    ) -> Result<(Link, Secret), ApiError> {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        loop {
            if *whose == Whose::Of(None) {
                return Err(ApiError::SignedOut);
            }
            self.look_at_copy();
            self.feed(Event::CallWanted);
            let now = clock::now();
            let access = self.machine.borrow().access(now);
            match access {
                Access::Ready {
                    account_id,
                    of,
                    token,
                } => {
                    if *whose == Whose::NotKnownYet {
                        *whose = Whose::Of(Some(account_id));
                    }
                    return if *whose == Whose::Of(Some(account_id)) {
                        Ok((of, token))
                    } else {
                        Err(ApiError::SessionChanged)
                    };
                }
                Access::SignedOut => return Err(ApiError::SignedOut),
                Access::Outdated => return Err(ApiError::Outdated),
                Access::NotNow => {
                    let held = self.record().map(|record| record.session_id);
                    let Some(session_id) = held else { continue };
                    if !self.is_replaced(session_id, true).await {
                        return Err(ApiError::SILENCE);
                    }
                    continue;
                }
                Access::Soon if now.running_ms >= deadline => return Err(ApiError::SILENCE),
                Access::Soon => {}
            }
            let left = u32::try_from(deadline - now.running_ms).unwrap_or(CALL_WAIT_MS);
            self.wait_for_news(left).await;
        }
    }

    /// A request is under way that is answered with a new session. Until what is returned is
    /// dropped, the page is not loaded anew: nobody would take the answer, and its session
    /// would live on.
    pub(super) fn expect_session(self: &Rc<Self>) -> Expectation {
        self.expect(false)
    }

    /// The same for a change of the password. From the moment at which
    /// [`Driver::replaces`] says what is sent as which session, an answer that says that
    /// this one is over clears nothing, in no tab.
    pub(super) fn expect_replacement(self: &Rc<Self>) -> Expectation {
        let mark = clock::now().dice;
        self.replacing.set(Some(Replacing {
            session_id: None,
            is_over: None,
            mark,
        }));
        let driver = self.clone();
        spawn_local(async move { driver.renew_note(mark).await });
        self.expect(true)
    }

    fn expect(self: &Rc<Self>, replaces: bool) -> Expectation {
        self.under_way.set(self.under_way.get() + 1);
        Expectation {
            driver: self.clone(),
            replaces,
        }
    }

    /// The change of the password is about to be sent as this session. That may be another
    /// one than before: another tab has changed the password as well.
    pub(super) fn replaces(&self, session_id: Uuid) {
        let Some(mut replacing) = self.replacing.get() else {
            return;
        };
        if replacing.session_id != Some(session_id) {
            replacing.session_id = Some(session_id);
            replacing.is_over = None;
            self.replacing.set(Some(replacing));
        }
        self.vault.note_replaced(session_id, replacing.mark);
    }

    /// Tells the other tabs from time to time that this one still lives and replaces its
    /// session.
    async fn renew_note(&self, mark: u32) {
        loop {
            TimeoutFuture::new(RENEWED_EVERY_MS).await;
            let replacing = self.replacing.get().filter(|now| now.mark == mark);
            let Some(replacing) = replacing else { return };
            if let Some(session_id) = replacing.session_id {
                self.vault.note_replaced(session_id, mark);
            }
        }
    }

    /// Whether this tab is changing the password already.
    pub(super) fn is_replacing(&self) -> bool {
        self.replacing.get().is_some()
    }

    /// Why the session is over that a change of the password under way replaces, once the
    /// server has said so. Then no call can be made with it any more, and none should wait.
    pub(super) fn replaced_is_over(&self) -> Option<Ending> {
        self.replacing.get()?.is_over
    }

    /// Takes in that a session is over, and says whether that is only for now, because a
    /// change of the password under way replaces it.
    fn is_being_replaced(&self, session_id: Uuid, why: Ending) -> bool {
        if let Some(replacing) = self.replacing.get()
            && replacing.session_id == Some(session_id)
        {
            self.replacing.set(Some(Replacing {
                is_over: Some(why),
                ..replacing
            }));
            return true;
        }
        self.is_noted_elsewhere(session_id)
    }

    /// Whether another tab is about to replace this session.
    pub(super) fn is_noted_elsewhere(&self, session_id: Uuid) -> bool {
        let own_mark = self.replacing.get().map(|replacing| replacing.mark);
        self.vault.is_replaced(session_id, own_mark)
    }

    /// Says whether this tab holds another session by now. With `waits`, that is waited for
    /// while another tab replaces this one.
    pub(super) async fn is_replaced(self: &Rc<Self>, session_id: Uuid, waits: bool) -> bool {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        loop {
            // In this order: the new session is stored before the note is removed.
            let is_noted = self.is_noted_elsewhere(session_id);
            self.look_at_copy();
            let held = self.record().map(|record| record.session_id);
            if held != Some(session_id) {
                return held.is_some();
            }
            if !is_noted || !waits || clock::now().running_ms >= deadline {
                return false;
            }
            self.wait_for_news(LONGEST_WAIT_MS).await;
        }
    }

    /// Takes in how a call went that carried the access token of `of`.
    pub(super) fn note_outcome(self: &Rc<Self>, of: Link, outcome: &Result<String, ApiError>) {
        let session_id = of.session_id;
        self.feed(match outcome {
            Err(ApiError::Problem(problem)) if problem.code.meaning() == Meaning::SessionOver => {
                let why = Ending::of(problem);
                if self.is_being_replaced(session_id, why) {
                    Event::Reached
                } else {
                    Event::CallOver { session_id, why }
                }
            }
            Err(ApiError::Unreachable { answered: false }) => Event::Unreachable,
            _ => Event::Reached,
        });
    }

    /// The header that shows the server that it knows this browser.
    pub(super) async fn with_known_browsers(&self, mut call: Call) -> Call {
        if let Some(known) = self.vault.known_browsers().await {
            call.headers.push((wire::KNOWN_BROWSER_HEADER, known));
        }
        call
    }

    fn perform(self: &Rc<Self>, action: Action) {
        let driver = self.clone();
        match action {
            Action::Refresh { of } => spawn_local(async move {
                let event = driver.refresh(of).await;
                driver.feed(event);
            }),
            Action::Change(change) => {
                self.vault.note_at_once(&change);
                spawn_local(async move {
                    driver.finish_change(change).await;
                });
            }
            Action::Wake(after) => {
                let timer = after.map(|ms| {
                    // The browser counts in 32 bits; a timer that is early is asked again.
                    let ms = u32::try_from(ms)
                        .unwrap_or(u32::MAX)
                        .min(i32::MAX.unsigned_abs());
                    Timeout::new(ms, move || {
                        driver.look();
                        driver.feed(Event::Timer);
                    })
                });
                *self.timer.borrow_mut() = timer;
            }
            Action::Probe => spawn_local(async move {
                let answer = http::send(&Call::new(Method::GET, paths::HEALTHZ), None).await;
                let silence = matches!(answer, Err(ApiError::Unreachable { answered: false }));
                driver.feed(if silence {
                    Event::Unreachable
                } else {
                    Event::ProbeAnswered
                });
            }),
            Action::SendLeaving => spawn_local(async move {
                let all = driver.send_leaving().await;
                driver.feed(Event::LeavingSent { all });
            }),
            Action::Tell(notice) => self.notice.set(Some(notice)),
        }
    }

    /// One refresh. The record and its attempt key come out of one transaction, and are
    /// sent in the very step that has them.
    async fn refresh(self: &Rc<Self>, of: Link) -> Event {
        let not_renewed = |failure| Event::NotRenewed { of, failure };
        let later = not_renewed(Failure::Later { retry_after: None });
        let _lock = lock::acquire(LOCK, LOCK_WAIT_MS).await;
        let attempted = self.vault.attempt(of, self.held()).await;
        self.take_leaving(false, false);
        let (record, key) = match attempted {
            Attempted::Send(record, key) => (record, key),
            Attempted::Moved(outcome) => {
                self.take(outcome);
                return not_renewed(Failure::Moved);
            }
            Attempted::Behind => return not_renewed(Failure::Behind),
            Attempted::Outdated => return not_renewed(Failure::Outdated),
            Attempted::Later => return later,
        };
        let mut call = Call::new(Method::POST, paths::REFRESH).with_json(&RefreshRequest {
            refresh_token: record.refresh_token.clone(),
        });
        let key = Secret::from(key.expose());
        call.headers.push((attempt_key::HEADER, key));
        // Counted from the sending: an access token is never older than we think.
        let sent_at = clock::now().wall_ms;
        let tokens = match http::send(&call, None).await {
            Ok(body) => http::parse::<Tokens>(&body).ok(),
            Err(ApiError::Problem(problem)) => {
                return match Failure::of(&problem) {
                    Failure::Over(why) if self.is_being_replaced(of.session_id, why) => later,
                    failure => not_renewed(failure),
                };
            }
            Err(_) => None,
        };
        let renewed = tokens.and_then(|tokens| Record::new(&tokens, record.remember, sent_at));
        let Some(renewed) = renewed else {
            return later;
        };
        let change = Change::Renew { record: renewed };
        let outcome = self.vault.change(Some(change), self.held()).await;
        self.take_news(outcome.news);
        self.take_leaving(outcome.is_leaving, outcome.has_left);
        surroundings::tell_others(self.channel.as_ref());
        Event::Renewed {
            of,
            stored: outcome.stored,
        }
    }

    /// Sends the logouts that the server has yet to hear of, one by one, and says
    /// whether it has heard of all of them.
    async fn send_leaving(self: &Rc<Self>) -> bool {
        // A list that could not be read may hold tokens: it is read again later.
        let Some(leaving) = self.vault.leaving().await else {
            return false;
        };
        for token in leaving {
            let mut call = Call::new(Method::POST, paths::LOGOUT).with_json(&LogoutRequest {
                refresh_token: token.clone(),
            });
            // It arrives even if the page is closed meanwhile.
            call.keepalive = true;
            let is_done = match http::send(&call, None).await {
                Ok(_) => true,
                Err(ApiError::Problem(problem)) => problem.code.meaning() != Meaning::Later,
                Err(_) => false,
            };
            if !is_done {
                return false;
            }
            let left = Change::Left(token);
            self.vault.change(Some(left), self.held()).await;
        }
        true
    }

    /// Tells the view. A page that has shown one account is loaded anew before it shows
    /// another: nothing typed, fetched or timed for one person is ever sent as the next.
    /// Until then it shows nobody. A session that lives in memory only would be lost by
    /// that; the guard of the pages builds them anew instead.
    fn publish(self: &Rc<Self>) {
        let machine = self.machine.borrow();
        let mut snapshot = Snapshot {
            view: machine.view(),
            record: machine.record().cloned(),
            notice: self.notice.get(),
            is_leaving: machine.is_kept_from_leaving(),
        };
        drop(machine);
        let mut is_another = false;
        if let View::SignedIn { account_id, .. } = snapshot.view {
            let before = self.has_shown.get();
            is_another = before.is_some_and(|before| before != account_id);
            is_another &= !self.vault.is_memory();
            if is_another && self.under_way.get() > 0 {
                return;
            }
            if is_another {
                snapshot.view = View::Unknown;
                snapshot.record = None;
            } else {
                self.has_shown.set(Some(account_id));
            }
        }
        let is_news = self.shown.borrow().as_ref() != Some(&snapshot);
        if is_news {
            *self.shown.borrow_mut() = Some(snapshot.clone());
            (self.tell)(snapshot);
        }
        if is_another {
            self.reload();
        }
    }

    /// Loads the page anew. Something else in it may ask the person whether to leave it; if
    /// they stay, it is not known who is to be shown, and they are asked again.
    fn reload(self: &Rc<Self>) {
        if self.is_reloading.replace(true) {
            return;
        }
        let driver = self.clone();
        surroundings::reload(move || {
            spawn_local(async move {
                // While the person is asked, time stands still for the page: the first
                // timer ends when they have answered.
                TimeoutFuture::new(0).await;
                TimeoutFuture::new(STAYS_MS).await;
                driver.is_reloading.set(false);
                driver.publish();
            });
        });
    }
}
