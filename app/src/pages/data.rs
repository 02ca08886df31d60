use holdfast_client::{CallError, Method, RequireSession, use_session};
use holdfast_protocol::problem::Code;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::username::Username;
use holdfast_protocol::wire::{Account, DeleteAccount, paths as api};
use leptos::ev::SubmitEvent;
use leptos::html::Input;
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::use_navigate;

use super::asker::Asker;
use super::credentials::{empty, focus, hide, value};
use crate::components::{
    Button, Card, FormError, HiddenUsername, Kind, PageHeading, ShowPassword, Skeleton,
    SubmitButton, TextField,
};
use crate::paths;

/// The name of the file that the person gets.
const FILE_NAME: &str = "holdfast-data.json";

/// Gives the person a copy of everything that is stored, and deletes the account.
#[component]
pub fn DataPage() -> impl IntoView {
    view! {
        <Title text="Your data"/>
        <div class="center narrow stack">
            <PageHeading text="Your data"/>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <Copy/>
                <Delete/>
            </RequireSession>
        </div>
    }
}

/// The button for the file.
#[component]
fn Copy() -> impl IntoView {
    let session = use_session();
    let asker = Asker::here();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let done = RwSignal::new(false);
    let copy = move || {
        busy.set(true);
        error.set(None);
        done.set(false);
        let call = async move {
            let api = session.api();
            let answer = api.request(Method::GET, api::ACCOUNT_DATA).send().await?;
            answer.download(FILE_NAME)
        };
        asker.ask(call, move |outcome| {
            busy.set(false);
            match outcome {
                Ok(()) => done.set(true),
                Err(why) => error.set(Some(why.to_string())),
            }
        });
    };
    view! {
        <Card id="copy-card" heading="Take a copy">
            <p>
                "The file has everything that is stored about you: your name, your sessions and "
                "your activity. It has no password and no code."
            </p>
            <FormError text=error/>
            <div>
                <Button
                    on_press=copy
                    busy
                    text=Signal::derive(move || {
                        if busy.get() { "Collecting your data…" } else { "Download your data" }
                            .to_owned()
                    })
                />
            </div>
            <p class="hint" role="status">
                {move || done.get().then(|| format!("Your browser has saved {FILE_NAME}."))}
            </p>
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

/// The form that deletes the account. The person types the name, because nobody does that by mistake,
/// and the password, because somebody else may sit in front of the browser.
#[component]
fn Delete() -> impl IntoView {
    let session = use_session();
    let account = session.resource(|api| async move { api.get::<Account>(api::ACCOUNT).await });
    let username = Memo::new(move |_| match account.get() {
        Some(Ok(account)) => account.username,
        _ => String::new(),
    });
    let name = NodeRef::<Input>::new();
    let password = NodeRef::<Input>::new();
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    let asker = Asker::here();
    let navigate = use_navigate();
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
            name: wrong_name(&typed, &username.read_untracked()),
            password: secret.is_empty().then(|| "Enter your password.".to_owned()),
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
        let request = DeleteAccount {
            password: sent.clone(),
        };
        let navigate = navigate.clone();
        let call = async move { session.api().delete_with(api::ACCOUNT, &request).await };
        asker.ask(call, move |outcome| {
            busy.set(false);
            let Err(error) = outcome else {
                navigate("/", NavigateOptions::default());
                // The session is over, and this call lets the client notice it. Then every page says
                // that the account has been deleted.
                leptos::task::spawn_local(async move {
                    let _ = session.api().get::<Account>(api::ACCOUNT).await;
                });
                return;
            };
            if error.code() == Some(Code::InvalidCredentials) {
                // The person has to type a wrong password again.
                empty(password, sent.expose());
                return tell(Mistakes {
                    password: Some("This is not your password.".to_owned()),
                    ..Mistakes::default()
                });
            }
            let form = match &error {
                CallError::Unreachable { .. } => format!(
                    "{error} The server may have deleted your account. Try again: if it is deleted, \
                     this page will say so."
                ),
                _ => error.to_string(),
            };
            tell(Mistakes {
                form: Some(form),
                ..Mistakes::default()
            });
        });
    };

    view! {
        <Card id="delete-card" heading="Delete your account">
            <p>
                "This deletes your account, your sessions in all browsers, your recovery code and your "
                "activity. Nobody can bring them back. Everybody may take your name afterwards."
            </p>
            <form method="post" action=paths::DATA class="stack" novalidate on:submit=submit>
                <FormError text=Signal::derive(move || mistakes.get().form)/>
                <TextField
                    label="Your username, typed again"
                    name="confirm"
                    autocomplete="off"
                    node=name
                    hint=Signal::derive(move || {
                        let username = username.get();
                        (!username.is_empty()).then(|| format!("Type {username}."))
                    })
                    error=Signal::derive(move || mistakes.get().name)
                    on_type=move |_| mistakes.update(|mistakes| mistakes.name = None)
                />
                <HiddenUsername username/>
                <TextField
                    label="Password"
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
                        if busy.get() { "Deleting your account…" } else { "Delete my account" }
                            .to_owned()
                    })
                />
            </form>
        </Card>
    }
}

/// What is wrong with the typed name. Letter case does not matter, as at a sign-in.
fn wrong_name(typed: &str, username: &str) -> Option<String> {
    let key = |text: &str| Username::parse(text.trim()).map(|name| name.key()).ok();
    let is_right = key(typed).is_some() && key(typed) == key(username);
    (!is_right).then(|| match username {
        "" => "Your name has not arrived yet. Load this page again.".to_owned(),
        username => format!("Type your username: {username}."),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_name_of_the_account_deletes_it() {
        for typed in ["Ada", "ada", " ADA "] {
            assert_eq!(wrong_name(typed, "Ada"), None, "{typed}");
        }
        for typed in ["", "ad", "eve", "ada lovelace"] {
            let wrong = wrong_name(typed, "Ada").unwrap_or_default();
            assert_eq!(wrong, "Type your username: Ada.", "{typed}");
        }
        assert!(wrong_name("", "").is_some_and(|why| why.contains("not arrived")));
    }
}
