//! Ends other sessions of the account, after the person has confirmed the password.

use std::collections::HashSet;

use holdfast_client::{CallError, Method, Session, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::{EndSessions, EndedCount, SessionInfo, paths};
use leptos::ev::SubmitEvent;
use leptos::html::{self, Input};
use leptos::prelude::*;
use uuid::Uuid;

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use super::own_account::own_account;
use crate::components::{
    Button, Dialog, ForgotPassword, FormError, HiddenUsername, Kind, ShowPassword, SubmitButton,
    TextField,
};
use crate::words::Words;

/// What a person may want to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Which {
    One(Uuid),
    AllOthers,
}

impl Which {
    /// Whether this ends the session.
    pub(super) fn holds(self, session: &SessionInfo) -> bool {
        match self {
            Self::One(session_id) => session.session_id == session_id,
            Self::AllOthers => !session.current,
        }
    }

    async fn end(self, session: Session, password: Secret) -> Result<(), CallError> {
        let body = EndSessions { password };
        let api = session.api();
        match self {
            Self::One(session_id) => {
                let path = format!("{}/{session_id}", paths::SESSIONS);
                match api.delete_with(&path, &body).await {
                    // The session is over. A proxy may have sent the request twice.
                    Err(error) if error.code() == Some(Code::NotFound) => Ok(()),
                    outcome => outcome,
                }
            }
            Self::AllOthers => {
                let path = format!("{}?keep_current=true", paths::SESSIONS);
                let request = api.request(Method::DELETE, &path).json(&body);
                request.send().await?.json::<EndedCount>().map(drop)
            }
        }
    }
}

/// The question that is open, and the calls that are under way.
#[derive(Clone, Copy)]
pub(super) struct Endings {
    asked: RwSignal<Option<(Which, String)>>,
    under_way: RwSignal<HashSet<Which>>,
    /// Why a call failed whose dialog the person has closed meanwhile.
    error: RwSignal<Option<(Which, String)>>,
}

impl Endings {
    pub(super) fn new() -> Self {
        Self {
            asked: RwSignal::new(None),
            under_way: RwSignal::default(),
            error: RwSignal::new(None),
        }
    }

    /// Opens the dialog with this question.
    pub(super) fn ask(self, which: Which, question: String) {
        self.error.set(None);
        self.asked.set(Some((which, question)));
    }

    pub(super) fn is_under_way(self, which: Which) -> Signal<bool> {
        Signal::derive(move || self.under_way.read().contains(&which))
    }

    pub(super) fn error(self) -> Signal<Option<String>> {
        Signal::derive(move || self.error.get().map(|(_, text)| text))
    }

    /// The error, if the call was about this.
    pub(super) fn error_about(self, which: Which) -> Signal<Option<String>> {
        Signal::derive(move || {
            let about = self.error.get().filter(|(about, _)| *about == which);
            about.map(|(_, text)| text)
        })
    }

    fn asks_about(self, which: Which) -> bool {
        self.asked
            .with_untracked(|asked| asked.as_ref().is_some_and(|(asked, _)| *asked == which))
    }
}

/// The dialog that asks for the password and then ends the sessions.
#[component]
pub(super) fn EndDialog(
    /// What it asks.
    endings: Endings,
    /// Called after the sessions are ended.
    #[prop(into)]
    on_done: Callback<Which>,
) -> impl IntoView {
    let dialog = NodeRef::<html::Dialog>::new();
    let password = NodeRef::<Input>::new();
    let close = move || endings.asked.set(None);
    // It belongs to the dialog, because the form may be gone when the answer comes.
    let done = Callback::new(move |which| {
        // The dialog is closed first, because the browser returns the focus then.
        if endings.asks_about(which) {
            close();
            if let Some(dialog) = dialog.get_untracked() {
                dialog.close();
            }
        }
        on_done.run(which);
    });
    let asker = Asker::here();
    view! {
        <Dialog
            question=Signal::derive(move || endings.asked.get().map(|(_, question)| question))
            node=dialog
            first=password
            on_close=close
        >
            <EndForm endings asker password on_done=done on_cancel=close/>
        </Dialog>
    }
}

/// The mistakes of the form.
#[derive(Clone, Default)]
struct Mistakes {
    password: Option<String>,
    form: Option<String>,
}

/// The form in the dialog. `asker` belongs to the dialog, because the form disappears when the person
/// closes the dialog, and the page still has to show the result.
#[component]
fn EndForm(
    endings: Endings,
    asker: Asker,
    password: NodeRef<Input>,
    on_done: Callback<Which>,
    #[prop(into)] on_cancel: Callback<()>,
) -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.end_sessions(), all.fields());
    let session = use_session();
    let (_, username) = own_account();
    let show = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    let busy = Signal::derive(move || {
        let asked = endings.asked.read();
        asked
            .as_ref()
            .is_some_and(|(which, _)| endings.under_way.read().contains(which))
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let Some((which, _)) = endings.asked.get_untracked() else {
            return;
        };
        if busy.get_untracked() {
            return;
        }
        let secret = value(password);
        if secret.is_empty() {
            mistakes.set(Mistakes {
                password: Some(fields.enter_password.to_owned()),
                form: None,
            });
            return focus(password);
        }
        mistakes.set(Mistakes::default());
        hide(password, show);
        endings.under_way.update(|under_way| {
            under_way.insert(which);
        });
        let sent = Secret::from(secret);
        asker.ask(which.end(session, sent.clone()), move |outcome| {
            endings.under_way.update(|under_way| {
                under_way.remove(&which);
            });
            let Err(error) = outcome else {
                return on_done.run(which);
            };
            let is_wrong = error.code() == Some(Code::InvalidCredentials);
            let text = match error.code() {
                Some(Code::InvalidCredentials) => fields.not_your_password.to_owned(),
                // Another person may have an access token of this session and use up its attempts.
                Some(Code::TooManyAttempts) => {
                    format!("{} {}", (all.errors().call)(&error), words.wait_or_sign_in)
                }
                _ => (all.errors().call)(&error),
            };
            if mistakes.is_disposed() || !endings.asks_about(which) {
                return endings.error.set(Some((which, text)));
            }
            if is_wrong {
                // The person has to type a wrong password again.
                empty(password, sent.expose());
                focus(password);
            }
            mistakes.set(if is_wrong {
                Mistakes {
                    password: Some(text),
                    form: None,
                }
            } else {
                Mistakes {
                    password: None,
                    form: Some(text),
                }
            });
        });
    };
    view! {
        // Only a script can open the dialog, so no browser sends this form by itself.
        <form method="dialog" class="stack" novalidate on:submit=submit>
            <p>{words.confirm}</p>
            <FormError text=Signal::derive(move || mistakes.get().form)/>
            <HiddenUsername username/>
            <TextField
                label=fields.password
                name="end-password"
                autocomplete="current-password"
                show
                node=password
                error=Signal::derive(move || mistakes.get().password)
                on_type=move |_| mistakes.update(|mistakes| mistakes.password = None)
            />
            <ShowPassword show/>
            <div class="cluster">
                <Button on_press=on_cancel text=words.cancel/>
                <SubmitButton
                    kind=Kind::Danger
                    busy
                    text=Signal::derive(move || {
                        if busy.get() { words.submitting } else { words.submit }.to_owned()
                    })
                />
            </div>
            // On some pages the dialog would stay open above the next page.
            <ForgotPassword on_follow=on_cancel/>
        </form>
    }
}
