//! The session as components see it.

use gloo_net::http::Method;
use holdfast_protocol::renewal::{Ending, Event, Notice, Record, View};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{ChangePassword, LoginRequest, SignupRequest, Tokens, paths};
use leptos::prelude::*;
use serde::Serialize;
use uuid::Uuid;

use super::api::{self, Api};
use super::http::{self, ApiError, Call};
use super::{clock, tab::Tab};

/// The session of this browser. Get it with [`use_session`]; it is `Copy`.
///
/// - What is known: [`view`](Session::view), and the questions about it that are asked
///   most.
/// - What a person does: [`sign_in`](Session::sign_in), [`sign_up`](Session::sign_up),
///   [`sign_out`](Session::sign_out), [`change_password`](Session::change_password).
/// - Calls as that person: [`api`](Session::api).
///
/// Reading is reactive. Nothing here is known on the server or in the browser's
/// first rendering, so that both render the same.
#[derive(Clone, Copy)]
pub struct Session {
    signals: Signals,
    view: Memo<View>,
    session_id: Memo<Option<Uuid>>,
}

/// What the tab tells the view.
#[derive(Clone, Copy)]
pub(super) struct Signals {
    pub(super) view: RwSignal<View>,
    pub(super) facts: RwSignal<Option<Facts>>,
    pub(super) notice: RwSignal<Option<Notice>>,
    pub(super) leaving: RwSignal<bool>,
    pub(super) resumed: RwSignal<u32>,
}

/// When things happened to the session and will, in Unix seconds of this
/// browser's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The last renewal, or the sign-in.
    pub renewed_at: i64,
    /// When it is over for good.
    pub ends_at: i64,
    /// When it is over unless it is used before.
    pub idle_ends_at: i64,
    /// Whether it outlives the browser's run.
    pub remember: bool,
}

impl Facts {
    pub(super) fn of(record: &Record) -> Self {
        let renewed_at = record.obtained_at / 1000;
        let after = |seconds| renewed_at.saturating_add_unsigned(seconds);
        Self {
            renewed_at,
            ends_at: after(record.refresh_expires_in),
            idle_ends_at: after(record.refresh_idle_expires_in),
            remember: record.remember,
        }
    }
}

/// Provides the session to everything below. Called once, in `App`.
pub fn provide_session() -> Session {
    let signals = Signals {
        view: RwSignal::new(View::Unknown),
        facts: RwSignal::new(None),
        notice: RwSignal::new(None),
        leaving: RwSignal::new(false),
        resumed: RwSignal::new(0),
    };
    let view = Memo::new(move |_| signals.view.get());
    let session = Session {
        signals,
        view,
        session_id: Memo::new(move |_| match view.get() {
            View::SignedIn { session_id, .. } => Some(session_id),
            View::Unknown | View::Anonymous { .. } => None,
        }),
    };
    provide_context(session);
    session
}

/// The session of this browser.
///
/// # Panics
/// Outside of `App`, which provides it.
pub fn use_session() -> Session {
    expect_context()
}

impl Session {
    /// Begins to read storage, to listen to other tabs and to renew. Effects only:
    /// there is no browser while the server renders.
    pub(crate) fn start(self) {
        Tab::start(self.signals);
    }

    /// What is known: nothing yet, nobody, or somebody.
    pub fn view(self) -> View {
        self.view.get()
    }

    /// The session's id, when somebody is signed in. It changes when another
    /// person signs in, and not when tokens are renewed.
    pub fn session_id(self) -> Option<Uuid> {
        self.session_id.get()
    }

    /// Whether somebody is signed in; `false` also while nothing is known.
    pub fn is_signed_in(self) -> bool {
        self.session_id.get().is_some()
    }

    /// Whether nobody is signed in, for certain.
    pub fn is_anonymous(self) -> bool {
        matches!(self.view.get(), View::Anonymous { .. })
    }

    /// Whether a renewal has to wait for the network or the server.
    pub fn is_reconnecting(self) -> bool {
        matches!(self.view.get(), View::SignedIn { reconnecting, .. } if reconnecting)
    }

    /// Why nobody is signed in any more.
    pub fn ending(self) -> Option<Ending> {
        match self.view.get() {
            View::Anonymous { ending } => ending,
            View::Unknown | View::SignedIn { .. } => None,
        }
    }

    /// When the session was renewed and when it ends.
    pub fn facts(self) -> Option<Facts> {
        self.signals.facts.get()
    }

    /// Something the person should know about how the session is kept.
    pub fn notice(self) -> Option<Notice> {
        self.signals.notice.get()
    }

    /// Whether a sign-out has yet to reach the server.
    pub fn is_leaving(self) -> bool {
        self.signals.leaving.get()
    }

    /// Tracked by whatever should be loaded anew: another person's session, and the
    /// server's coming back after it could not be reached.
    pub fn reload_trigger(self) -> (Option<Uuid>, u32) {
        (self.session_id.get(), self.signals.resumed.get())
    }

    /// Calls as the person who is signed in: `api().get(path).await`, and `post`,
    /// `put`, `delete`. Server functions get the same with
    /// [`SessionClient`](super::SessionClient).
    pub fn api(self) -> Api {
        Api(())
    }

    /// Signs in. A session that is already there is ended.
    ///
    /// # Errors
    /// [`ApiError`]; the code says what was wrong with the request.
    pub async fn sign_in(
        self,
        username: String,
        password: Secret,
        remember: bool,
    ) -> Result<(), ApiError> {
        let request = LoginRequest {
            username,
            password,
            remember,
        };
        open(paths::LOGIN, &request, remember).await
    }

    /// Makes an account and signs in.
    ///
    /// # Errors
    /// [`ApiError`]; the code says what was wrong with the request.
    pub async fn sign_up(
        self,
        username: String,
        password: Secret,
        remember: bool,
    ) -> Result<(), ApiError> {
        let request = SignupRequest {
            username,
            password,
            remember,
        };
        open(paths::SIGNUP, &request, remember).await
    }

    /// Changes the password. All sessions end; this browser goes on with a new one,
    /// unless somebody has signed in or out in it meanwhile.
    ///
    /// # Errors
    /// [`ApiError`]; the code says what was wrong with the request. With
    /// [`ApiError::SessionChanged`] and [`ApiError::SignedOut`] the password may have
    /// been changed, and the new session was not kept.
    pub async fn change_password(self, request: ChangePassword) -> Result<(), ApiError> {
        let tab = Tab::current().ok_or(ApiError::SignedOut)?;
        tab.look();
        let before = tab.record().ok_or(ApiError::SignedOut)?;
        let sent_at = clock::now().wall_ms;
        let call = Call::new(Method::PUT, paths::PASSWORD).with_json(&request);
        let body = api::call(call, Some(before.session_id)).await?;
        let record =
            Record::new(&http::parse(&body)?, before.remember, sent_at).ok_or(ApiError::SILENCE)?;
        let kept = record.session_id;
        tab.look();
        tab.feed(Event::PasswordChanged {
            session_id: before.session_id,
            record,
        });
        match tab.record() {
            Some(record) if record.session_id == kept => Ok(()),
            Some(_) => Err(ApiError::SessionChanged),
            None => Err(ApiError::SignedOut),
        }
    }

    /// Signs out: here at once, on the server as soon as it can be reached.
    pub fn sign_out(self) {
        if let Some(tab) = Tab::current() {
            tab.look();
            tab.feed(Event::SignOut {
                why: Ending::SignedOut,
            });
        }
    }
}

/// Opens a session with a request that is answered with tokens.
async fn open(path: &str, request: &impl Serialize, remember: bool) -> Result<(), ApiError> {
    let sent_at = clock::now().wall_ms;
    let call = Call::new(Method::POST, path).with_json(request);
    let body = http::send(&call, None).await?;
    let tokens: Tokens = http::parse(&body)?;
    let record = Record::new(&tokens, remember, sent_at);
    let (Some(tab), Some(record)) = (Tab::current(), record) else {
        return Err(ApiError::SILENCE);
    };
    // Another tab may have signed in meanwhile; that session is then ended too.
    tab.look();
    tab.feed(Event::SignedIn { record });
    Ok(())
}
