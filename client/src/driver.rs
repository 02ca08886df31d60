//! The driver of a tab: it carries out what the renewal machine decides.
//!
//! Every event goes through [`Driver::feed`], one after the other, and `holdfast_protocol::renewal`
//! makes every decision. The driver only reads, writes, sends and waits. The driver only runs in
//! the browser. It knows no view: it gives [`Snapshot`]s to the function that it was started with.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;

use futures::channel::oneshot;
use futures::future::select;
use gloo_net::http::Method;
use gloo_timers::callback::Timeout;
use gloo_timers::future::TimeoutFuture;
use holdfast_protocol::attempt_key::{self, AttemptKey, AttemptMark};
use holdfast_protocol::problem::Meaning;
use holdfast_protocol::refresh_token::UnverifiedRefreshToken;
use holdfast_protocol::renewal::driver::{
    self, CopyIs, Environment, Outcome, Prepared, RefreshAnswer,
};
use holdfast_protocol::renewal::{
    Access, Asked, Change, Ending, Event, Link, LogoutAnswer, NOTE_RENEWED_EVERY_MS, Notice,
    Record, RefusedLogouts, Stored, View,
};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire;
use holdfast_protocol::wire::{RefreshRequest, Tokens, paths};
use leptos::task::spawn_local;
use uuid::Uuid;
use web_sys::BroadcastChannel;

use super::logout;
#[cfg(feature = "demonstration")]
use super::staged::{Fault, Stage};
use super::surroundings::{self, News};
use super::told::{Became, Told};
use super::transport::{self, Call, CallError};
use super::turns::Turns;
use super::vault::Vault;
use super::watch::{self, ClientEvent};
use super::{clock, lock, names, new_code};

/// How long a renewal waits for another tab's renewal before it goes on without the lock.
const LOCK_WAIT_MS: u32 = 2000;

/// How long a call waits for a renewal before it fails.
pub(super) const CALL_WAIT_MS: u32 = 30_000;

/// How long the code waits for a change of the state before it checks the state by itself.
pub(super) const LONGEST_WAIT_MS: u32 = 1000;

/// How long a reload may take before the page says that another person has signed in, and offers a
/// button for the reload.
const RELOADS_FOR_MS: u32 = 3000;

/// How long a reload may take after a sign-in by a form of this page. This time is longer, because
/// the person waits for the reload.
const OWN_RELOADS_FOR_MS: u32 = 10_000;

thread_local! {
    static DRIVER: OnceCell<Rc<Driver>> = const { OnceCell::new() };
}

/// The state of this tab for the view.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Snapshot {
    pub(super) view: View,
    pub(super) record: Option<Record>,
    pub(super) notice: Option<Notice>,
    pub(super) told: Option<Told>,
    /// Whether the server has not accepted a sign-out so far.
    pub(super) is_sign_out_delayed: bool,
    pub(super) reload: Option<Reload>,
}

/// Why the page has not reloaded yet. Another person has signed in, so the page shows no account
/// and must reload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reload {
    /// The page waits for the answer to a request that opens a session. The page reloads after the
    /// answer.
    AfterAnswer {
        /// Whether the person has signed in in this page, by another request.
        is_own: bool,
    },
    /// The person has signed in in this page, and the page is reloading.
    Loading,
    /// The person or other code in the page has stopped the reload, or the reload takes long. The
    /// person has to reload the page.
    ByPerson {
        /// Whether the person has signed in in this page.
        is_own: bool,
    },
}

impl Reload {
    /// `is_own`: the person has signed in by a form of this page. `is_answered`: no request for a
    /// session is under way. `is_slow`: the reload was stopped or takes long.
    fn of(is_own: bool, is_answered: bool, is_slow: bool) -> Option<Self> {
        match (is_answered, is_slow, is_own) {
            (false, _, _) => Some(Self::AfterAnswer { is_own }),
            (true, true, _) => Some(Self::ByPerson { is_own }),
            (true, false, true) => Some(Self::Loading),
            (true, false, false) => None,
        }
    }
}

/// The account to which a call belongs: the account that the page showed when the call began.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whose {
    /// The page had just started and had shown no account yet. The call belongs to the first account
    /// that the page will show.
    NotKnownYet,
    /// The call belongs to this account, or to no account.
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
    /// The change will end all sessions of this account.
    account_id: Uuid,
    /// The session whose access token the request of the change carried.
    session_id: Option<Uuid>,
    /// Why that session, or another one of the account, is over, if the server has said so.
    is_over: Option<Ending>,
    /// Distinguishes this tab's note from the notes of other tabs.
    mark: u32,
}

/// The one driver of this page.
pub(super) struct Driver {
    turns: Turns,
    pub(super) vault: Rc<Vault>,
    waiting: RefCell<Vec<oneshot::Sender<()>>>,
    timer: RefCell<Option<Timeout>>,
    channel: Option<BroadcastChannel>,
    tell: Box<dyn Fn(Snapshot)>,
    /// What the page shows.
    shown: RefCell<Option<Snapshot>>,
    /// The account that the page has shown, if any.
    has_shown: Cell<Option<Uuid>>,
    /// The account of the last session that a form of this page has opened.
    signed_in_here: Cell<Option<Uuid>>,
    is_reloading: Cell<bool>,
    is_reload_slow: Cell<bool>,
    notice: Cell<Option<Notice>>,
    told: Cell<Option<Told>>,
    /// How many requests are under way whose answer has a new session, or a new recovery code.
    under_way: Cell<u32>,
    replacing: Cell<Option<Replacing>>,
    /// The logouts that the server has refused for now.
    refused: RefCell<RefusedLogouts>,
    /// The refresh tokens of new sessions that only the memory of this page has so far.
    unstored: RefCell<Vec<Secret>>,
    /// Whether storage is being read.
    is_looking: Cell<bool>,
    /// Whether storage may have changed since that read began.
    look_again: Cell<bool>,
    /// The fault that a demonstration has arranged for one refresh.
    #[cfg(feature = "demonstration")]
    pub(super) staged: Rc<Stage>,
}

impl Driver {
    /// Starts the tab: reads storage, listens, and tells the view its state from now on.
    /// `shown` is what the page shows already.
    pub(super) fn start(tell: Box<dyn Fn(Snapshot)>, shown: Option<Snapshot>) {
        let driver = Rc::new(Self {
            turns: Turns::default(),
            vault: Rc::new(Vault::new()),
            waiting: RefCell::default(),
            timer: RefCell::default(),
            channel: surroundings::channel(),
            tell,
            shown: RefCell::new(shown),
            has_shown: Cell::new(None),
            signed_in_here: Cell::new(None),
            is_reloading: Cell::new(false),
            is_reload_slow: Cell::new(false),
            notice: Cell::new(None),
            told: Cell::new(None),
            under_way: Cell::new(0),
            replacing: Cell::new(None),
            refused: RefCell::default(),
            unstored: RefCell::default(),
            is_looking: Cell::new(false),
            look_again: Cell::new(false),
            #[cfg(feature = "demonstration")]
            staged: Rc::default(),
        });
        let is_first = DRIVER.with(|cell| cell.set(driver.clone()).is_ok());
        if is_first {
            spawn_local(driver.begin());
        } else {
            leptos::logging::error!(
                "Holdfast runs already in this page, so this session shows nothing. Call \
                 `provide_session` once, at the root of the app."
            );
        }
    }

    /// The driver, if it was started. There is none on the server.
    pub(super) fn current() -> Option<Rc<Self>> {
        DRIVER.with(|cell| cell.get().cloned())
    }

    async fn begin(self: Rc<Self>) {
        self.told.set(self.vault.take_told());
        new_code::take_over();
        let mut outcome = self.vault.change(None, Stored::default()).await;
        if let Some(record) = outcome.stored.record()
            && !record.remember
            && !surroundings::browser_has_been_open()
        {
            let sign_out = Change::SignOut {
                account_id: record.account_id,
                why: Ending::BrowserClosed,
                pressed: outcome.stored.era(),
            };
            let held = outcome.stored.clone();
            outcome = self.vault.change(Some(sign_out), held).await;
        }
        self.feed(Event::Start {
            stored: outcome.stored.clone(),
            visible: surroundings::is_visible(),
        });
        driver::take(&TabEnvironment(self.clone()), outcome);
        let driver = self.clone();
        surroundings::listen(self.channel.as_ref(), move |news| driver.hear(news));
        let driver = self.clone();
        self.vault.when_lost(move || driver.look());
        // Another tab may have changed storage before this one listened.
        self.look();
    }

    fn hear(self: &Rc<Self>, news: News) {
        let is_visible = surroundings::is_visible();
        match news {
            // The browser does not keep a sleeping page that has an open connection to the
            // database.
            News::Left { is_over } => {
                self.vault.rest();
                // The page hands over the recovery code only now: if the person stops the reload,
                // no code may stay in storage.
                if is_over && self.is_reloading.get() {
                    new_code::hand_over(self.record().map(|record| record.account_id));
                }
                // Nobody receives the new session any more, so no page has to wait for it.
                if is_over && let Some(replacing) = self.replacing.get() {
                    self.vault.forget_replaced(replacing.mark);
                }
                // If a session is only in memory, no other tab has it, and a page that sleeps may
                // never wake up.
                let is_memory = self.vault.is_memory();
                if is_over || is_memory {
                    let unstored = self.unstored.take();
                    for token in self.vault.close().into_iter().chain(unstored) {
                        logout::send_at_the_end(&token);
                    }
                }
                // When the page wakes up, it must show no account, because another person may use
                // the browser by then.
                if is_memory
                    && !is_over
                    && let Some(left) = sign_out_of(&self.held(), Ending::PageLeft)
                {
                    let driver = self.clone();
                    spawn_local(async move {
                        driver.change(left).await;
                    });
                }
            }
            News::Visible if !is_visible => self.feed(Event::Visible(false)),
            News::Visible => {
                self.look();
                self.feed(Event::Visible(true));
            }
            News::Stored => {
                new_code::may_have_changed();
                self.look();
            }
            News::Online => {
                self.look();
                self.feed(Event::Online);
            }
        }
    }

    /// Takes an event and carries out its actions.
    pub(super) fn feed(self: &Rc<Self>, event: Event) {
        let perform = |action| {
            spawn_local(driver::perform(TabEnvironment(self.clone()), action));
        };
        self.turns.take(event, clock::now, perform, |has_changed| {
            self.publish();
            // A call that wakes up feeds another event. If every event woke the waiting calls, two
            // calls would wake each other without end, and the page would hang. So only a change of
            // the state wakes them.
            if has_changed {
                for waiting in self.waiting.take() {
                    let _ = waiting.send(());
                }
            }
        });
    }

    /// Reads storage: the copy at once, and the database as soon as it answers. Several callers
    /// share one read.
    fn look(self: &Rc<Self>) {
        self.look_at_copy();
        self.look_at_storage();
    }

    fn look_at_storage(self: &Rc<Self>) {
        self.look_again.set(true);
        if self.is_looking.replace(true) {
            return;
        }
        let driver = self.clone();
        spawn_local(async move {
            while driver.look_again.replace(false) {
                driver::read(&TabEnvironment(driver.clone())).await;
            }
            driver.is_looking.set(false);
        });
    }

    fn look_at_copy(self: &Rc<Self>) {
        let Some(copy) = self.vault.copy() else {
            return;
        };
        match CopyIs::of(copy, &self.held()) {
            CopyIs::Read => self.look_at_storage(),
            CopyIs::Feed(copy) => self.feed(Event::Stored(copy)),
            CopyIs::Known => {}
        }
    }

    /// The stored state, as far as this tab knows it.
    fn held(&self) -> Stored {
        self.turns.machine().stored()
    }

    /// The record of this tab.
    pub(super) fn record(&self) -> Option<Record> {
        self.turns.machine().record().cloned()
    }

    /// The record of the session that the page shows. There is none while the page waits for its reload,
    /// because another person has signed in.
    #[cfg(feature = "demonstration")]
    pub(super) fn shown_record(&self) -> Option<Record> {
        self.shown.borrow().as_ref()?.record.clone()
    }

    /// Gets the number of a new request for a session. The numbers are the order of all sign-ins
    /// and sign-outs of this browser. This reads storage, because a tab that slept may not know the
    /// last number. Returns an error if a later version has taken over storage: the browser could
    /// not store a new session, so the caller must not send the request.
    pub(super) async fn ask(self: &Rc<Self>) -> Result<Asked, CallError> {
        self.until_known().await;
        let outcome = self.vault.change(Some(Change::Ask), self.held()).await;
        let asked = outcome.asked;
        driver::take(&TabEnvironment(self.clone()), outcome);
        if self.is_outdated() {
            return Err(CallError::Outdated);
        }
        Ok(asked)
    }

    /// Returns `true` if a tab has requested a session after `asked`, and that session is not
    /// stored yet. A request that the server has refused counts as well, because no place notes the
    /// refusal. It counts until the session of a later request is stored, or until a later
    /// sign-out.
    pub(super) async fn awaits_later(self: &Rc<Self>, asked: Asked) -> bool {
        let outcome = self.vault.change(None, self.held()).await;
        let last = outcome.asked;
        let is_later = last.place == asked.place && last.number > asked.number;
        let awaits = outcome.is_awaiting && is_later;
        driver::take(&TabEnvironment(self.clone()), outcome);
        awaits
    }

    /// Returns `true` if more than `own` requests for a session are under way in this page. `own`
    /// is the number of the caller's own requests.
    pub(super) fn has_others_under_way(&self, own: u32) -> bool {
        self.under_way.get() > own
    }

    /// Whether a later version of Holdfast has taken over storage.
    pub(super) fn is_outdated(&self) -> bool {
        self.turns.machine().is_outdated()
    }

    /// Whether the page must reload because another person has signed in.
    pub(super) fn is_for_another(&self) -> bool {
        self.is_another(self.turns.machine().view())
    }

    /// Whether the page shows another account than this one, or will show it.
    pub(super) fn shows_another_than(&self, account_id: Uuid) -> bool {
        let record = self.record();
        record.is_some_and(|record| record.account_id != account_id)
    }

    /// Waits until the state of this tab has changed, but not longer than `most_ms`.
    pub(super) async fn wait_for_news(&self, most_ms: u32) {
        let (tell, told) = oneshot::channel();
        self.waiting.borrow_mut().push(tell);
        select(told, TimeoutFuture::new(most_ms)).await;
    }

    /// The account to which a call belongs if it begins now.
    pub(super) fn whose(&self) -> Whose {
        match self.view() {
            // A page that will reload still belongs to the account that it has shown.
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

    /// Signs out the person whom the page shows or will show. While a page starts, or before it
    /// reloads, its header already has the button.
    pub(super) async fn sign_out(self: &Rc<Self>) {
        let shown = match self.view() {
            View::SignedIn { account_id, .. } => Some(account_id),
            View::Anonymous { .. } => return,
            View::Unknown => None,
        };
        // The code reads this now, because another person may sign in before storage answers, or
        // the same person may sign in again.
        let mut pressed = self.last_known(shown);
        let sign_out_of = |pressed: &Stored| sign_out_of(pressed, Ending::SignedOut);
        if let Some(sign_out) = pressed.as_ref().and_then(sign_out_of) {
            // The page may be closed before storage has been read.
            self.vault.note_at_once(&sign_out, &self.held());
        }
        if shown.is_none() {
            self.until_known().await;
            pressed = pressed.or_else(|| self.last_known(None));
        }
        let Some(sign_out) = pressed.as_ref().and_then(sign_out_of) else {
            return;
        };
        let account_id = pressed.as_ref().and_then(account_of);
        if !self.change(sign_out).await && account_of(&self.held()) == account_id {
            self.tell_of_form(Some(Told::SignInStays));
        }
    }

    /// The last sign-in that this tab knows. If an account is given, only a sign-in of that account
    /// counts. The copy may have a later sign-in than the memory of this tab.
    fn last_known(&self, account_id: Option<Uuid>) -> Option<Stored> {
        let is_theirs = |stored: &Stored| {
            let held = account_of(stored);
            held.is_some() && (account_id.is_none() || held == account_id)
        };
        let held = Some(self.held()).filter(is_theirs);
        let copy = self.vault.copy().filter(is_theirs);
        match (copy, held) {
            (Some(copy), Some(held))
                if copy.position() < held.position()
                    && !copy.era().is_of_another_life(held.era()) =>
            {
                Some(held)
            }
            (copy, held) => copy.or(held),
        }
    }

    /// Shows a message about a form that has disappeared, or removes the message.
    pub(super) fn tell_of_form(self: &Rc<Self>, told: Option<Told>) {
        self.told.set(told);
        self.publish();
    }

    /// Removes this message, if the page still shows it.
    pub(super) fn tell_no_more(self: &Rc<Self>, told: Told) {
        if self.told.get() == Some(told) {
            self.tell_of_form(None);
        }
    }

    /// Waits until storage has been read for the first time.
    async fn until_known(self: &Rc<Self>) {
        while self.turns.machine().view() == View::Unknown {
            self.wait_for_news(LONGEST_WAIT_MS).await;
        }
    }

    /// Makes a change. Until storage has the change, this tab renews nothing, and no call gets a
    /// token. Returns `false` if the change did not apply any more.
    pub(super) async fn change(self: &Rc<Self>, change: Change) -> bool {
        if let Change::SignIn { record, .. } | Change::ChangePassword { record, .. } = &change
            && !record.remember
        {
            surroundings::mark_browser_open();
        }
        self.feed(Event::Changing);
        self.vault.note_at_once(&change, &self.held());
        driver::make_change(&TabEnvironment(self.clone()), change).await
    }

    /// The access token for a call, after a renewal if that is necessary.
    pub(super) async fn access(
        self: &Rc<Self>,
        whose: &mut Whose,
    ) -> Result<(Link, Secret), CallError> {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        loop {
            if *whose == Whose::Of(None) {
                return Err(CallError::SignedOut);
            }
            self.look_at_copy();
            self.feed(Event::CallWanted);
            let now = clock::now();
            let access = self.turns.machine().access(now);
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
                        Err(CallError::SessionChanged)
                    };
                }
                Access::SignedOut => return Err(CallError::SignedOut),
                Access::Outdated => return Err(CallError::Outdated),
                Access::NotNow => {
                    let held = self.record().map(|record| record.session_id);
                    let Some(session_id) = held else { continue };
                    if !self.is_replaced(session_id, true).await {
                        return Err(CallError::SILENCE);
                    }
                    continue;
                }
                Access::Soon if now.running_ms >= deadline => return Err(CallError::SILENCE),
                Access::Soon => {}
            }
            let left = u32::try_from(deadline - now.running_ms).unwrap_or(CALL_WAIT_MS);
            self.wait_for_news(left).await;
        }
    }

    /// Notes that a request is under way whose answer has a new session, or a new recovery code.
    /// Until the returned value is dropped, the page does not reload: otherwise nothing in the page
    /// would receive the answer, and the new session would stay open on the server.
    pub(super) fn expect_session(self: &Rc<Self>) -> Expectation {
        self.expect(false)
    }

    /// Like [`Driver::expect_session`], for a change of the password of this account.
    /// [`Driver::replaces`] then names the session whose access token the change carries. After
    /// `replaces` was called, no tab signs the person out because a session of this account is
    /// over, if the change may have ended that session.
    pub(super) fn expect_replacement(self: &Rc<Self>, account_id: Uuid) -> Expectation {
        let mark = clock::now().jitter;
        self.replacing.set(Some(Replacing {
            account_id,
            session_id: None,
            is_over: None,
            mark,
        }));
        let driver = self.clone();
        spawn_local(async move { driver.renew_note(mark).await });
        self.expect(true)
    }

    /// Does some work before the new session with this refresh token is stored. During the work,
    /// only the memory of this page has the token. If the page ends during the work, its last
    /// request ends the session.
    pub(super) async fn before_storing<T>(
        &self,
        refresh_token: &Secret,
        work: impl Future<Output = T>,
    ) -> T {
        self.unstored.borrow_mut().push(refresh_token.clone());
        let done = work.await;
        self.unstored
            .borrow_mut()
            .retain(|other| other != refresh_token);
        done
    }

    fn expect(self: &Rc<Self>, replaces: bool) -> Expectation {
        self.under_way.set(self.under_way.get() + 1);
        Expectation {
            driver: self.clone(),
            replaces,
        }
    }

    /// Notes that the change of the password will carry the access token of this session. If
    /// another tab has changed the password as well, this may be another session than before.
    pub(super) fn replaces(&self, session_id: Uuid) {
        let Some(mut replacing) = self.replacing.get() else {
            return;
        };
        if replacing.session_id != Some(session_id) {
            replacing.session_id = Some(session_id);
            replacing.is_over = None;
            self.replacing.set(Some(replacing));
        }
        self.vault
            .note_replaced(replacing.account_id, replacing.mark);
    }

    /// Removes the note of this tab. The caller does this if the server has ended the old session
    /// for another reason than this change. The reason may be a change in another tab. Then the two
    /// tabs must not wait for each other's notes.
    pub(super) fn replaces_nothing(&self) {
        if let Some(replacing) = self.replacing.get() {
            self.replacing.set(Some(Replacing {
                session_id: None,
                is_over: None,
                ..replacing
            }));
            self.vault.forget_replaced(replacing.mark);
        }
    }

    /// Renews the note of this tab from time to time. The note tells the other tabs that this tab
    /// still lives and still changes the password.
    async fn renew_note(&self, mark: u32) {
        loop {
            TimeoutFuture::new(NOTE_RENEWED_EVERY_MS).await;
            let replacing = self.replacing.get().filter(|now| now.mark == mark);
            let Some(replacing) = replacing else { return };
            if replacing.session_id.is_some() {
                self.vault.note_replaced(replacing.account_id, mark);
            }
        }
    }

    /// Whether this tab is already changing the password.
    pub(super) fn is_replacing(&self) -> bool {
        self.replacing.get().is_some()
    }

    /// Why the session of a running change of the password is over, if the server has said so. No
    /// call can use that session any more, and no call should wait for it.
    pub(super) fn replaced_is_over(&self) -> Option<Ending> {
        self.replacing.get()?.is_over
    }

    /// Notes that a session is over. Returns `true` if a change of the password that is under way
    /// replaces the session. This session may differ from the one whose access token the change
    /// carried, because the person may have signed in since then in another tab.
    fn note_session_over(&self, session_id: Uuid, why: Ending) -> bool {
        let account_id = self.record().map(|record| record.account_id);
        if let Some(replacing) = self.replacing.get()
            && let Some(sent_as) = replacing.session_id
            && (sent_as == session_id
                || account_id == Some(replacing.account_id) && why.may_be_a_change())
        {
            self.replacing.set(Some(Replacing {
                is_over: Some(why),
                ..replacing
            }));
            return true;
        }
        why.may_be_a_change() && account_id.is_some_and(|id| self.is_noted_elsewhere(id))
    }

    /// Whether another tab will replace the session of this account.
    pub(super) fn is_noted_elsewhere(&self, account_id: Uuid) -> bool {
        let own_mark = self.replacing.get().map(|replacing| replacing.mark);
        self.vault.will_be_replaced(account_id, own_mark)
    }

    /// The session that this browser stores, as far as the page can know it without waiting.
    pub(super) fn stored_session(self: &Rc<Self>) -> Option<Uuid> {
        self.look_at_copy();
        self.record().map(|record| record.session_id)
    }

    /// Returns `true` if this tab has another session by now. With `waits`, this waits for the new
    /// session while another tab replaces the old one.
    pub(super) async fn is_replaced(self: &Rc<Self>, session_id: Uuid, waits: bool) -> bool {
        let deadline = clock::now().running_ms + u64::from(CALL_WAIT_MS);
        self.look_at_copy();
        let Some(account_id) = self.record().map(|record| record.account_id) else {
            return false;
        };
        loop {
            // These two lines must stay in this order, because the other tab stores the new session
            // before it removes its note.
            let is_noted = self.is_noted_elsewhere(account_id);
            let held = self.stored_session();
            if held != Some(session_id) {
                return held.is_some();
            }
            if !is_noted || !waits || clock::now().running_ms >= deadline {
                return false;
            }
            self.wait_for_news(LONGEST_WAIT_MS).await;
        }
    }

    /// Takes the result of a call with the access token of `of`.
    pub(super) fn note_outcome(self: &Rc<Self>, of: Link, outcome: &Result<String, CallError>) {
        let session_id = of.session_id;
        self.feed(match outcome {
            Err(CallError::Problem(problem)) if problem.meaning() == Meaning::SessionOver => {
                let why = Ending::of(problem);
                if self.note_session_over(session_id, why) {
                    Event::Reached
                } else {
                    Event::CallOver { session_id, why }
                }
            }
            Err(CallError::Unreachable { answered: false }) => Event::Unreachable,
            _ => Event::Reached,
        });
    }

    /// Adds the header with the tokens that show the server that a person has signed in in this
    /// browser before.
    pub(super) async fn with_known_browsers(&self, mut call: Call) -> Call {
        if let Some(known) = self.vault.known_browsers().await {
            call.headers.push((wire::KNOWN_BROWSER_HEADER, known));
        }
        call
    }

    /// Tells the view the state of this tab. A page that has shown one account reloads before it
    /// shows another account. So nothing that was typed, fetched or timed for one person is sent
    /// with the token of the next person. Until the reload, the page shows no account. If the
    /// session is only in memory, a reload would lose it. In that case the page does not reload,
    /// and `RequireSession` builds its children again.
    fn publish(self: &Rc<Self>) {
        let view = self.turns.machine().view();
        self.forget_told(view);
        let is_another = self.is_another(view);
        if let View::SignedIn { account_id, .. } = view
            && !is_another
        {
            self.has_shown.set(Some(account_id));
        }
        let snapshot = if is_another {
            self.without_account(view)
        } else {
            if self.is_reloading.get() {
                // The page shows its own account again, so no later page has to show the message.
                self.vault.keep_told(None);
            }
            self.is_reloading.set(false);
            self.is_reload_slow.set(false);
            self.snapshot()
        };
        let told = snapshot.told;
        let is_news = self.shown.borrow().as_ref() != Some(&snapshot);
        if is_news {
            *self.shown.borrow_mut() = Some(snapshot.clone());
            (self.tell)(snapshot);
        }
        if is_another && self.under_way.get() == 0 {
            // A recovery has set a new password and brought the next recovery code. The reload
            // deletes that code. So the page after the reload says at least that the new password
            // is set. When the person signs in with the new password, the pages offer another code.
            let recovered = || new_code::has_recovered().then_some(Told::Recovery(Became::Done));
            self.vault.keep_told(told.or_else(recovered));
            self.reload();
        }
    }

    /// Whether this is another account than the one that the page has shown.
    fn is_another(&self, view: View) -> bool {
        let View::SignedIn { account_id, .. } = view else {
            return false;
        };
        let before = self.has_shown.get();
        before.is_some_and(|before| before != account_id) && !self.vault.is_memory()
    }

    fn snapshot(&self) -> Snapshot {
        let machine = self.turns.machine();
        Snapshot {
            view: machine.view(),
            record: machine.record().cloned(),
            notice: self.notice.get(),
            told: self.told.get(),
            is_sign_out_delayed: machine.is_kept_from_leaving(),
            reload: None,
        }
    }

    /// What the page shows while it waits for its reload. Before the reload, the page waits for the
    /// answers to requests for a new session: otherwise nothing would receive these answers, and
    /// the new sessions would stay open on the server.
    fn without_account(&self, view: View) -> Snapshot {
        let is_own = self.is_signed_in_here(view);
        let is_answered = self.under_way.get() == 0;
        Snapshot {
            view: View::Unknown,
            record: None,
            told: self.told.get().and_then(Told::to_another_person),
            reload: Reload::of(is_own, is_answered, self.is_reload_slow.get()),
            ..self.snapshot()
        }
    }

    /// Whether a form of this page has opened the last session of the account in this view.
    fn is_signed_in_here(&self, view: View) -> bool {
        let View::SignedIn { account_id, .. } = view else {
            return false;
        };
        self.signed_in_here.get() == Some(account_id)
    }

    /// Removes a message that is not true any more. If a person signs in, this is the message about
    /// a form that has disappeared. If the person is signed out, this is the message that the
    /// person is still signed in.
    fn forget_told(&self, view: View) {
        let was_anonymous = matches!(self.view(), View::Anonymous { .. });
        let is_signed_in = matches!(view, View::SignedIn { .. });
        let is_over = match self.told.get() {
            Some(Told::SignInStays) => !is_signed_in,
            _ => was_anonymous && is_signed_in,
        };
        if is_over {
            self.told.set(None);
        }
    }

    /// Reloads the page. Other code in the page may ask the person whether to leave the page, and
    /// the person may stop the reload. The reload may also take long. The browser does not tell the
    /// page which of these has happened. So the page shows no account, and after a few seconds it
    /// offers a button for a reload. The page does not start a second reload by itself, because
    /// that would stop a reload that only takes long.
    fn reload(self: &Rc<Self>) {
        if self.is_reloading.replace(true) {
            return;
        }
        surroundings::reload();
        let driver = self.clone();
        let view = self.turns.machine().view();
        let patience_ms = if self.is_signed_in_here(view) {
            OWN_RELOADS_FOR_MS
        } else {
            RELOADS_FOR_MS
        };
        spawn_local(async move {
            TimeoutFuture::new(patience_ms).await;
            driver.is_reload_slow.set(driver.is_reloading.get());
            driver.publish();
        });
    }

    /// Reloads the page, because the person has asked for the reload.
    pub(super) fn reload_now(&self) {
        surroundings::reload();
    }
}

/// This tab, as the code that carries out the machine's decisions uses it.
struct TabEnvironment(Rc<Driver>);

impl Environment for TabEnvironment {
    type Lock = Option<lock::Lock>;

    fn wall_ms(&self) -> i64 {
        clock::now().wall_ms
    }

    fn feed(&self, event: Event) {
        self.0.feed(event);
    }

    fn held(&self) -> Stored {
        self.0.held()
    }

    fn is_leaving(&self) -> bool {
        self.0.turns.machine().is_leaving()
    }

    fn wake(&self, after_ms: Option<u64>) {
        let driver = self.0.clone();
        let timer = after_ms.map(|ms| {
            // A timer of the browser has at most 32 bits. If a timer comes too early, the machine
            // sets it again.
            let ms = u32::try_from(ms)
                .unwrap_or(u32::MAX)
                .min(i32::MAX.unsigned_abs());
            Timeout::new(ms, move || {
                driver.look();
                driver.feed(Event::Timer);
            })
        });
        *self.0.timer.borrow_mut() = timer;
    }

    fn show(&self, notice: Notice) {
        self.0.notice.set(Some(notice));
    }

    fn note_at_once(&self, change: &Change) {
        self.0.vault.note_at_once(change, &self.0.held());
    }

    fn tell_others(&self) {
        surroundings::tell_others(self.0.channel.as_ref());
    }

    fn is_memory_untold(&self) -> bool {
        self.0.vault.is_memory() && self.0.notice.get() != Some(Notice::ThisTabOnly)
    }

    fn note_session_over(&self, session_id: Uuid, why: Ending) -> bool {
        self.0.note_session_over(session_id, why)
    }

    async fn lock(&self) -> Self::Lock {
        #[cfg(feature = "demonstration")]
        if let Some(record) = self.0.record()
            && self.0.staged.happens(record.link(), Fault::WithoutLock)
        {
            return None;
        }
        lock::acquire(&names::LOCK.full(), LOCK_WAIT_MS).await
    }

    async fn change(&self, change: Option<Change>) -> Outcome {
        let opened = match &change {
            Some(Change::SignIn { record, .. } | Change::ChangePassword { record, .. }) => {
                Some(record.account_id)
            }
            _ => None,
        };
        let outcome = self.0.vault.change(change, self.0.held()).await;
        if outcome.applied && opened.is_some() {
            self.0.signed_in_here.set(opened);
        }
        outcome
    }

    async fn prepare(&self, of: Link) -> Prepared {
        self.0.vault.prepare(of, self.0.held()).await
    }

    async fn leaving(&self) -> Option<Vec<Secret>> {
        self.0.vault.leaving().await
    }

    fn with_refused<T>(&self, use_them: impl FnOnce(&mut RefusedLogouts) -> T) -> T {
        use_them(&mut self.0.refused.borrow_mut())
    }

    async fn send_refresh(&self, token: &Secret, key: &AttemptKey) -> RefreshAnswer {
        let mut call = Call::to_holdfast(Method::POST, paths::REFRESH).with_json(&RefreshRequest {
            refresh_token: token.clone(),
        });
        watch::tell(|| ClientEvent::Refreshing {
            generation: UnverifiedRefreshToken::parse(token.expose())
                .map_or(0, |token| token.generation()),
            attempt: AttemptMark::of(Some(key)),
            is_demonstration: false,
        });
        let key = Secret::from(key.expose());
        call.headers.push((attempt_key::HEADER, key));
        let answer = match transport::send_for(&call, None, &transport::read_tokens).await {
            Ok(body) => match transport::parse::<Tokens>(&body) {
                Ok(tokens) => RefreshAnswer::Tokens(Box::new(tokens)),
                Err(_) => RefreshAnswer::NoAnswer,
            },
            Err(CallError::Problem(problem)) => RefreshAnswer::Refused(problem),
            Err(_) => RefreshAnswer::NoAnswer,
        };
        #[cfg(feature = "demonstration")]
        let answer = self.0.staged.after(token, answer);
        answer
    }

    async fn send_logout(&self, token: &Secret) -> LogoutAnswer {
        logout::send(token).await
    }

    async fn probe(&self) -> bool {
        let answer = transport::send(&Call::to_holdfast(Method::GET, paths::HEALTHZ), None).await;
        !matches!(answer, Err(CallError::Unreachable { answered: false }))
    }
}

fn account_of(stored: &Stored) -> Option<Uuid> {
    stored.record().map(|record| record.account_id)
}

/// The sign-out of the person who is signed in in this state.
fn sign_out_of(pressed: &Stored, why: Ending) -> Option<Change> {
    Some(Change::SignOut {
        account_id: pressed.record()?.account_id,
        why,
        pressed: pressed.era(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_says_that_it_loads_only_if_it_waits_for_no_answer() {
        for is_own in [false, true] {
            for is_slow in [false, true] {
                let after_answer = Some(Reload::AfterAnswer { is_own });
                assert_eq!(Reload::of(is_own, false, is_slow), after_answer);
            }
            assert_eq!(
                Reload::of(is_own, true, true),
                Some(Reload::ByPerson { is_own })
            );
        }
        assert_eq!(Reload::of(true, true, false), Some(Reload::Loading));
        assert_eq!(Reload::of(false, true, false), None);
    }
}
