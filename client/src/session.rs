//! The session as components see it.

use holdfast_protocol::renewal::{Ending, Notice, Record, View};
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{ChangePassword, LoginRequest, SignupRequest};
use leptos::prelude::*;
use uuid::Uuid;

use super::calls::{self, Api};
use super::changes;
use super::config::{Config, OnAnonymous};
use super::driver::{Reload, Snapshot};
use super::engine;
use super::told::Told;
use super::transport::CallError;
use super::watch::{self, ClientEvent, Watch};

/// The session of this browser. Get it with [`use_session`]; it is `Copy`.
///
/// - What is known: [`view`](Session::view), and functions for the most common questions about
///   it.
/// - What a person does: [`sign_in`](Session::sign_in), [`sign_up`](Session::sign_up),
///   [`sign_out`](Session::sign_out), [`change_password`](Session::change_password).
/// - Calls as that person: [`api`](Session::api).
///
/// Reading is reactive. The server and the browser's first rendering know nothing of the session,
/// so that both render the same.
#[derive(Clone, Copy)]
pub struct Session {
    on_anonymous: OnAnonymous,
    signals: Signals,
    view: Memo<View>,
    account_id: Memo<Option<Uuid>>,
    session_id: Memo<Option<Uuid>>,
}

/// The signals by which the driver tells the view.
#[derive(Clone, Copy)]
struct Signals {
    view: RwSignal<View>,
    facts: RwSignal<Option<Facts>>,
    notice: RwSignal<Option<Notice>>,
    leaving: RwSignal<bool>,
    told: RwSignal<Option<Told>>,
    reload: RwSignal<Option<Reload>>,
    resumed: RwSignal<u32>,
}

impl Signals {
    /// Updates the signals. A signal that does not change notifies no component.
    fn take(self, snapshot: Snapshot) {
        let before = self.view.get_untracked();
        if before != snapshot.view {
            self.view.set(snapshot.view);
        }
        if is_reconnecting(before) && !is_reconnecting(snapshot.view) {
            self.resumed.update(|times| *times += 1);
        }
        set_if_new(self.facts, snapshot.record.as_ref().map(Facts::of));
        set_if_new(self.notice, snapshot.notice);
        set_if_new(self.leaving, snapshot.is_sign_out_delayed);
        set_if_new(self.told, snapshot.told);
        set_if_new(self.reload, snapshot.reload);
    }
}

fn set_if_new<T: PartialEq + Clone + Send + Sync + 'static>(signal: RwSignal<T>, value: T) {
    if signal.with_untracked(|before| *before != value) {
        signal.set(value);
    }
}

fn is_reconnecting(view: View) -> bool {
    matches!(view, View::SignedIn { reconnecting, .. } if reconnecting)
}

/// When the session was renewed and when it ends, in Unix seconds of this browser's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    /// The last renewal, or the sign-in.
    pub renewed_at: i64,
    /// When it is over at the latest.
    pub ends_at: i64,
    /// When it is over if it is not used before.
    pub idle_ends_at: i64,
    /// Whether it goes on after the browser was closed.
    pub remember: bool,
}

impl Facts {
    fn of(record: &Record) -> Self {
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

/// Provides the session to all components below, and starts it in the browser: from then on it
/// reads storage, listens to other tabs and renews. The app calls this once, at its root.
///
/// It works in a page that the server has rendered and in a page that the browser renders alone.
///
/// # Panics
/// If a component above this one has called it already. Two sessions in one page would not know of
/// each other. Also if a value of `config` is not allowed; see [`Config`]. In a browser also if another part
/// of the page has called it with another `prefix` or `api_base`.
pub fn provide_session(config: Config) -> Session {
    assert!(
        use_context::<Session>().is_none(),
        "`provide_session` is called twice: call it once, at the root of the app"
    );
    // The first component may already make a call, so this is before all else.
    config.apply();
    let signals = Signals {
        view: RwSignal::new(View::Unknown),
        facts: RwSignal::new(None),
        notice: RwSignal::new(None),
        leaving: RwSignal::new(false),
        told: RwSignal::new(None),
        reload: RwSignal::new(None),
        resumed: RwSignal::new(0),
    };
    let view = Memo::new(move |_| signals.view.get());
    let session = Session {
        on_anonymous: config.on_anonymous,
        signals,
        view,
        account_id: Memo::new(move |_| match view.get() {
            View::SignedIn { account_id, .. } => Some(account_id),
            View::Unknown | View::Anonymous { .. } => None,
        }),
        session_id: Memo::new(move |_| match view.get() {
            View::SignedIn { session_id, .. } => Some(session_id),
            View::Unknown | View::Anonymous { .. } => None,
        }),
    };
    provide_context(session);
    // An effect runs in the browser only. There is no storage while the server renders.
    Effect::new(move |_| session.start());
    session
}

/// The session of this browser.
///
/// # Panics
/// Outside of the app that provides it; see [`provide_session`].
pub fn use_session() -> Session {
    use_context().expect(
        "there is no session here: call `provide_session` in a component above this one, at the \
         root of the app",
    )
}

impl Session {
    /// See [`Config`].
    pub(super) fn on_anonymous(self) -> OnAnonymous {
        self.on_anonymous
    }

    /// Begins to read storage, to listen to other tabs and to renew.
    fn start(self) {
        engine::start(Box::new(move |snapshot| self.signals.take(snapshot)));
    }

    /// Shows this person, for a test.
    #[cfg(test)]
    pub(super) fn show(self, view: View) {
        self.signals.view.set(view);
    }

    /// What is known: nothing yet, no person, or a signed-in person.
    pub fn view(self) -> View {
        self.view.get()
    }

    /// The account that is signed in, if there is one. Within the life of a page this is at most
    /// one account, with pauses in which no person is signed in: before a page shows another
    /// person, it reloads. (It does not reload if the browser stores nothing, because the session
    /// would be lost; then [`RequireSession`](super::RequireSession) builds its children again.)
    pub fn account_id(self) -> Option<Uuid> {
        self.account_id.get()
    }

    /// The session's id, if a person is signed in. It changes when another person signs in and
    /// when the password is changed, but not when tokens are renewed.
    pub fn session_id(self) -> Option<Uuid> {
        self.session_id.get()
    }

    /// Whether a person is signed in; `false` also while nothing is known.
    pub fn is_signed_in(self) -> bool {
        self.session_id.get().is_some()
    }

    /// Whether it is certain that no person is signed in.
    pub fn is_anonymous(self) -> bool {
        matches!(self.view.get(), View::Anonymous { .. })
    }

    /// Whether a renewal has to wait for the network or the server.
    pub fn is_reconnecting(self) -> bool {
        is_reconnecting(self.view.get())
    }

    /// Why the person is not signed in any more. Each page has this, also after the browser was
    /// closed, until the next sign-in or [`Session::ending_was_read`].
    pub fn ending(self) -> Option<Ending> {
        match self.view.get() {
            View::Anonymous { ending } => ending,
            View::Unknown | View::SignedIn { .. } => None,
        }
    }

    /// Notes that the person has read why, so no later page says it again.
    pub fn ending_was_read(self) {
        engine::ending_was_read();
    }

    /// What became of a form that is gone, or of a sign-out. The page tells it until the person has
    /// read it or signs in.
    pub fn told(self) -> Option<Told> {
        self.signals.told.get()
    }

    /// Notes that the person has read what became of a form.
    pub fn told_was_read(self) {
        engine::told_was_read();
    }

    /// When the session was renewed and when it ends.
    pub fn facts(self) -> Option<Facts> {
        self.signals.facts.get()
    }

    /// A message for the person about how the session is stored.
    pub fn notice(self) -> Option<Notice> {
        self.signals.notice.get()
    }

    /// Whether a sign-out has not reached the server yet.
    pub fn is_leaving(self) -> bool {
        self.signals.leaving.get()
    }

    /// `Some` if the page must reload and has not reloaded yet: a person has signed in, perhaps in
    /// this page, after the page had shown another account. Until the reload, the page shows no
    /// account. With [`Reload::ByPerson`], offer a button for [`Session::reload`].
    pub fn waits_for_reload(self) -> Option<Reload> {
        self.signals.reload.get()
    }

    /// Reloads the page.
    pub fn reload(self) {
        engine::reload();
    }

    /// Read this in an effect that should run again for a new session, and when the server can be
    /// reached again. [`Session::resource`] does this by itself.
    pub fn reload_trigger(self) -> (Option<Uuid>, u32) {
        (self.session_id.get(), self.signals.resumed.get())
    }

    /// Calls as the person whom the page shows at this moment: `api().get(path).await`, and `post`,
    /// `put`, `patch`, `delete`, and [`request`](Api::request) for all others. It always belongs to
    /// that account; see [`Api`]. Server functions get the same with
    /// [`SessionClient`](super::SessionClient).
    pub fn api(self) -> Api {
        Api(calls::whose())
    }

    /// Signs in. If there is already a session, it is ended.
    ///
    /// # Errors
    /// [`CallError`]; the code says what was wrong with the request. With
    /// [`CallError::Overtaken`] there was a later sign-in or sign-out in this browser. If the form is
    /// gone when the answer comes, give the result to [`Session::sign_in_form_is_gone`].
    pub async fn sign_in(
        self,
        username: String,
        password: Secret,
        remember: bool,
    ) -> Result<(), CallError> {
        let request = LoginRequest {
            username,
            password,
            remember,
        };
        engine::sign_in(request).await
    }

    /// Makes an account and signs in. While no answer comes, the client repeats the request for up
    /// to two minutes, and finds out whether an answer was lost.
    ///
    /// # Errors
    /// [`CallError`]; the code says what was wrong with the request. With
    /// [`CallError::NotKnown`] the account may have been made, and with
    /// [`CallError::Overtaken`] it was.
    pub async fn sign_up(
        self,
        username: String,
        password: Secret,
        remember: bool,
    ) -> Result<(), CallError> {
        let request = SignupRequest {
            username,
            password,
            remember,
        };
        engine::sign_up(request).await
    }

    /// Changes the password of the person whom the page shows. All sessions end, and this browser
    /// gets a new one, unless there was a later sign-in or sign-out in it, or a later version of
    /// Holdfast has taken over its storage. While no answer comes, the client repeats the request for
    /// up to two minutes, and finds out whether an answer was lost.
    ///
    /// # Errors
    /// [`CallError`]; the code says what was wrong with the request. With
    /// [`CallError::Overtaken`] the password was changed and the new session was not kept;
    /// with [`CallError::NotKnown`] the password may have been changed. If the form is gone when
    /// the answer comes, give the result to [`Session::password_form_is_gone`].
    pub fn change_password(
        self,
        request: ChangePassword,
    ) -> impl Future<Output = Result<(), CallError>> {
        changes::change_password(calls::whose(), request)
    }

    /// Tells by [`Session::told`] what became of a sign-in whose form is gone.
    pub fn sign_in_form_is_gone(self, outcome: &Result<(), CallError>) {
        self.form_is_gone(changes::Form::SignIn, outcome);
    }

    /// Tells by [`Session::told`] what became of a sign-up whose form is gone.
    pub fn sign_up_form_is_gone(self, outcome: &Result<(), CallError>) {
        self.form_is_gone(changes::Form::SignUp, outcome);
    }

    /// Tells by [`Session::told`] what became of a change of the password whose form is gone.
    pub fn password_form_is_gone(self, outcome: &Result<(), CallError>) {
        self.form_is_gone(changes::Form::Password, outcome);
    }

    /// Tells by [`Session::told`] what became of a recovery whose form is gone.
    pub fn recovery_form_is_gone<T>(self, outcome: &Result<T, CallError>) {
        let outcome = outcome.as_ref().map(|_| ()).map_err(Clone::clone);
        self.form_is_gone(changes::Form::Recovery, &outcome);
    }

    fn form_is_gone(self, form: changes::Form, outcome: &Result<(), CallError>) {
        engine::form_is_gone(form, outcome);
    }

    /// Calls `listen` with everything that the client does from now on: requests and their answers,
    /// renewals, new tokens, and the end of the session. An event has no token and no password. The
    /// events of other tabs are not among them, except what this tab reads in storage.
    ///
    /// Call it in an effect or an event handler. On the server nothing happens in the client, so there it
    /// does nothing.
    ///
    /// ```no_run
    /// # use holdfast_client::{ClientEvent, use_session};
    /// # use leptos::prelude::*;
    /// # fn show(_: &str) {}
    /// #[component]
    /// fn Refusals() -> impl IntoView {
    ///     let session = use_session();
    ///     Effect::new(move |_| {
    ///         let watch = session.watch(|event| {
    ///             if let ClientEvent::Answered { status: 401, .. } = event {
    ///                 show("The server has refused a token.");
    ///             }
    ///         });
    ///         // It ends with the component.
    ///         on_cleanup(move || drop(watch));
    ///     });
    /// }
    /// ```
    pub fn watch(self, listen: impl Fn(&ClientEvent) + 'static) -> Watch {
        if cfg!(target_family = "wasm") {
            watch::watch(listen)
        } else {
            Watch::of_nothing()
        }
    }

    /// Signs out the person whom the page shows: in this browser at once, and on the server as soon
    /// as it can be reached, even if the browser is closed until then.
    pub fn sign_out(self) {
        engine::sign_out();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn provide() -> Session {
        provide_session(Config::default())
    }

    #[test]
    fn a_component_below_the_provider_gets_its_session() {
        Owner::new().with(|| {
            let provided = provide();
            assert_eq!(use_session().view, provided.view);
            assert!(!use_session().is_signed_in() && !use_session().is_anonymous());
        });
    }

    #[test]
    fn a_watch_on_the_server_hears_nothing() {
        Owner::new().with(|| {
            let _watch = provide().watch(|_| panic!("an event on the server"));
            watch::tell(|| panic!("an event is made on the server"));
        });
    }

    #[test]
    #[should_panic(expected = "call `provide_session` in a component above this one")]
    fn a_component_outside_of_a_provider_says_what_is_missing() {
        Owner::new().with(use_session);
    }

    #[test]
    #[should_panic(expected = "`Config::prefix` must have")]
    fn a_value_that_is_not_allowed_stops_the_app() {
        let prefix = "";
        Owner::new().with(|| {
            provide_session(Config {
                prefix,
                ..Config::default()
            })
        });
    }

    #[test]
    #[should_panic(expected = "`provide_session` is called twice")]
    fn a_second_provider_is_an_error() {
        Owner::new().with(|| {
            provide();
            Owner::new().with(provide);
        });
    }
}
