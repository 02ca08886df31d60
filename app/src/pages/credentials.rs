//! The parts that the sign-in form and the sign-up form share.

use futures::future::LocalBoxFuture;
use holdfast_client::{CallError, Session, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use crate::carried_name::CarriedName;
use crate::components::{CheckField, FormError, ShowPassword, SubmitButton, TextField};
use crate::paths;
use crate::way_back::{after_sign_in, hand_on};
use crate::words::Words;

/// The differences between the two forms.
#[derive(Clone, Copy)]
pub(super) struct Credentials {
    /// The address for a form that is sent before the client has started.
    pub(super) action: &'static str,
    /// For the field with the username. `webauthn` lets a browser offer passkeys there (HTML Standard
    /// §4.10.18.7.1).
    pub(super) username_autocomplete: &'static str,
    /// `current-password` or `new-password`, for password managers.
    pub(super) autocomplete: &'static str,
    pub(super) username_hint: Option<&'static str>,
    /// What there is to say about the password that is typed, for the name in the other field.
    pub(super) password_hint: fn(RwSignal<String>, Signal<String>) -> Signal<Option<String>>,
    /// Mistakes that the client finds before it sends the form.
    pub(super) check: fn(Words, &str, &str) -> Mistakes,
    pub(super) send: fn(Session, String, Secret, bool) -> Sent,
    /// Takes the answer if the form is gone.
    pub(super) gone: fn(Session, &Result<(), CallError>),
    /// Mistakes that the server's answer names.
    pub(super) answered: fn(Words, &CallError) -> Mistakes,
    pub(super) submit: &'static str,
    pub(super) submitting: &'static str,
}

pub(super) type Sent = LocalBoxFuture<'static, Result<(), CallError>>;

/// A username, a password, and whether to stay signed in.
#[component]
pub(super) fn CredentialsForm(form: Credentials) -> impl IntoView {
    let words = Words::of_page();
    let fields = words.fields();
    let session = use_session();
    let username = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let remember = NodeRef::<Input>::new();
    let typed_name = RwSignal::new(String::new());
    let typed_password = RwSignal::new(String::new());
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    let asker = Asker::here();
    leave_when_signed_in();
    carry_name(username, typed_name);

    let tell = move |found: Mistakes| {
        mistakes.set(found.clone());
        found.focus(username, password);
    };
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        let (typed, secret) = (value(username), value(password));
        // The keyboard of a phone adds a space after a word.
        let name = typed.trim().to_owned();
        let found = (form.check)(words, &name, &secret);
        let any = found.any();
        tell(found);
        if any {
            return;
        }
        let remember = remember.get_untracked().is_none_or(|field| field.checked());
        hide(password, show);
        busy.set(true);
        let secret = Secret::from(secret);
        let sent = (form.send)(session, name, secret.clone(), remember);
        let empty_password = move || {
            empty(password, secret.expose());
            typed_password.set(value(password));
        };
        let then = move |outcome: Result<(), CallError>| {
            busy.set(false);
            let Err(error) = outcome else {
                empty(username, &typed);
                empty_password();
                return;
            };
            // The person has to type a wrong password again.
            if error.code() == Some(Code::InvalidCredentials) {
                empty_password();
            }
            tell((form.answered)(words, &error));
        };
        asker.ask_or(sent, then, move |outcome| (form.gone)(session, &outcome));
    };

    view! {
        <form method="post" action=form.action class="stack" novalidate on:submit=submit>
            <FormError text=Signal::derive(move || mistakes.get().form)/>
            <TextField
                label=fields.username
                name="username"
                autocomplete=form.username_autocomplete
                inputmode="email"
                node=username
                hint=Signal::derive(move || form.username_hint.map(str::to_owned))
                error=Signal::derive(move || mistakes.get().username)
                on_type=move |typed: String| {
                    typed_name.set(typed.trim().to_owned());
                    mistakes.update(|mistakes| mistakes.username = None);
                }
            />
            <TextField
                label=fields.password
                name="password"
                autocomplete=form.autocomplete
                show
                node=password
                hint=(form.password_hint)(typed_password, typed_name.into())
                error=Signal::derive(move || mistakes.get().password)
                on_type=move |typed| {
                    typed_password.set(typed);
                    mistakes.update(|mistakes| mistakes.password = None);
                }
            />
            <ShowPassword show/>
            <CheckField
                label=fields.remember
                name="remember"
                hint=fields.remember_hint
                node=remember
            />
            <SubmitButton
                busy
                text=Signal::derive(move || {
                    if busy.get() { form.submitting } else { form.submit }.to_owned()
                })
            />
        </form>
    }
}

/// The mistakes of a form, for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Mistakes {
    pub(super) username: Option<String>,
    pub(super) password: Option<String>,
    pub(super) form: Option<String>,
}

impl Mistakes {
    /// Assigns the server's answer to the field that it is about.
    pub(super) fn of(words: Words, error: &CallError) -> Self {
        let text = Some((words.errors().call)(error));
        match error.code() {
            Some(Code::UsernameTaken | Code::UsernameNotAccepted) => Self {
                username: text,
                ..Self::default()
            },
            Some(Code::PasswordNotAccepted) => Self {
                password: text,
                ..Self::default()
            },
            _ => Self {
                form: text,
                ..Self::default()
            },
        }
    }

    fn any(&self) -> bool {
        *self != Self::default()
    }

    /// Moves the focus to the first field with a mistake. If the mistake belongs to no field,
    /// this is the password, because people mostly correct it there.
    fn focus(&self, username: NodeRef<Input>, password: NodeRef<Input>) {
        if self.username.is_some() {
            focus(username);
        } else if self.any() {
            focus(password);
        }
    }
}

pub(super) fn focus(field: NodeRef<Input>) {
    if let Some(field) = field.get_untracked() {
        let _ = field.focus();
    }
}

/// Deletes the text that was sent. What the person has typed since then stays.
pub(super) fn empty(field: NodeRef<Input>, sent: &str) {
    if let Some(field) = field.get_untracked()
        && field.value() == sent
    {
        field.set_value("");
    }
}

/// Hides a password that is shown, before it is sent: a browser would remember what it
/// sends from an ordinary field, and offer it to the next person.
pub(super) fn hide(field: NodeRef<Input>, show: RwSignal<bool>) {
    show.set(false);
    // The element is changed at once, because the signal would reach it after the form was
    // sent.
    if let Some(field) = field.get_untracked() {
        field.set_type("password");
    }
}

/// The present value of a field. A person or a password manager may have entered it.
pub(super) fn value(field: NodeRef<Input>) -> String {
    field
        .get_untracked()
        .map_or_else(String::new, |field| field.value())
}

/// Fills in the name that the person has typed into the form before, and carries the name to the next form.
/// `typed` is the name that the hints know.
pub(super) fn carry_name(field: NodeRef<Input>, typed: RwSignal<String>) {
    let carried = CarriedName::here();
    // The first rendering is the same on the server, so the field is filled in afterwards.
    Effect::new(move |is_filled_in: Option<bool>| {
        let name = typed.get();
        if is_filled_in == Some(true) {
            carried.keep(name);
            return true;
        }
        let Some(field) = field.get() else {
            return false;
        };
        // A link of an operator or the browser may have filled it in before.
        let before = carried.get();
        if field.value().is_empty() && !before.is_empty() {
            field.set_value(&before);
        }
        typed.set(field.value().trim().to_owned());
        true
    });
}

/// Goes to the wanted page as soon as a person is signed in, through this form or in another
/// tab.
fn leave_when_signed_in() {
    let session = use_session();
    let search = use_location().search;
    let navigate = use_navigate();
    Effect::new(move |_| {
        if session.is_signed_in() {
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            let search = search.read_untracked();
            // After a sign-up, the page with the new recovery code comes first.
            let wanted = match session.new_recovery_code() {
                Some(_) => hand_on(paths::RECOVERY_CODE, &search),
                None => after_sign_in(&search),
            };
            navigate(&wanted, options);
        }
    });
}

/// The address of another page, with the way back.
pub(super) fn with_next(page: &'static str) -> impl Fn() -> String + Send + Sync + 'static {
    let search = use_location().search;
    move || hand_on(page, &search.read())
}
