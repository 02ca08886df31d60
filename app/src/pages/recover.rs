use holdfast_client::{BackIn, CallError, use_session};
use holdfast_protocol::password;
use holdfast_protocol::problem::Code;
use holdfast_protocol::recovery_code::RecoveryCode;
use holdfast_protocol::secret::Secret;
use holdfast_protocol::wire::RecoverRequest;
use leptos::ev::SubmitEvent;
use leptos::html::{Input, Textarea};
use leptos::prelude::*;
use leptos_meta::Title;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use super::asker::Asker;
use super::credentials::{carry_name, focus, hide, value, with_next};
use super::keep_code::KeepCode;
use super::new_password::new_password_hint;
use crate::carried_name::CarriedName;
use crate::components::{
    Button, CheckField, CodeField, FormError, PageHeading, ShowPassword, SubmitButton, TextField,
};
use crate::focus::focus_heading;
use crate::paths;
use crate::way_back::{after_sign_in, hand_on};
use crate::words::Words;

/// The way back in for a person who forgot the password: the recovery code and a new password.
#[component]
pub fn RecoverPage() -> impl IntoView {
    let words = Words::of_page().recover();
    let done = RwSignal::new(None::<Done>);
    let carried = CarriedName::here();
    // The person may sign in later, and the account may have another name than the typed one.
    let on_done = move |it: Done| {
        carried.keep(it.username.clone());
        done.set(Some(it));
    };
    let (sign_in, sign_in_now) = (with_next(paths::SIGN_IN), with_next(paths::SIGN_IN));
    let session = use_session();
    // The person may have left the page with the next code, and come back. After the sign-in they see that
    // code again. They may have forgotten the new password, too, so they can have the form.
    let was_done = session.has_recovered() && untrack(|| session.is_anonymous());
    let wants_form = RwSignal::new(false);
    let is_over = Memo::new(move |_| was_done && !wants_form.get());
    let place = use_location();
    // An operator's link fills the form in.
    Effect::new(move |_| {
        if !place.hash.read().is_empty() {
            wants_form.set(true);
        }
    });
    let again = move || {
        wants_form.set(true);
        // The button with the focus disappears.
        focus_heading();
    };
    let search = place.search;
    let navigate = use_navigate();
    // The page may have reloaded for a person who has signed in after a recovery. On the page of
    // the recovery code, they see the next code again and confirm it.
    Effect::new(move |_| {
        if session.is_signed_in()
            && session.new_recovery_code().is_some()
            && done.read_untracked().is_none()
        {
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(
                &hand_on(paths::RECOVERY_CODE, &search.read_untracked()),
                options,
            );
        }
    });
    view! {
        <Title text=words.heading/>
        <div class="center narrow stack">
            <PageHeading text=words.heading/>
            <p class="status-line" role="status">
                {move || (was_done || done.read().is_some()).then_some(words.done)}
            </p>
            <div class="stack" hidden=move || !is_over.get()>
                <p>{words.shown_again}</p>
                <p><a class="button button-primary" href=sign_in_now>{words.sign_in}</a></p>
                <p><Button on_press=again text=words.again/></p>
            </div>
            {move || match done.get() {
                Some(done) => view! { <NextCode done/> }.into_any(),
                None if is_over.get() => ().into_any(),
                None => view! { <RecoverForm on_done/> }.into_any(),
            }}
            // This link leaves the page, and a person who sees the next code would lose the code.
            <p class="aside" hidden=move || is_over.get() || done.read().is_some()>
                {words.remembers} <a href=sign_in>{words.sign_in}</a>
            </p>
            <p class="aside" hidden=move || is_over.get() || done.read().is_some()>
                {words.no_code}
            </p>
        </div>
    }
}

/// A recovery that was done.
#[derive(Clone)]
struct Done {
    /// The present name.
    username: String,
    /// Whether the person has typed another name.
    is_renamed: bool,
    password: Secret,
    /// The next code.
    code: Secret,
}

/// What an operator's link fills in: `#username=…&code=…`.
#[derive(Debug, PartialEq, Eq)]
struct FilledIn {
    username: String,
    code: Secret,
}

impl FilledIn {
    fn from_fragment(fragment: &str) -> Option<Self> {
        let fragment = fragment.trim_start_matches('#');
        if fragment.is_empty() {
            return None;
        }
        let pairs = web_sys::UrlSearchParams::new_with_str(fragment).ok()?;
        Some(Self {
            username: pairs.get("username")?,
            code: Secret::from(pairs.get("code")?),
        })
    }
}

/// The mistakes, for each field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Mistakes {
    username: Option<String>,
    code: Option<String>,
    password: Option<String>,
    form: Option<String>,
}

impl Mistakes {
    /// Mistakes that the page finds before it sends the form.
    fn before(words: Words, username: &str, code: &str, password: &str) -> Self {
        let fields = words.fields();
        Self {
            username: username
                .is_empty()
                .then(|| fields.enter_username.to_owned()),
            code: RecoveryCode::parse(code)
                .err()
                .map(words.recover().wrong_code),
            password: password::check(password, username)
                .err()
                .map(words.rules().password),
            form: None,
        }
    }

    /// The same for a form that a link has filled in. The server has one sentence for all wrong codes;
    /// here the person did not type the code.
    fn of_link(words: Words, error: &CallError) -> Self {
        match error.code() {
            Some(Code::InvalidCredentials) => Self {
                form: Some(words.recover().used_link.to_owned()),
                ..Self::default()
            },
            _ => Self::of(words, error),
        }
    }

    /// Assigns the server's answer to the field that it is about.
    fn of(words: Words, error: &CallError) -> Self {
        let text = Some((words.errors().call)(error));
        match error.code() {
            Some(Code::InvalidCredentials) => Self {
                code: Some(words.recover().wrong_name_or_code.to_owned()),
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
}

#[component]
fn RecoverForm(#[prop(into)] on_done: Callback<Done>) -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.recover(), all.fields());
    let session = use_session();
    let asker = Asker::here();
    let username = NodeRef::<Input>::new();
    let code = NodeRef::<Textarea>::new();
    let password = NodeRef::<Input>::new();
    let typed_name = RwSignal::new(String::new());
    let typed = RwSignal::new(String::new());
    let show = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let has_link = RwSignal::new(false);
    let mistakes = RwSignal::new(Mistakes::default());
    let place = use_location();
    let navigate = use_navigate();
    carry_name(username, typed_name);
    // An operator's link fills the form in, and its name wins over one that the person has typed before.
    // Then the name and the code leave the address, so that neither the history of the browser nor a
    // shared address has them.
    Effect::new(move |_| {
        let filled_in = FilledIn::from_fragment(&place.hash.read());
        let (Some(filled_in), Some(name), Some(kept)) = (filled_in, username.get(), code.get())
        else {
            return;
        };
        name.set_value(&filled_in.username);
        typed_name.set(filled_in.username.clone());
        kept.set_value(filled_in.code.expose());
        has_link.set(true);
        let options = NavigateOptions {
            replace: true,
            scroll: false,
            ..NavigateOptions::default()
        };
        let search = place.search.read_untracked();
        navigate(&hand_on(paths::RECOVER, &search), options);
        focus(password);
    });
    let tell = move |found: Mistakes| {
        if found.username.is_some() {
            focus(username);
        } else if found.code.is_some() {
            if let Some(code) = code.get_untracked() {
                let _ = code.focus();
            }
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
        let name = value(username).trim().to_owned();
        let kept = code
            .get_untracked()
            .map_or_else(String::new, |code| code.value());
        let wanted = value(password);
        let found = Mistakes::before(all, &name, &kept, &wanted);
        let any = found != Mistakes::default();
        tell(found);
        if any {
            return;
        }
        hide(password, show);
        busy.set(true);
        let new_password = Secret::from(wanted);
        let request = RecoverRequest {
            username: name.clone(),
            recovery_code: Secret::from(kept),
            new_password: new_password.clone(),
        };
        let then = move |outcome: Result<BackIn, CallError>| {
            busy.set(false);
            match outcome {
                Ok(BackIn {
                    username,
                    recovery_code,
                }) => on_done.run(Done {
                    is_renamed: !username.eq_ignore_ascii_case(&name),
                    username,
                    password: new_password,
                    code: recovery_code,
                }),
                Err(error) if has_link.get_untracked() => tell(Mistakes::of_link(all, &error)),
                Err(error) => tell(Mistakes::of(all, &error)),
            }
        };
        asker.ask_or(session.recover(request), then, move |outcome| {
            session.recovery_form_is_gone(&outcome);
        });
    };
    view! {
        <form method="post" action=paths::RECOVER class="card stack" novalidate on:submit=submit>
            // A person with a link has nothing to enter but the password.
            <p>{move || if has_link.get() { words.filled_in } else { words.lead }}</p>
            <p class="visually-hidden" role="status">
                {move || has_link.get().then_some(words.filled_in)}
            </p>
            <Show when=move || session.is_signed_in()>
                <p class="notice">{words.is_signed_in}</p>
            </Show>
            <FormError text=Signal::derive(move || mistakes.get().form)/>
            <TextField
                label=fields.username
                name="username"
                autocomplete="username"
                inputmode="email"
                node=username
                error=Signal::derive(move || mistakes.get().username)
                on_type=move |typed: String| {
                    typed_name.set(typed.trim().to_owned());
                    mistakes.update(|mistakes| mistakes.username = None);
                }
            />
            <CodeField
                label=words.code
                name="recovery_code"
                node=code
                hint=words.code_hint
                error=Signal::derive(move || mistakes.get().code)
                on_type=move || {
                    has_link.set(false);
                    mistakes.update(|mistakes| mistakes.code = None);
                }
            />
            <TextField
                label=fields.new_password
                name="new_password"
                autocomplete="new-password"
                show
                node=password
                hint=new_password_hint(typed, typed_name.into())
                error=Signal::derive(move || mistakes.get().password)
                on_type=move |text| {
                    typed.set(text);
                    mistakes.update(|mistakes| mistakes.password = None);
                }
            />
            <ShowPassword show/>
            <SubmitButton
                busy
                text=Signal::derive(move || {
                    if busy.get() { words.submitting } else { words.submit }.to_owned()
                })
            />
        </form>
    }
}

/// Shows the next code, signs in with the new password and confirms that the code is kept.
#[component]
fn NextCode(done: Done) -> impl IntoView {
    let all = Words::of_page();
    let (words, fields) = (all.recover(), all.fields());
    let session = use_session();
    let asker = Asker::here();
    let remember = NodeRef::<Input>::new();
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let search = use_location().search;
    let navigate = use_navigate();
    let later = with_next(paths::SIGN_IN);
    let (text, name) = (done.code.expose().to_owned(), done.username.clone());
    let renamed = done.is_renamed.then(|| done.username.clone());
    let kept = move || {
        busy.set(true);
        error.set(None);
        let remember = remember.get_untracked().is_none_or(|field| field.checked());
        let Done {
            username,
            password,
            code,
            ..
        } = done.clone();
        let call = async move {
            session.sign_in(username, password, remember).await?;
            Ok::<_, CallError>(session.confirm_recovery_code(code).await)
        };
        let navigate = navigate.clone();
        asker.ask(call, move |outcome| {
            busy.set(false);
            match outcome {
                // The page has shown another account, so it reloads for the person who has signed
                // in, and hands the code over.
                Ok(Err(CallError::SessionChanged)) => {}
                Ok(confirmed) => {
                    let search = search.read_untracked();
                    let wanted = match confirmed {
                        Ok(()) => after_sign_in(&search),
                        // On that page the person confirms again, or makes another code.
                        Err(_) => hand_on(paths::RECOVERY_CODE, &search),
                    };
                    navigate(&wanted, NavigateOptions::default());
                }
                Err(why) => error.set(Some((all.errors().call)(&why))),
            }
        });
    };
    view! {
        {renamed.map(|name| view! {
            <p class="notice">
                {words.renamed_before} <strong>{name}</strong> {words.renamed_after}
            </p>
        })}
        <p>{words.next_code}</p>
        <KeepCode
            code=text
            username=Signal::stored(name)
            on_kept=move || kept()
            busy
            text=Signal::derive(move || if busy.get() { fields.signing_in } else { fields.sign_in }.to_owned())
            error
            later=Signal::derive(later)
            later_text=words.later
            takes_focus=true
        >
            <CheckField
                label=fields.remember
                name="remember"
                hint=fields.remember_hint
                node=remember
            />
        </KeepCode>
    }
}

#[cfg(test)]
mod tests {
    use holdfast_protocol::problem::Problem;

    use super::*;

    #[test]
    fn each_mistake_is_told_at_its_field() {
        let code = RecoveryCode::from_random([1; 16]).print();
        let none = Mistakes::before(
            Words::ENGLISH,
            "ada",
            code.expose(),
            "velvet anchor drifting northward",
        );
        assert_eq!(none, Mistakes::default());
        let found = Mistakes::before(Words::ENGLISH, "", "0000", "short");
        assert!(found.username.is_some() && found.code.is_some() && found.password.is_some());
        let first = if code.expose().starts_with('Z') {
            "Y"
        } else {
            "Z"
        };
        let mistyped = format!("{first}{}", &code.expose()[1..]);
        let found = Mistakes::before(
            Words::ENGLISH,
            "ada",
            &mistyped,
            "velvet anchor drifting northward",
        );
        assert!(found.code.is_some_and(|why| why.contains("typing mistake")));
    }

    #[test]
    fn an_answer_is_told_at_the_field_that_it_is_about() {
        let of = |code| {
            Mistakes::of(
                Words::ENGLISH,
                &CallError::Problem(Problem::new(code, "Because.")),
            )
        };
        assert!(of(Code::InvalidCredentials).code.is_some());
        assert!(of(Code::PasswordNotAccepted).password.is_some());
        assert!(of(Code::TooManyAttempts).form.is_some());
        let error = CallError::Problem(Problem::new(Code::InvalidCredentials, "Because."));
        let of_link = Mistakes::of_link(Words::ENGLISH, &error);
        assert!(of_link.form.is_some_and(|why| why.contains("works once")));
        assert_eq!(of_link.code, None);
    }
}
