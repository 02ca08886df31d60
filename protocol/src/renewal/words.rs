//! What a tab hears, does and shows.

use uuid::Uuid;

use super::ending::Ending;
use super::patience::LONGEST_RETRY_AFTER_S;
use super::record::{Link, Stored};
use super::vault::Change;
use crate::problem::{Meaning, Problem};
use crate::secret::Secret;

/// Something the person should know that is not an ending.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Storage is blocked or full: the session lives in this tab only.
    ThisTabOnly,
    /// Another tab runs a later version of Holdfast, whose storage this page cannot
    /// read. A reload brings that version.
    Outdated,
    /// The password was changed, and the new session was ended, because somebody has signed
    /// in or out in this browser since.
    PasswordChanged,
    /// The same with a new account.
    AccountMade,
}

/// How a refresh went that brought no tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// A definitive answer: the session is over.
    Over(Ending),
    /// The server does not know this very token.
    TokenUnknown,
    /// The token was spent by somebody faster.
    Conflict {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// No answer, or one that says nothing about the session.
    Later {
        /// The server's `Retry-After`, in seconds.
        retry_after: Option<u32>,
    },
    /// Nothing was sent: storage holds another record by now.
    Moved,
    /// Nothing was sent: see [`Attempt::Behind`](super::Attempt::Behind).
    Behind,
    /// Nothing was sent: storage belongs to a later version of Holdfast.
    Outdated,
}

impl Failure {
    /// What an error answer to a refresh means. Everything that Holdfast did not
    /// say in its own words, or that does not speak of the session, is `Later`.
    pub fn of(problem: &Problem) -> Self {
        let retry_after = problem
            .retry_after
            .map(|seconds| seconds.min(LONGEST_RETRY_AFTER_S));
        match problem.code.meaning() {
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
    /// The page has started, and this is what storage holds.
    Start {
        /// Who is signed in.
        stored: Stored,
        /// Whether anybody can see the page.
        visible: bool,
    },
    /// Storage was read, because another tab changed it or to be sure.
    Stored(Stored),
    /// An opened database held nothing, and local storage neither.
    Gone,
    /// A change of this tab is on its way to storage.
    Changing,
    /// The change of this tab is done.
    Changed {
        /// Who is signed in now.
        stored: Stored,
        /// Whether the change still applied.
        applied: bool,
    },
    /// Somebody wants to make a call and needs an access token.
    CallWanted,
    /// A call was answered with a code that means [`Meaning::Renew`].
    CallRefused {
        /// The link whose access token it carried.
        of: Link,
    },
    /// A call was answered with a code that means [`Meaning::SessionOver`].
    CallOver {
        /// The session it was made for.
        session_id: Uuid,
        /// Why it is over.
        why: Ending,
    },
    /// A call, or a look at the server, got no answer at all.
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
    /// A refresh brought none.
    NotRenewed {
        /// The link that was presented.
        of: Link,
        /// How it went.
        failure: Failure,
    },
    /// The time of [`Action::Wake`] has come.
    Timer,
    /// The page came into sight, or went out of it.
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
    /// Send [`Event::Timer`] after this many milliseconds, and not at any earlier
    /// set time; never, for `None`.
    Wake(Option<u64>),
    /// Ask the server for a sign of life; answer with [`Event::ProbeAnswered`] or
    /// [`Event::Unreachable`].
    Probe,
    /// Send the logouts that the server has yet to hear of, one by one. Answer with
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
        /// Whose it is.
        account_id: Uuid,
        /// Where it comes from.
        of: Link,
        /// The token.
        token: Secret,
    },
    /// Wait for the next event: a renewal is on its way, or the page just starts.
    Soon,
    /// The server cannot be reached; fail, and keep the session.
    NotNow,
    /// Nobody is signed in.
    SignedOut,
    /// The access token is over, and a later version of Holdfast has the session: fail, and
    /// ask the person to reload the page.
    Outdated,
}

/// What the person is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum View {
    /// Not known yet: the server's rendering and the browser's first one.
    Unknown,
    /// Nobody is signed in.
    Anonymous {
        /// Why not any more.
        ending: Option<Ending>,
    },
    /// Somebody is.
    SignedIn {
        /// Who.
        account_id: Uuid,
        /// The session.
        session_id: Uuid,
        /// A renewal has to wait for the server or the network.
        reconnecting: bool,
    },
}
