use holdfast_client::{CallError, RequireSession, use_session};
use holdfast_protocol::password;
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::ChangePassword;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use super::new_password::new_password_hint;
use super::own_account::own_account;
use crate::components::{
    ForgotPassword, FormError, HiddenUsername, PageHeading, ShowPassword, Skeleton, SubmitButton,
    TextField,
};
use crate::focus::focus_heading;
use crate::paths;
use crate::put_out::PutOut;
use crate::words::Words;

/// Changes the password and ends all other sessions.
#[component]
pub fn PasswordPage() -> impl IntoView {
    let words = Words::of_page().password();
    // This signal is outside of the form, because the form is built again for another
    // account.
    let done = RwSignal::new(false);
    // Whether «It was not me» has led the person to that change.
    let by_notice = RwSignal::new(false);
    let is_notice_over = move || done.get() && by_notice.get();
    let search = use_location().search;
    let put_out = PutOut::here();
    view! {
        <Title text=words.heading/>
        <div class="center narrow stack needs-session">
            <PageHeading text=words.heading/>
            <p class="status-line" role="status">
                {move || done.get().then_some(words.done)}
            </p>
            <Show when=move || search.get() == paths::NOT_ME && !done.get()>
                <p class="notice">{move || {
                    let name = put_out.name();
                    (words.not_me)(name.as_deref().unwrap_or(words.other_browser))
                }}</p>
            </Show>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <PasswordForm done by_notice/>
                // After a notice, a button says it.
                <p class="aside" hidden=is_notice_over>
                    {words.was_known_before}
                    <a href=paths::RECOVERY_CODE>
                        {move || if done.get() { words.was_known_now } else { words.was_known_link }}
                    </a>
                    {words.was_known_after}
                </p>
            </RequireSession>
        </div>
    }
}

/// The mistakes, for each field.
#[derive(Clone, Default)]
struct Mistakes {
    current: Option<String>,
    new: Option<String>,
    form: Option<String>,
}

#[component]
fn PasswordForm(done: RwSignal<bool>, by_notice: RwSignal<bool>) -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.password(), all.fields());
    let session = use_session();
    // The rule that a password must not be the username needs the name, and password managers
    // store the new password under it.
    let (_, username) = own_account();
    let current = NodeRef::<Input>::new();
    let new = NodeRef::<Input>::new();
    let typed = RwSignal::new(String::new());
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let asker = Asker::here();
    let mistakes = RwSignal::new(Mistakes::default());
    // After the change, a link takes the place of the form. A notice may lead the person here again, and
    // then there is another change to make.
    let is_over = RwSignal::new(false);
    let (search, put_out) = (use_location().search, PutOut::here());
    let navigate = use_navigate();
    Effect::new(move |before: Option<()>| {
        put_out.track();
        if search.get() == paths::NOT_ME && before.is_some() {
            done.set(false);
            is_over.set(false);
        }
    });
    let tell = move |found: Mistakes| {
        let first = match &found {
            Mistakes {
                current: Some(_), ..
            } => Some(current),
            Mistakes { new: Some(_), .. } => Some(new),
            _ => None,
        };
        mistakes.set(found);
        if let Some(first) = first {
            focus(first);
        }
    };

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        done.set(false);
        let (old, wanted) = (value(current), value(new));
        let found = Mistakes {
            current: old.is_empty().then(|| fields.enter_password.to_owned()),
            new: password::check(&wanted, &username.read_untracked())
                .err()
                .map(all.rules().password),
            form: None,
        };
        let any = found.current.is_some() || found.new.is_some();
        tell(found);
        if any {
            return;
        }
        hide(current, show);
        hide(new, show);
        busy.set(true);
        let (old, wanted) = (Secret::from(old), Secret::from(wanted));
        let request = ChangePassword {
            current_password: old.clone(),
            new_password: wanted.clone(),
        };
        let navigate = navigate.clone();
        let then = move |outcome: Result<(), CallError>| {
            busy.set(false);
            let empty_both = || {
                empty(current, old.expose());
                empty(new, wanted.expose());
                typed.set(value(new));
            };
            let Err(error) = outcome else {
                empty_both();
                let is_answer = search.get_untracked() == paths::NOT_ME;
                by_notice.set(is_answer);
                done.set(true);
                put_out.forget();
                // The way back to this page must not lead to the alarm again.
                if is_answer {
                    let options = NavigateOptions {
                        replace: true,
                        scroll: false,
                        ..NavigateOptions::default()
                    };
                    navigate(paths::PASSWORD, options);
                }
                // What the person has typed meanwhile stays.
                if value(current).is_empty() && value(new).is_empty() {
                    is_over.set(true);
                    // The button with the focus disappears.
                    focus_heading();
                }
                return;
            };
            // The person has to type a wrong password again.
            if error.code() == Some(Code::InvalidCredentials) {
                empty(current, old.expose());
            }
            if error == CallError::Overtaken {
                empty_both();
                // The top of the page says what was done, because this form will disappear.
                return;
            }
            let text = Some((all.errors().call)(&error));
            tell(match error.code() {
                Some(Code::InvalidCredentials) => Mistakes {
                    current: Some(words.wrong.to_owned()),
                    ..Mistakes::default()
                },
                Some(Code::PasswordNotAccepted) => Mistakes {
                    new: text,
                    ..Mistakes::default()
                },
                _ => Mistakes {
                    form: text,
                    ..Mistakes::default()
                },
            });
        };
        // The person may have left this page.
        let gone = move |outcome| session.password_form_is_gone(&outcome);
        asker.ask_or(session.change_password(request), then, gone);
    };

    view! {
        <form
            method="post"
            action=paths::PASSWORD
            class="card stack"
            novalidate
            hidden=move || is_over.get()
            on:submit=submit
        >
            <HiddenUsername username/>
            <FormError text=Signal::derive(move || mistakes.get().form)/>
            <TextField
                label=words.current
                name="current_password"
                autocomplete="current-password"
                show
                node=current
                error=Signal::derive(move || mistakes.get().current)
            />
            <TextField
                label=fields.new_password
                name="new_password"
                autocomplete="new-password"
                show
                node=new
                hint=new_password_hint(typed, username.into())
                error=Signal::derive(move || mistakes.get().new)
                on_type=move |text| typed.set(text)
            />
            <ShowPassword show/>
            <ForgotPassword on_follow=|| ()/>
            <SubmitButton
                busy
                text=Signal::derive(move || {
                    if busy.get() { words.submitting } else { words.submit }.to_owned()
                })
            />
        </form>
        <div class="stack" hidden=move || !is_over.get()>
            <p hidden=move || !by_notice.get()>{words.new_code_why}</p>
            <div class="cluster">
                <Show when=move || by_notice.get()>
                    <a class="button button-primary" href=paths::RECOVERY_CODE>{words.new_code}</a>
                </Show>
                <a class="button" href=paths::ACCOUNT>{all.account().heading}</a>
            </div>
        </div>
    }
}
