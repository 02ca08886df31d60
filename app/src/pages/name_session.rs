//! Gives the browser of a session a name, or takes the name away.

use std::collections::HashSet;

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

/// The question that is open, and the calls that are under way.
#[derive(Clone, Copy)]
pub(super) struct Naming {
    asked: RwSignal<Option<Asked>>,
    /// How many times a dialog was opened.
    openings: StoredValue<u32>,
    under_way: RwSignal<HashSet<Uuid>>,
    /// Why a call failed whose dialog the person has closed meanwhile.
    error: RwSignal<Option<String>>,
}

/// An open question.
#[derive(Clone)]
struct Asked {
    /// A person may ask about a session again before the answer to the first form comes.
    opening: u32,
    session: SessionInfo,
}

impl Naming {
    pub(super) fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
            openings: StoredValue::new(0),
            under_way: RwSignal::default(),
            error: RwSignal::new(None),
        }
    }

    /// Opens the dialog for this session.
    pub(super) fn ask(self, session: SessionInfo) {
        self.error.set(None);
        self.openings
            .update_value(|openings| *openings = openings.wrapping_add(1));
        self.asked.set(Some(Asked {
            opening: self.openings.get_value(),
            session,
        }));
    }

    pub(super) fn error(self) -> Signal<Option<String>> {
        self.error.into()
    }

    /// Whether the form of this opening is still there.
    fn is_open(self, opening: u32) -> bool {
        self.asked
            .with_untracked(|asked| asked.as_ref().is_some_and(|asked| asked.opening == opening))
    }

    /// Tells an open form about the session what its name is now. A form that was closed may have sent it.
    fn note(self, named: &Named) {
        self.asked.update(|asked| {
            let about = asked.as_mut().map(|asked| &mut asked.session);
            if let Some(session) = about.filter(|about| about.session_id == named.session_id) {
                session.name.clone_from(&named.name);
            }
        });
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
    let done = Callback::new(move |(opening, named): (u32, Named)| {
        // The dialog is closed first, because the browser returns the focus then.
        if naming.is_open(opening) {
            close();
            if let Some(dialog) = dialog.get_untracked() {
                dialog.close();
            }
        } else {
            naming.note(&named);
        }
        on_done.run(named);
    });
    let asker = Asker::here();
    let question = move || {
        let asked = naming.asked.get();
        asked.map(|asked| (words.rename_of)(&all.device(asked.session.device)))
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
    /// Called with the opening of this form and the new name.
    on_done: Callback<(u32, Named)>,
    #[prop(into)] on_cancel: Callback<()>,
) -> impl IntoView {
    let all = Words::of_page();
    let words = all.sessions();
    let session = use_session();
    let busy = Signal::derive(move || {
        let asked = naming.asked.read();
        asked
            .as_ref()
            .is_some_and(|asked| naming.under_way.read().contains(&asked.session.session_id))
    });
    // The server may have stored a name although its answer was lost.
    let may_be_stored = StoredValue::new(false);
    let wrong_name = RwSignal::new(None::<String>);
    let failed = RwSignal::new(None::<String>);
    // The field exists only after the form was made.
    Effect::new(move |_| {
        let asked = naming.asked.get_untracked();
        let present = asked.and_then(|asked| asked.session.name);
        if let (Some(field), Some(present)) = (name.get(), present) {
            field.set_value(&present);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some(Asked {
            opening,
            session: asked,
        }) = naming.asked.get_untracked()
        else {
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
        let session_id = asked.session_id;
        if wanted == asked.name && !may_be_stored.get_value() {
            // There is nothing to store. A person who has pressed the button hears that the name is there.
            return match wanted {
                None => on_cancel.run(()),
                name => on_done.run((opening, Named { session_id, name })),
            };
        }
        may_be_stored.set_value(true);
        naming.under_way.update(|under_way| {
            under_way.insert(session_id);
        });
        let named = Named {
            session_id,
            name: wanted,
        };
        asker.ask(named.clone().store(session), move |outcome| {
            naming.under_way.update(|under_way| {
                under_way.remove(&session_id);
            });
            let Err(error) = outcome else {
                return on_done.run((opening, named));
            };
            let text = Some((all.errors().call)(&error));
            if failed.is_disposed() || !naming.is_open(opening) {
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
