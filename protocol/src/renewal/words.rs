//! The events, the actions and the views of a tab.

use uuid::Uuid;

use super::ending::Ending;
use super::patience::LONGEST_RETRY_AFTER_S;
use super::record::{Link, Stored};
use super::vault::Change;
use crate::problem::{Meaning, Problem};
use crate::secret::Secret;

/// A message for the person that is not an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Storage is blocked or full, so the session lives in this tab only.
    ThisTabOnly,
    /// Another tab runs a later version of Holdfast, whose storage this page cannot
    /// read. A reload brings that version.
    Outdated,
}

/// The result of a refresh without new tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A definitive answer: the session is over.
    Over(Ending),
    /// The server does not know this token.
    TokenUnknown,
    /// Another request was faster and spent the token.
    Conflict {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// No answer, or one that says nothing about the session.
    Later {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// Nothing was sent, because storage has another record by now.
    Moved,
    /// Nothing was sent: see [`Attempt::Behind`](crate::attempt_key::Attempt::Behind).
    Behind,
    /// Nothing was sent: storage belongs to a later version of Holdfast.
    Outdated,
}

impl Failure {
    /// What an error answer to a refresh means. An answer that is not Holdfast's, or that is not
    /// about the session, is `Later`.
    pub fn of(problem: &Problem) -> Self {
        let retry_after = problem
            .retry_after
            .map(|seconds| seconds.min(LONGEST_RETRY_AFTER_S));
        match problem.meaning() {
            Meaning::SessionOver => Self::Over(Ending::of(problem)),
            Meaning::TokenUnknown => Self::TokenUnknown,
            Meaning::Conflict => Self::Conflict { retry_after },
            Meaning::Renew | Meaning::Later | Meaning::Request => Self::Later { retry_after },
        }
    }
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The page has started and has read storage.
    Start {
        /// Who is signed in.
        stored: Stored,
        /// Whether the page is visible.
        visible: bool,
    },
    /// The client has read storage. Another tab has changed it, or the client wanted to check it.
    Stored(Stored),
    /// The opened database was empty, and so was local storage.
    Gone,
    /// A change of this tab is under way to storage.
    Changing,
    /// The change of this tab is done.
    Changed {
        /// Who is signed in now.
        stored: Stored,
        /// Whether the change is done: it was made now, or before. `false` if storage had changed
        /// so that the change did not fit any more, or if storage could not take the change.
        applied: bool,
    },
    /// A call needs an access token.
    CallWanted,
    /// A call was answered with a code that means [`Meaning::Renew`].
    CallRefused {
        /// The link of its access token.
        of: Link,
    },
    /// A call was answered with a code that means [`Meaning::SessionOver`].
    CallOver {
        /// The session for which it was made.
        session_id: Uuid,
        /// Why it is over.
        why: Ending,
    },
    /// A call, or a probe of the server, got no answer.
    Unreachable,
    /// The server has answered a call.
    Reached,
    /// The server has answered [`Action::Probe`].
    ProbeAnswered,
    /// A refresh brought new tokens, and they are stored if the session still is.
    Renewed {
        /// The link that was spent.
        of: Link,
        /// Who is signed in now.
        stored: Stored,
    },
    /// A refresh brought no tokens.
    NotRenewed {
        /// The link that was presented.
        of: Link,
        /// The result.
        failure: Failure,
    },
    /// The time of [`Action::Wake`] has come.
    Timer,
    /// The page became visible, or is not visible any more.
    Visible(bool),
    /// The browser believes that it has a network again.
    Online,
    /// There are sessions that the server has yet to end.
    LeavingFound,
    /// How [`Action::SendLeaving`] went.
    LeavingSent {
        /// Whether the server has heard of all of them.
        all: bool,
    },
    /// Nothing stores the record any more; the driver keeps it in memory.
    StorageFailed,
    /// Storage holds something of a later version of Holdfast.
    StorageOfLaterVersion,
}

/// What is to be done, in this order.
#[derive(Debug, Clone, PartialEq, Eq)]
// Only where a pointer has 64 bits is it large enough for the lint.
#[allow(
    clippy::large_enum_variant,
    reason = "an action is carried out in the step that made it"
)]
pub enum Action {
    /// Compose a refresh from storage and send it, if storage still holds this
    /// link. Answer with [`Event::Renewed`] or [`Event::NotRenewed`], always.
    Refresh {
        /// The link to spend.
        of: Link,
    },
    /// Make this change in storage. Answer with [`Event::Changed`], always.
    Change(Change),
    /// Set the timer: send [`Event::Timer`] after this many milliseconds. This replaces an
    /// earlier timer. `None` stops the timer.
    Wake(Option<u64>),
    /// Probe whether the server answers. Answer with [`Event::ProbeAnswered`] or
    /// [`Event::Unreachable`].
    Probe,
    /// Send the logouts that the server does not know yet, one by one. Answer with
    /// [`Event::LeavingSent`], always.
    SendLeaving,
    /// Tell the person.
    Tell(Notice),
}

/// What a call may do now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// Use this access token.
    Ready {
        /// Its account.
        account_id: Uuid,
        /// Its link.
        of: Link,
        /// The token.
        token: Secret,
    },
    /// Wait for the next event: a renewal is under way, or the page is just starting.
    Soon,
    /// The server cannot be reached; fail, and keep the session.
    NotNow,
    /// No person is signed in.
    SignedOut,
    /// The access token has expired, and a later version of Holdfast has the session: fail, and
    /// ask the person to reload the page.
    Outdated,
}

/// What the person sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Not known yet: the server's rendering and the browser's first one.
    Unknown,
    /// No person is signed in.
    Anonymous {
        /// Why the person is not signed in any more.
        ending: Option<Ending>,
    },
    /// A person is signed in.
    SignedIn {
        /// The account.
        account_id: Uuid,
        /// The session.
        session_id: Uuid,
        /// A renewal has to wait for the server or the network.
        reconnecting: bool,
    },
}
