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
    Access, Action, Change, Ending, Era, Event, Failure, Link, Machine, Notice, Record, Stored,
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
use super::vault::{Attempted, Outcome, Replaced, Vault};
use super::{clock, lock, vault};

/// The lock of one renewal among the tabs.
const LOCK: &str = "holdfast.renewal";

/// How long a renewal waits for another tab's before it goes on regardless.
const LOCK_WAIT_MS: u32 = 2000;

/// How long a call waits for a renewal before it fails.
const CALL_WAIT_MS: u32 = 30_000;

/// How long something waits for news before it looks by itself.
const LONGEST_WAIT_MS: u32 = 1000;

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
        if self.replaces {
            self.driver.is_replaced.set(None);
            self.driver.replaced_is_over.set(None);
            if let Some(note) = self.driver.replaced_note.take() {
                self.driver.vault.forget_replaced(note);
            }
        }
        self.driver.publish();
    }
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
    /// A session that a change of the password under way is about to end.
    is_replaced: Cell<Option<Uuid>>,
    /// What the other tabs were told about that.
    replaced_note: Cell<Option<Replaced>>,
    /// Why that session is over, once the server has said that it is.
    replaced_is_over: Cell<Option<Ending>>,
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
            is_replaced: Cell::new(None),
            replaced_note: Cell::new(None),
            replaced_is_over: Cell::new(None),
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

    /// The last sign-in or sign-out of this browser until now. Storage is asked: a tab that
    /// slept may not have heard of it. An error if a later version has taken over storage:
    /// then a new session could not be kept, and nothing is to be asked for.
    pub(super) async fn era(self: &Rc<Self>) -> Result<Era, ApiError> {
        self.until_known().await;
        let outcome = self.vault.change(None, self.held()).await;
        let era = outcome.stored.era();
        self.take(outcome);
        if self.is_outdated() {
            return Err(ApiError::Outdated);
        }
        Ok(era)
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
        match self.shown.borrow().as_ref().map(|shown| shown.view) {
            None | Some(View::Unknown) => Whose::NotKnownYet,
            Some(View::Anonymous { .. }) => Whose::Of(None),
            Some(View::SignedIn { account_id, .. }) => Whose::Of(Some(account_id)),
        }
    }

    /// Signs out the person whom the page shows, or is about to show: while a page starts,
    /// its header offers to sign out before storage has been read.
    pub(super) async fn sign_out(self: &Rc<Self>) {
        let why = Ending::SignedOut;
        let whose = match self.whose() {
            Whose::Of(whose) => whose,
            Whose::NotKnownYet => {
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
                    if !self.is_replaced_elsewhere(session_id).await {
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

    /// A request is under way that is answered with a new session, perhaps in the place of
    /// this one. Until what is returned is dropped, an answer that says that this one is
    /// over clears nothing, in no tab, and the page is not loaded anew: nobody would take
    /// the answer, and its session would live on.
    pub(super) fn expect_session(self: &Rc<Self>, replaces: Option<Uuid>) -> Expectation {
        self.under_way.set(self.under_way.get() + 1);
        if let Some(session_id) = replaces {
            self.is_replaced.set(replaces);
            self.replaced_note.set(self.vault.note_replaced(session_id));
        }
        Expectation {
            driver: self.clone(),
            replaces: replaces.is_some(),
        }
    }

    /// Whether this tab is changing the password already.
    pub(super) fn is_replacing(&self) -> bool {
        self.is_replaced.get().is_some()
    }

    /// Why the session is over that a change of the password under way replaces, once the
    /// server has said so. Then no call can be made with it any more, and none should wait.
    pub(super) fn replaced_is_over(&self) -> Option<Ending> {
        self.replaced_is_over.get()
    }

    /// Takes in that a session is over, and says whether that is only for now, because a
    /// change of the password under way replaces it.
    fn is_being_replaced(&self, session_id: Uuid, why: Ending) -> bool {
        if self.is_replaced.get() == Some(session_id) {
            self.replaced_is_over.set(Some(why));
            return true;
        }
        self.vault.replaced(session_id).is_some()
    }

    /// Waits while another tab replaces this session, and says whether this tab holds
    /// another one afterwards.
    pub(super) async fn is_replaced_elsewhere(self: &Rc<Self>, session_id: Uuid) -> bool {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        loop {
            // The new session is stored before the note is removed.
            self.look_at_copy();
            let note = self.vault.replaced(session_id);
            let is_elsewhere = note.is_some() && note != self.replaced_note.get();
            let held = self.record().map(|record| record.session_id);
            if held != Some(session_id) {
                return held.is_some();
            }
            if !is_elsewhere || clock::now().running_ms >= deadline {
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
    /// A session that lives in memory only would be lost by that; the guard of the pages
    /// builds them anew instead.
    fn publish(self: &Rc<Self>) {
        if self.is_reloading.get() {
            return;
        }
        let machine = self.machine.borrow();
        let snapshot = Snapshot {
            view: machine.view(),
            record: machine.record().cloned(),
            notice: self.notice.get(),
            is_leaving: machine.is_kept_from_leaving(),
        };
        drop(machine);
        if let View::SignedIn { account_id, .. } = snapshot.view {
            let before = self.has_shown.replace(Some(account_id));
            let is_another = before.is_some_and(|before| before != account_id);
            if is_another && !self.vault.is_memory() {
                if self.under_way.get() > 0 {
                    self.has_shown.set(before);
                    return;
                }
                self.is_reloading.set(true);
                surroundings::reload();
                return;
            }
        }
        let is_news = self.shown.borrow().as_ref() != Some(&snapshot);
        if is_news {
            *self.shown.borrow_mut() = Some(snapshot.clone());
            (self.tell)(snapshot);
        }
    }
}
