//! Data that are loaded as the person whom the page shows.

use futures::future::LocalBoxFuture;
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
        let is_refetching = RwSignal::new(false);
        let load = move || -> LocalBoxFuture<'static, ()> {
            self.reload_trigger();
            let account_id = untrack(|| self.account_id());
            let answer = fetch(self.api());
            Box::pin(async move {
                let answer = answer.await;
                // The component may be gone by now, and its signals with it.
                is_refetching.try_set(false);
                let end = answer.map(|data| {
                    latest.try_set(Some((account_id, data)));
                });
                outcome.try_set(Some((account_id, end)));
            })
        };
        SessionResource {
            session: self,
            loads: begin(Box::new(load)),
            outcome,
            latest,
            is_refetching,
        }
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
    loads: LocalResource<()>,
    /// Whether the last load succeeded.
    outcome: RwSignal<Option<Of<Result<(), CallError>>>>,
    /// The data of the last load that succeeded.
    latest: RwSignal<Option<Of<T>>>,
    is_refetching: RwSignal<bool>,
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
        // A `<Suspense>` only knows of a resource that is read.
        let _ = self.loads.get();
        let (of, outcome) = self.outcome.get()?;
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
        let account_id = self.session.account_id();
        self.latest.with(|latest| {
            let latest = latest.as_ref().filter(|(of, _)| *of == account_id);
            read(latest.map(|(_, data)| data))
        })
    }

    /// Why the last load has failed, if it has. This leaves out [`CallError::SignedOut`]: a person who
    /// has just been signed out soon sees another page, so they need no message.
    pub fn error(self) -> Option<CallError> {
        let (_, outcome) = self.outcome.get()?;
        outcome.err().filter(|why| *why != CallError::SignedOut)
    }

    /// Whether the data are being loaded because of [`SessionResource::refetch`]. `false` for the
    /// first load, and for loads that the client has begun by itself.
    pub fn is_refetching(self) -> bool {
        self.is_refetching.get()
    }

    /// Loads the data again.
    pub fn refetch(self) {
        self.is_refetching.set(true);
        self.loads.refetch();
    }

    /// Changes the data until the next load. For example, this removes the row of a thing that the
    /// server has just deleted.
    pub fn update(self, change: impl FnOnce(&mut T)) {
        self.latest.update(|latest| {
            if let Some((_, data)) = latest {
                change(data);
            }
        });
    }
}
