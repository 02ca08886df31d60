//! Data that are loaded as the person whom the page shows.

use futures::channel::oneshot;
use futures::future::LocalBoxFuture;
use holdfast_protocol::renewal::View;
use leptos::prelude::*;
use uuid::Uuid;

use super::calls::Api;
use super::session::Session;
use super::transport::CallError;

impl Session {
    /// Loads data as the person whom the page shows. They are loaded again for another session, and
    /// when the server can be reached again. While they are loaded again, and if that fails, the
    /// component may go on to show the data from before. Data of one person are never shown to another
    /// person.
    ///
    /// `fetch` is called for each load. If it reads a signal before its first `await`, the data are
    /// also loaded again when that signal changes. It may also call server functions with
    /// [`SessionClient`](super::SessionClient), and then need not use its argument.
    ///
    /// Data are only loaded in the browser. Call this in a component inside of
    /// [`RequireSession`](super::RequireSession), because otherwise a person who is not signed in gets
    /// the error [`CallError::SignedOut`].
    ///
    /// ```
    /// use holdfast_client::use_session;
    /// use leptos::prelude::*;
    /// # #[derive(Clone, serde::Deserialize)]
    /// # struct Note { text: String }
    ///
    /// #[component]
    /// fn TheNote() -> impl IntoView {
    ///     let session = use_session();
    ///     let note = session.resource(|api| async move { api.get::<Note>("/api/v1/note").await });
    ///     view! {
    ///         {move || note.error().map(|error| view! { <p role="alert">{error.to_string()}</p> })}
    ///         {move || match note.latest() {
    ///             Some(note) => view! { <p>{note.text}</p> }.into_any(),
    ///             None => view! { <p>"Loading…"</p> }.into_any(),
    ///         }}
    ///         <button disabled=move || note.is_refetching() on:click=move |_| note.refetch()>
    ///             "Load again"
    ///         </button>
    ///     }
    /// }
    /// ```
    pub fn resource<T, F>(self, fetch: impl Fn(Api) -> F + 'static) -> SessionResource<T>
    where
        T: Clone + Send + Sync + 'static,
        F: Future<Output = Result<T, CallError>> + 'static,
    {
        let outcome = RwSignal::new(None);
        let latest = RwSignal::new(None);
        let loads = RwSignal::new(Loads::default());
        let cause = Memo::new_owning(move |before| Cause::next(before, seen(self)));
        let load = move || -> LocalBoxFuture<'static, ()> {
            let begun_for = cause.get();
            let number = loads.try_update_untracked(Loads::begin);
            let answer = fetch(self.api());
            let known = begun_for.seen.is_none().then(|| until_known(self));
            Box::pin(async move {
                // Before that, a call could wait too long, and no second load would follow.
                if let Some(known) = known
                    && known.await.is_err()
                {
                    return;
                }
                let answer = answer.await;
                // The component may be gone by now, and its signals with it.
                let (Some(number), Some(now)) = (number, cause.try_get_untracked()) else {
                    return;
                };
                if loads.try_with_untracked(|loads| loads.is_awaited(number)) == Some(true) {
                    loads.try_update(Loads::stop_waiting);
                }
                let Some(account_id) = begun_for.account_id(now) else {
                    return;
                };
                let end = answer.map(|data| {
                    latest.try_set(Some((account_id, data)));
                });
                outcome.try_set(Some((account_id, end)));
            })
        };
        SessionResource {
            session: self,
            resource: begin(Box::new(load)),
            outcome,
            latest,
            loads,
        }
    }
}

/// What the page knows of the session. `None` before it has read its storage.
fn seen(session: Session) -> Option<Seen> {
    let (session_id, resumed) = session.reload_trigger();
    (session.view() != View::Unknown).then(|| Seen {
        session_id,
        account_id: session.account_id(),
        resumed,
    })
}

/// Tells when the page knows its session. The answer is an error if the component is gone by then.
fn until_known(session: Session) -> oneshot::Receiver<()> {
    let (tell, told) = oneshot::channel();
    let tell = StoredValue::new(Some(tell));
    Effect::new(move |_| {
        if session.view() == View::Unknown {
            return;
        }
        if let Some(tell) = tell.try_update_value(Option::take).flatten() {
            let _ = tell.send(());
        }
    });
    told
}

/// What the page knows of the session, as far as data depend on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Seen {
    session_id: Option<Uuid>,
    account_id: Option<Uuid>,
    /// How often the server could be reached again.
    resumed: u32,
}

/// Why data are loaded. A load that begins before the page knows its session waits until the page
/// does, so what the page learns first is no reason for a second load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Cause {
    number: u32,
    seen: Option<Seen>,
}

impl Cause {
    /// The next one, and whether the data are loaded again because of it.
    fn next(before: Option<Self>, seen: Option<Seen>) -> (Self, bool) {
        match before {
            None => (Self { number: 0, seen }, true),
            Some(before) if before.seen == seen => (before, false),
            Some(Self { number, seen: None }) => (Self { number, seen }, false),
            Some(Self { number, .. }) => {
                let number = number.wrapping_add(1);
                (Self { number, seen }, true)
            }
        }
    }

    /// The account for which a load was made that this has caused. `None` if that is not certain: the
    /// page did not know it when the load began, and shows another session by now.
    fn account_id(self, now: Self) -> Option<Option<Uuid>> {
        let learnt = now.seen.filter(|_| now.number == self.number);
        self.seen.or(learnt).map(|seen| seen.account_id)
    }
}

/// How many loads have begun, and for which one the person waits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Loads {
    begun: u32,
    awaited: Option<u32>,
}

impl Loads {
    /// Begins a load, and returns its number.
    fn begin(&mut self) -> u32 {
        self.begun = self.begun.wrapping_add(1);
        self.begun
    }

    /// The person waits for the next load, and not for one that has begun already.
    fn wait_for_next(&mut self) {
        self.awaited = Some(self.begun.wrapping_add(1));
    }

    /// Whether the person waits for this load.
    fn is_awaited(&self, number: u32) -> bool {
        self.awaited == Some(number)
    }

    fn stop_waiting(&mut self) {
        self.awaited = None;
    }
}

/// Makes the resource that loads now and later. It knows no type of data, so it is compiled once for
/// all of them: this saves several kilobytes for each kind of data in an app. Loads do not overlap: if
/// a load is wanted while another one is under way, it begins after that one.
fn begin(load: Box<dyn Fn() -> LocalBoxFuture<'static, ()>>) -> LocalResource<()> {
    LocalResource::new(load)
}

/// A value, and the account that the page showed when its load began.
type Of<T> = (Option<Uuid>, T);

/// Data that belong to the person whom the page shows; see [`Session::resource`]. It is `Copy`, and
/// reading it is reactive.
pub struct SessionResource<T> {
    session: Session,
    resource: LocalResource<()>,
    /// Whether the last load succeeded.
    outcome: RwSignal<Option<Of<Result<(), CallError>>>>,
    /// The data of the last load that succeeded.
    latest: RwSignal<Option<Of<T>>>,
    loads: RwSignal<Loads>,
}

impl<T> Clone for SessionResource<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for SessionResource<T> {}

impl<T: Clone + Send + Sync + 'static> SessionResource<T> {
    /// The result of the last load, also while the next load is under way. `None` before the first
    /// result for this person. Inside of a `<Suspense>`, this waits for the load.
    pub fn get(self) -> Option<Result<T, CallError>> {
        // A `<Suspense>` only knows of a resource that is read. It may read it once more after the
        // component is gone.
        let _ = self.resource.try_get();
        let (of, outcome) = self.outcome.try_get().flatten()?;
        if of != self.session.account_id() {
            return None;
        }
        match outcome {
            Ok(()) => self.latest().map(Ok),
            Err(why) => Some(Err(why)),
        }
    }

    /// The data of the last load that succeeded, even if a later load has failed. `None` before the
    /// first one for this person.
    pub fn latest(self) -> Option<T> {
        self.with_latest(|data| data.cloned())
    }

    /// Like [`SessionResource::latest`], without a copy of the data.
    pub fn with_latest<U>(self, read: impl FnOnce(Option<&T>) -> U) -> U {
        if self.latest.is_disposed() {
            return read(None);
        }
        let account_id = self.session.account_id();
        self.latest.with(|latest| {
            let latest = latest.as_ref().filter(|(of, _)| *of == account_id);
            read(latest.map(|(_, data)| data))
        })
    }

    /// Why the last load for this person has failed, if it has. This leaves out [`CallError::SignedOut`]: a person who
    /// has just been signed out soon sees another page, so they need no message.
    pub fn error(self) -> Option<CallError> {
        let (of, outcome) = self.outcome.try_get().flatten()?;
        if of != self.session.account_id() {
            return None;
        }
        outcome.err().filter(|why| *why != CallError::SignedOut)
    }

    /// Whether the data are being loaded because of [`SessionResource::refetch`]. `false` for the
    /// first load, and for loads that the client has begun by itself.
    pub fn is_refetching(self) -> bool {
        self.loads
            .try_with(|loads| loads.awaited.is_some())
            .unwrap_or(false)
    }

    /// Loads the data again.
    pub fn refetch(self) {
        if self.loads.try_update(Loads::wait_for_next).is_some() {
            self.resource.refetch();
        }
    }

    /// Changes the data until the next load. For example, this removes the row of a thing that the
    /// server has just deleted. Data of a person whom the page does not show are not changed.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        let account_id = untrack(|| self.session.account_id());
        self.latest.try_update(|latest| match latest {
            Some((of, data)) if *of == account_id => change(data),
            _ => {}
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Config;
    use crate::session::provide_session;

    const ADA: Uuid = Uuid::from_u128(1);
    const EVE: Uuid = Uuid::from_u128(2);

    fn shows(account_id: Uuid) -> View {
        View::SignedIn {
            account_id,
            session_id: account_id,
            reconnecting: false,
        }
    }

    fn seen_of(account_id: Option<Uuid>, resumed: u32) -> Option<Seen> {
        Some(Seen {
            session_id: account_id,
            account_id,
            resumed,
        })
    }

    #[test]
    fn what_the_page_learns_first_is_no_reason_for_a_second_load() {
        let (first, loads) = Cause::next(None, None);
        assert!(loads);
        assert_eq!(first.account_id(first), None);
        let (known, loads) = Cause::next(Some(first), seen_of(Some(ADA), 0));
        assert!(!loads);
        // The data of the load that began before are those of this account.
        assert_eq!(first.account_id(known), Some(Some(ADA)));

        for (seen, account_id) in [
            (seen_of(Some(ADA), 1), Some(ADA)),
            (seen_of(None, 0), None),
            (seen_of(Some(EVE), 0), Some(EVE)),
        ] {
            let (next, loads) = Cause::next(Some(known), seen);
            assert!(loads, "{seen:?}");
            assert_eq!(next.account_id(next), Some(account_id));
            assert_eq!(known.account_id(next), Some(Some(ADA)));
            // It is not certain any more for whom the first load was made.
            assert_eq!(first.account_id(next), None);
            let (same, loads) = Cause::next(Some(next), seen);
            assert_eq!((same, loads), (next, false));
        }
    }

    #[test]
    fn a_person_waits_for_the_load_after_the_one_under_way() {
        let mut loads = Loads::default();
        let under_way = loads.begin();
        assert!(!loads.is_awaited(under_way));
        loads.wait_for_next();
        assert!(!loads.is_awaited(under_way), "it began before");
        let next = loads.begin();
        assert!(loads.is_awaited(next));
        loads.stop_waiting();
        assert_eq!(loads.awaited, None);
    }

    #[test]
    fn data_and_errors_of_one_person_are_not_those_of_another() {
        Owner::new().with(|| {
            let session = provide_session(Config::default());
            let note = session.resource(|_| std::future::pending::<Result<u32, _>>());
            session.show(shows(ADA));
            note.latest.set(Some((Some(ADA), 1)));
            note.outcome.set(Some((Some(ADA), Err(CallError::SILENCE))));
            assert_eq!(note.error(), Some(CallError::SILENCE));
            note.update(|data| *data += 1);
            assert_eq!(note.latest(), Some(2));

            session.show(shows(EVE));
            assert_eq!(note.error(), None);
            note.update(|data| *data += 1);
            assert_eq!(note.latest(), None);
            session.show(shows(ADA));
            assert_eq!(note.latest(), Some(2));
        });
    }

    /// A `<Suspense>` may read the data once more after the component is gone, for example when the
    /// person signs out.
    #[test]
    fn a_resource_of_a_component_that_is_gone_has_no_data() {
        Owner::new().with(|| {
            let session = provide_session(Config::default());
            let component = Owner::new();
            let note =
                component.with(|| session.resource(|_| std::future::pending::<Result<u32, _>>()));
            session.show(shows(ADA));
            note.latest.set(Some((Some(ADA), 1)));
            note.outcome.set(Some((Some(ADA), Ok(()))));
            assert_eq!(note.get(), Some(Ok(1)));
            component.cleanup();
            drop(component);
            assert_eq!(
                (note.get(), note.latest(), note.error()),
                (None, None, None)
            );
            assert!(!note.is_refetching());
            note.update(|data| *data += 1);
            note.refetch();
        });
    }
}
