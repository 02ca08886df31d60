use holdfast_client::{CallError, RequireSession, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_meta::Title;

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use super::load_trouble::LoadTrouble;
use super::own_account::own_account;
use crate::components::{
    ForgotPassword, FormError, PageHeading, ShowPassword, Skeleton, SubmitButton, TextField,
};
use crate::focus::focus_heading;
use crate::paths;
use crate::words::Words;

/// Changes the username.
#[component]
pub fn UsernamePage() -> impl IntoView {
    let words = Words::of_page().username();
    // This signal is outside of the form, because the form is built again for another
    // account.
    let done = RwSignal::new(None::<String>);
    view! {
        <Title text=words.heading/>
        <div class="center narrow stack needs-session">
            <PageHeading text=words.heading/>
            <p class="status-line" role="status">
                {move || done.get().map(|username| (words.done)(&username))}
            </p>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <UsernameForm done/>
                <p class="aside">{words.aside}</p>
            </RequireSession>
        </div>
    }
}

/// The mistakes, for each field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Mistakes {
    username: Option<String>,
    password: Option<String>,
    form: Option<String>,
}

#[component]
fn UsernameForm(done: RwSignal<Option<String>>) -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.username(), all.fields());
    let session = use_session();
    let (account, present) = own_account();
    let username = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let asker = Asker::here();
    let mistakes = RwSignal::new(Mistakes::default());
    // After the change, a link takes the place of the form.
    let is_over = RwSignal::new(false);
    let tell = move |found: Mistakes| {
        if found.username.is_some() {
            focus(username);
        } else if found.password.is_some() {
            focus(password);
        }
        mistakes.set(found);
    };

    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        if busy.get_untracked() {
            return;
        }
        done.set(None);
        let (typed, secret) = (value(username), value(password));
        // The keyboard of a phone adds a space after a word.
        let name = typed.trim().to_owned();
        let found = Mistakes {
            username: wrong_name(all, &name, &present.read_untracked()),
            password: secret.is_empty().then(|| fields.enter_password.to_owned()),
            form: None,
        };
        let any = found != Mistakes::default();
        tell(found);
        if any {
            return;
        }
        hide(password, show);
        busy.set(true);
        let sent = Secret::from(secret);
        let call = session.change_username(name, sent.clone());
        asker.ask(call, move |outcome| {
            busy.set(false);
            match outcome {
                Ok(account_now) => {
                    empty(username, &typed);
                    empty(password, sent.expose());
                    done.set(Some(account_now.username.clone()));
                    account.update(|account| *account = account_now);
                    // What the person has typed meanwhile stays.
                    if value(username).is_empty() && value(password).is_empty() {
                        is_over.set(true);
                        // The button with the focus disappears.
                        focus_heading();
                    }
                }
                Err(error) => {
                    if error.code() == Some(Code::InvalidCredentials) {
                        // The person has to type a wrong password again.
                        empty(password, sent.expose());
                    }
                    tell(answered(all, &error));
                }
            }
        });
    };

    view! {
        <LoadTrouble of=account/>
        <form
            method="post"
            action=paths::USERNAME
            class="card stack"
            novalidate
            hidden=move || is_over.get()
            on:submit=submit
        >
            <Show
                when=move || !present.read().is_empty()
                fallback=move || account.error().is_none().then(|| view! { <Skeleton lines=1/> })
            >
                <p class="present-username">
                    {words.present_before} <strong>{move || present.get()}</strong> {words.present_after}
                </p>
            </Show>
            <FormError text=Signal::derive(move || mistakes.get().form)/>
            <TextField
                label=words.new
                name="username"
                autocomplete="username"
                inputmode="email"
                node=username
                hint=Signal::derive(move || Some(all.rules().username_hint.to_owned()))
                error=Signal::derive(move || mistakes.get().username)
                on_type=move |_| mistakes.update(|mistakes| mistakes.username = None)
            />
            <TextField
                label=fields.password
                name="password"
                autocomplete="current-password"
                show
                node=password
                error=Signal::derive(move || mistakes.get().password)
                on_type=move |_| mistakes.update(|mistakes| mistakes.password = None)
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
        <p hidden=move || !is_over.get()>
            <a class="button" href=paths::ACCOUNT>{all.account().heading}</a>
        </p>
    }
}

/// What is wrong with the typed name.
fn wrong_name(words: Words, typed: &str, present: &str) -> Option<String> {
    if !typed.is_empty() && typed == present {
        return Some(words.username().is_present.to_owned());
    }
    Username::parse(typed).err().map(words.rules().username)
}

/// The mistakes that the server's answer names.
fn answered(words: Words, error: &CallError) -> Mistakes {
    let text = Some((words.errors().call)(error));
    match error.code() {
        Some(Code::UsernameTaken) => Mistakes {
            username: Some(words.username().taken.to_owned()),
            ..Mistakes::default()
        },
        Some(Code::UsernameNotAccepted) => Mistakes {
            username: text,
            ..Mistakes::default()
        },
        Some(Code::InvalidCredentials) => Mistakes {
            password: Some(words.fields().not_your_password.to_owned()),
            ..Mistakes::default()
        },
        _ if *error == CallError::NotKnown => Mistakes {
            form: Some(words.username().not_known.to_owned()),
            ..Mistakes::default()
        },
        _ => Mistakes {
            form: text,
            ..Mistakes::default()
        },
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::Problem;

    use super::*;

    #[test]
    fn the_name_until_now_is_no_new_name_but_another_spelling_is() {
        let wrong_name = |typed, present| wrong_name(Words::ENGLISH, typed, present);
        assert!(wrong_name("ada", "ada").is_some_and(|why| why.contains("already")));
        assert_eq!(wrong_name("Ada", "ada"), None);
        assert!(wrong_name("", "").is_some());
        assert!(wrong_name("a", "ada").is_some());
    }

    #[test]
    fn each_answer_is_told_at_its_field() {
        let of = |code| {
            answered(
                Words::ENGLISH,
                &CallError::Problem(Problem::new(code, "why")),
            )
        };
        assert!(of(Code::UsernameTaken).username.is_some());
        assert_eq!(
            of(Code::UsernameNotAccepted).username.as_deref(),
            Some("why")
        );
        assert!(of(Code::InvalidCredentials).password.is_some());
        assert_eq!(of(Code::TooManyAttempts).form.as_deref(), Some("why"));
        let not_known = answered(Words::ENGLISH, &CallError::NotKnown)
            .form
            .unwrap_or_default();
        assert!(not_known.contains("Try again"), "{not_known}");
    }
}
