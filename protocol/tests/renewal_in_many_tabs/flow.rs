//! A simulated tab as the driver's environment. The driver runs until it waits for something, and the
//! simulation decides when that happens.

use std::cell::RefCell;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use holdfast_protocol::attempt_key::AttemptKey;
use holdfast_protocol::renewal::driver::{Environment, Outcome, Prepared, RefreshAnswer};
use holdfast_protocol::renewal::{
    Change, Ending, Event, Link, LogoutAnswer, Notice, RefusedLogouts, Stored,
};
use holdfast_protocol::secret::Secret;
use uuid::Uuid;

/// What a driver waits for.
#[derive(Debug)]
pub enum Ask {
    Change(Option<Change>),
    Prepare(Link),
    Leaving,
    Refresh { token: Secret, key: AttemptKey },
    Logout(Secret),
    Probe,
}

impl Ask {
    /// Whether storage answers it, by a transaction that may write.
    pub fn is_of_storage(&self) -> bool {
        matches!(self, Self::Change(_) | Self::Prepare(_))
    }
}

/// What it has waited for.
pub enum Reply {
    Outcome(Outcome),
    Prepared(Prepared),
    Leaving(Vec<Secret>),
    RefreshAnswer(RefreshAnswer),
    Logout(LogoutAnswer),
    Probe(bool),
}

/// What a driver can see of its tab while it runs.
#[derive(Default)]
pub struct State {
    pub held: Stored,
    pub is_leaving: bool,
    /// Another tab replaces the session of this one.
    pub is_being_replaced: bool,
    /// The sessions as which this page has sent a change of the password that is under way.
    pub sent_as: Vec<Uuid>,
    pub wall_ms: i64,
}

/// What a driver has said until it waited again, or ended.
#[derive(Default)]
pub struct Said {
    pub ask: Option<Ask>,
    pub events: Vec<Event>,
    pub noted: Vec<Change>,
    pub wake: Option<Option<u64>>,
    pub is_over: bool,
}

#[derive(Default)]
struct Mailbox {
    state: State,
    reply: Option<Reply>,
    said: Said,
}

/// See the module.
#[derive(Clone)]
pub struct TabEnvironment {
    mailbox: Rc<RefCell<Mailbox>>,
    refused: Rc<RefCell<RefusedLogouts>>,
}

/// One piece of a driver's work.
pub struct Flow {
    environment: TabEnvironment,
    work: Pin<Box<dyn Future<Output = ()>>>,
    waits_for_refresh: bool,
}

impl Flow {
    pub fn new(environment: TabEnvironment, work: impl Future<Output = ()> + 'static) -> Self {
        Self {
            environment,
            work: Box::pin(work),
            waits_for_refresh: false,
        }
    }

    pub fn waits_for_refresh(&self) -> bool {
        self.waits_for_refresh
    }

    pub fn has_noted(&self) -> bool {
        !self.environment.mailbox.borrow().said.noted.is_empty()
    }

    /// What the driver has done at once, before any of its work has run.
    pub fn said_at_once(&mut self) -> Said {
        std::mem::take(&mut self.environment.mailbox.borrow_mut().said)
    }

    /// Runs until the driver waits again, or has ended.
    pub fn go_on(&mut self, state: State, reply: Option<Reply>) -> Said {
        {
            let mut mailbox = self.environment.mailbox.borrow_mut();
            mailbox.state = state;
            mailbox.reply = reply;
        }
        let mut context = Context::from_waker(Waker::noop());
        let is_over = self.work.as_mut().poll(&mut context).is_ready();
        let mut said = std::mem::take(&mut self.environment.mailbox.borrow_mut().said);
        self.waits_for_refresh = matches!(said.ask, Some(Ask::Refresh { .. }));
        assert!(is_over || said.ask.is_some(), "it waits for something");
        assert!(
            said.noted.is_empty() && said.wake.is_none(),
            "a page may be closed before its work runs"
        );
        // A browser's machine hears an event at once, and this one when the driver waits again.
        assert!(
            said.events.is_empty() || said.ask.is_none(),
            "the machine hears too late what was said before it waits"
        );
        said.is_over = is_over;
        said
    }
}

impl TabEnvironment {
    pub fn new(refused: Rc<RefCell<RefusedLogouts>>) -> Self {
        Self {
            mailbox: Rc::default(),
            refused,
        }
    }

    async fn ask(&self, ask: Ask) -> Reply {
        self.mailbox.borrow_mut().said.ask = Some(ask);
        std::future::poll_fn(|_| match self.mailbox.borrow_mut().reply.take() {
            Some(reply) => Poll::Ready(reply),
            None => Poll::Pending,
        })
        .await
    }
}

const WRONG: &str = "the simulation has answered another question";

impl Environment for TabEnvironment {
    /// Two tabs may renew at once, because a tab does not wait long for the lock.
    type Lock = ();

    fn wall_ms(&self) -> i64 {
        self.mailbox.borrow().state.wall_ms
    }

    fn feed(&self, event: Event) {
        self.mailbox.borrow_mut().said.events.push(event);
    }

    fn held(&self) -> Stored {
        self.mailbox.borrow().state.held.clone()
    }

    fn is_leaving(&self) -> bool {
        self.mailbox.borrow().state.is_leaving
    }

    fn wake(&self, after_ms: Option<u64>) {
        self.mailbox.borrow_mut().said.wake = Some(after_ms);
    }

    fn show(&self, _: Notice) {}

    fn note_at_once(&self, change: &Change) {
        self.mailbox.borrow_mut().said.noted.push(change.clone());
    }

    /// The simulation decides when the other tabs see a write.
    fn tell_others(&self) {}

    fn is_memory_untold(&self) -> bool {
        false
    }

    fn note_session_over(&self, session_id: Uuid, why: Ending) -> bool {
        let state = &self.mailbox.borrow().state;
        state.sent_as.contains(&session_id) || why.may_be_a_change() && state.is_being_replaced
    }

    async fn lock(&self) {}

    async fn change(&self, change: Option<Change>) -> Outcome {
        match self.ask(Ask::Change(change)).await {
            Reply::Outcome(outcome) => outcome,
            _ => panic!("{WRONG}"),
        }
    }

    async fn prepare(&self, of: Link) -> Prepared {
        match self.ask(Ask::Prepare(of)).await {
            Reply::Prepared(prepared) => prepared,
            _ => panic!("{WRONG}"),
        }
    }

    async fn leaving(&self) -> Option<Vec<Secret>> {
        match self.ask(Ask::Leaving).await {
            Reply::Leaving(leaving) => Some(leaving),
            _ => panic!("{WRONG}"),
        }
    }

    fn with_refused<T>(&self, use_them: impl FnOnce(&mut RefusedLogouts) -> T) -> T {
        use_them(&mut self.refused.borrow_mut())
    }

    async fn send_refresh(&self, token: &Secret, key: &AttemptKey) -> RefreshAnswer {
        let (token, key) = (token.clone(), key.clone());
        match self.ask(Ask::Refresh { token, key }).await {
            Reply::RefreshAnswer(refreshed) => refreshed,
            _ => panic!("{WRONG}"),
        }
    }

    async fn send_logout(&self, token: &Secret) -> LogoutAnswer {
        match self.ask(Ask::Logout(token.clone())).await {
            Reply::Logout(answer) => answer,
            _ => panic!("{WRONG}"),
        }
    }

    async fn probe(&self) -> bool {
        match self.ask(Ask::Probe).await {
            Reply::Probe(answers) => answers,
            _ => panic!("{WRONG}"),
        }
    }
}
