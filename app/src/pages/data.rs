use std::time::Duration;

use holdfast_client::{CallError, Method, RequireSession, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::paths as api;
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_meta::Title;

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use super::data_files::{Copies, DataFile};
use super::load_trouble::LoadTrouble;
use super::own_account::own_account;
use crate::components::{
    Button, Card, FormError, HiddenUsername, Kind, PageHeading, ShowPassword, Skeleton,
    SubmitButton, TextField,
};
use crate::paths;
use crate::words::Words;

/// How long the file may take. The server gives up after five minutes.
const PATIENCE: Duration = Duration::from_secs(280);

/// For how long a message disappears before it is told again.
const A_MOMENT: Duration = Duration::from_millis(100);

/// Gives the person a copy of everything that is stored, and deletes the account.
#[component]
pub fn DataPage() -> impl IntoView {
    let words = Words::of_page().data();
    view! {
        <Title text=words.heading/>
        <div class="center narrow stack needs-session">
            <PageHeading text=words.heading/>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Copy/>
                <Delete/>
            </RequireSession>
        </div>
    }
}

/// The button for the copy, and after that the buttons for both files. The person sees them as long as the
/// page is theirs: with the component, the files are forgotten.
#[component]
fn Copy() -> impl IntoView {
    let all = Words::of_page();
    let words = all.data();
    let session = use_session();
    let asker = Asker::here();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let copies = RwSignal::new(None::<Copies>);
    let saved = RwSignal::new(None::<DataFile>);
    let save = move |file: DataFile| {
        copies.with_untracked(|copies| {
            if let Some(copies) = copies {
                copies.save(file);
            }
        });
        // A text that stays the same is not announced, so it disappears for a moment.
        saved.set(None);
        set_timeout(
            move || {
                saved.try_set(Some(file));
            },
            A_MOMENT,
        );
    };
    let copy = move || {
        busy.set(true);
        error.set(None);
        saved.set(None);
        let request = session.api().request(Method::GET, api::ACCOUNT_DATA);
        // The file is saved only if the person still sees this page. The next person at this browser
        // must not get it.
        asker.ask(request.patience(PATIENCE).send(), move |answer| {
            busy.set(false);
            match answer.and_then(|answer| Copies::of(&answer, all)) {
                Ok(made) => {
                    copies.set(Some(made));
                    save(DataFile::ToRead);
                }
                Err(why) => error.set(Some((all.errors().call)(&why))),
            }
        });
    };
    view! {
        <Card id="copy-card" heading=words.copy>
            <p>{words.copy_lead}</p>
            <FormError text=error/>
            <div>
                <Button
                    on_press=copy
                    busy
                    text=Signal::derive(move || {
                        if busy.get() { words.copy_submitting } else { words.copy_submit }.to_owned()
                    })
                />
            </div>
            <p class="status-line" role="status">
                {move || saved.get().map(|file| (words.copied)(file.name()))}
            </p>
            <Show when=move || copies.read().is_some()>
                <p>{words.copies_lead}</p>
                <div class="cluster">
                    <Button
                        on_press=move || save(DataFile::ToRead)
                        text=words.copy_to_read
                    />
                    <Button
                        on_press=move || save(DataFile::ForPrograms)
                        text=words.copy_for_programs
                    />
                </div>
            </Show>
        </Card>
    }
}

/// The mistakes, for each field.
#[derive(Clone, Default)]
struct Mistakes {
    name: Option<String>,
    password: Option<String>,
    form: Option<String>,
}

/// The form that deletes the account. The typed name guards against a mistake, and the password against
/// another person at this browser.
#[component]
fn Delete() -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.data(), all.fields());
    let session = use_session();
    let (account, username) = own_account();
    let name = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    let asker = Asker::here();
    let tell = move |found: Mistakes| {
        if found.name.is_some() {
            focus(name);
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
        let (typed, secret) = (value(name), value(password));
        let found = Mistakes {
            name: wrong_name(all, &typed, &username.read_untracked()),
            password: secret.is_empty().then(|| fields.enter_password.to_owned()),
            form: None,
        };
        let any = found.name.is_some() || found.password.is_some();
        tell(found);
        if any {
            return;
        }
        hide(password, show);
        busy.set(true);
        let sent = Secret::from(secret);
        // The form disappears with the session, if the account is deleted. Then every page says so.
        asker.ask(session.delete_account(sent.clone()), move |outcome| {
            busy.set(false);
            let Err(error) = outcome else { return };
            if error.code() == Some(Code::InvalidCredentials) {
                // The person has to type a wrong password again.
                empty(password, sent.expose());
                return tell(Mistakes {
                    password: Some(fields.not_your_password.to_owned()),
                    ..Mistakes::default()
                });
            }
            let text = (all.errors().call)(&error);
            let form = if may_be_done(&error) {
                format!("{text} {}", words.may_be_deleted)
            } else {
                text
            };
            tell(Mistakes {
                form: Some(form),
                ..Mistakes::default()
            });
        });
    };

    view! {
        <Card id="delete-card" heading=words.delete>
            <p>{words.delete_lead}</p>
            <LoadTrouble of=account/>
            <form method="post" action=paths::DATA class="stack" novalidate on:submit=submit>
                <FormError text=Signal::derive(move || mistakes.get().form)/>
                <TextField
                    label=words.confirm
                    name="confirm"
                    autocomplete="off"
                    inputmode="email"
                    node=name
                    hint=Signal::derive(move || {
                        let username = username.get();
                        (!username.is_empty()).then(|| (words.confirm_hint)(&username))
                    })
                    error=Signal::derive(move || mistakes.get().name)
                    on_type=move |_| mistakes.update(|mistakes| mistakes.name = None)
                />
                <HiddenUsername username/>
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
                <SubmitButton
                    kind=Kind::Danger
                    busy
                    text=Signal::derive(move || {
                        if busy.get() { words.submitting } else { words.submit }.to_owned()
                    })
                />
            </form>
        </Card>
    }
}

/// Whether the server may have deleted the account, although this was the answer.
fn may_be_done(error: &CallError) -> bool {
    match error {
        CallError::Unreachable { .. } => true,
        CallError::Problem(problem) => problem.status >= 500,
        _ => false,
    }
}

/// What is wrong with the typed name. Letter case does not matter, as at a sign-in.
fn wrong_name(words: Words, typed: &str, username: &str) -> Option<String> {
    let key = |text: &str| Username::parse(text.trim()).map(|name| name.key()).ok();
    let is_right = key(typed).is_some() && key(typed) == key(username);
    (!is_right).then(|| match username {
        "" => words.data().no_name_yet.to_owned(),
        username => (words.data().confirm_wrong)(username),
    })
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::Problem;

    use super::*;

    #[test]
    fn only_an_answer_that_says_so_means_that_the_account_is_there() {
        let problem = |code| CallError::Problem(Problem::new(code, ""));
        assert!(may_be_done(&CallError::Unreachable { answered: true }));
        assert!(may_be_done(&problem(Code::TemporarilyUnavailable)));
        assert!(may_be_done(&problem(Code::Internal)));
        assert!(!may_be_done(&problem(Code::TooManyAttempts)));
        assert!(!may_be_done(&problem(Code::InvalidCredentials)));
    }

    #[test]
    fn only_the_name_of_the_account_deletes_it() {
        let wrong_name = |typed, username| wrong_name(Words::ENGLISH, typed, username);
        for typed in ["Ada", "ada", " ADA "] {
            assert_eq!(wrong_name(typed, "Ada"), None, "{typed}");
        }
        for typed in ["", "ad", "eve", "ada lovelace"] {
            let wrong = wrong_name(typed, "Ada").unwrap_or_default();
            assert_eq!(wrong, "Type your username: Ada", "{typed}");
        }
        assert!(wrong_name("", "").is_some_and(|why| why.contains("not arrived")));
    }
}
