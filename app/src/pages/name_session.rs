//! Gives the browser of a session a name, or takes the name away.

use holdfast_client::{CallError, Method, Session, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::session_name::{SessionName, SessionNameError};
use holdfast_protocol::wire::{NameSession, SessionInfo, paths};
use leptos::ev::SubmitEvent;
use leptos::html::{self, Input};
use leptos::prelude::*;
use uuid::Uuid;

use super::asker::Asker;
use super::credentials::{focus, value};
use crate::components::{Button, Dialog, FormError, SubmitButton, TextField};
use crate::words::Words;

/// A session, and its name from now on.
#[derive(Clone)]
pub(super) struct Named {
    pub(super) session_id: Uuid,
    pub(super) name: Option<String>,
}

impl Named {
    /// The server answers a repeated call in the same way, so a person whose answer was lost tries again.
    async fn store(self, session: Session) -> Result<(), CallError> {
        let path = format!("{}/{}/name", paths::SESSIONS, self.session_id);
        let body = NameSession { name: self.name };
        let request = session.api().request(Method::PUT, &path).json(&body);
        request.send().await?.nothing()
    }
}

/// The question that is open, and the call that is under way.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    asked: RwSignal<Option<SessionInfo>>,
    busy: RwSignal<bool>,
    /// Why a call failed whose dialog the person has closed meanwhile.
    error: RwSignal<Option<String>>,
}

impl Naming {
    pub(super) fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
            busy: RwSignal::new(false),
            error: RwSignal::new(None),
        }
    }

    /// Opens the dialog for this session.
    pub(super) fn ask(self, session: SessionInfo) {
        self.error.set(None);
        self.asked.set(Some(session));
    }

    pub(super) fn error(self) -> Signal<Option<String>> {
        self.error.into()
    }

    fn asks_about(self, session_id: Uuid) -> bool {
        self.asked.with_untracked(|asked| {
            asked
                .as_ref()
                .is_some_and(|asked| asked.session_id == session_id)
        })
    }
}

/// The dialog that asks for the name.
#[component]
pub(super) fn NameDialog(
    /// Which session it asks about.
    naming: Naming,
    /// Called after the server has stored the name.
    #[prop(into)]
    on_done: Callback<Named>,
) -> impl IntoView {
    let all = Words::of_page();
    let words = all.sessions();
    let dialog = NodeRef::<html::Dialog>::new();
    let name = NodeRef::<Input>::new();
    let close = move || naming.asked.set(None);
    // It belongs to the dialog, because the form may be gone when the answer comes.
    let done = Callback::new(move |named: Named| {
        // The dialog is closed first, because the browser returns the focus then.
        if naming.asks_about(named.session_id) {
            close();
            if let Some(dialog) = dialog.get_untracked() {
                dialog.close();
            }
        }
        on_done.run(named);
    });
    let asker = Asker::here();
    let question = move || {
        let asked = naming.asked.get();
        asked.map(|asked| (words.name_of)(&all.device(asked.device)))
    };
    view! {
        <Dialog question=Signal::derive(question) node=dialog first=name on_close=close>
            <NameForm naming asker name on_done=done on_cancel=close/>
        </Dialog>
    }
}

/// The form in the dialog. `asker` belongs to the dialog, because the form disappears when the person
/// closes the dialog, and the page still has to show the result.
#[component]
fn NameForm(
    naming: Naming,
    asker: Asker,
    name: NodeRef<Input>,
    on_done: Callback<Named>,
    #[prop(into)] on_cancel: Callback<()>,
) -> impl IntoView {
    let all = Words::of_page();
    let words = all.sessions();
    let session = use_session();
    let busy = naming.busy;
    let wrong_name = RwSignal::new(None::<String>);
    let failed = RwSignal::new(None::<String>);
    // The field exists only after the form was made.
    Effect::new(move |_| {
        let asked = naming.asked.get_untracked();
        let present = asked.and_then(|asked| asked.name);
        if let (Some(field), Some(present)) = (name.get(), present) {
            field.set_value(&present);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(asked) = naming.asked.get_untracked() else {
            return;
        };
        if busy.get_untracked() {
            return;
        }
        wrong_name.set(None);
        failed.set(None);
        let wanted = match SessionName::parse(&value(name)) {
            Ok(wanted) => Some(wanted.as_str().to_owned()),
            Err(SessionNameError::Empty) => None,
            Err(why) => {
                wrong_name.set(Some((words.wrong_name)(why)));
                return focus(name);
            }
        };
        busy.set(true);
        let named = Named {
            session_id: asked.session_id,
            name: wanted,
        };
        asker.ask(named.clone().store(session), move |outcome| {
            busy.set(false);
            let Err(error) = outcome else {
                return on_done.run(named);
            };
            let text = Some((all.errors().call)(&error));
            if failed.is_disposed() || !naming.asks_about(named.session_id) {
                naming.error.set(text);
            } else if error.code() == Some(Code::SessionNameNotAccepted) {
                wrong_name.set(text);
                focus(name);
            } else {
                failed.set(text);
            }
        });
    };
    view! {
        // Only a script can open the dialog, so no browser sends this form by itself.
        <form method="dialog" class="stack" novalidate on:submit=submit>
            <FormError text=failed/>
            <TextField
                label=words.name
                name="session-name"
                autocomplete="off"
                autocapitalize="sentences"
                node=name
                hint=Signal::derive(move || Some(words.name_hint.to_owned()))
                error=wrong_name
                on_type=move |_| wrong_name.set(None)
            />
            <div class="cluster">
                <Button on_press=on_cancel text=all.end_sessions().cancel/>
                <SubmitButton
                    busy
                    text=Signal::derive(move || {
                        if busy.get() { words.saving } else { words.save }.to_owned()
                    })
                />
            </div>
        </form>
    }
}
