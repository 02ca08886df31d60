//! Tells on every page of a sign-in from a browser that the account did not know, until the person has
//! read it.

use std::time::Duration;

use holdfast_client::{Method, Session, SessionResource, use_session};
use holdfast_protocol::wire::{SignInNotice, SignInNotices, paths as api};
use leptos::prelude::*;
use leptos_router::hooks::{use_location, use_navigate};
use uuid::Uuid;

use super::asker::Asker;
use super::end_sessions::{EndDialog, Endings, Which};
use super::late::Late;
use super::look_again::{watch_while_shown, when_shown_again};
use crate::components::{Button, DateTime, FormError, Kind};
use crate::focus::focus_heading;
use crate::paths;
use crate::pieces::piece;
use crate::put_out::PutOut;
use crate::words::Words;

piece!(NEWEST: Newest in account, load_newest, newest);

/// For how long the buttons of a new notice do nothing. The notice moves the page down, and a press that
/// was meant for something else must not answer it.
const NOT_MEANT_FOR: Duration = Duration::from_millis(600);

/// How often `watch_while_shown` looks in a minute.
const LOOKS_OF_A_MINUTE: u8 = 6;

/// The newest notice of the signed-in person, above the page.
#[component]
pub fn SignInNoticeBar() -> impl IntoView {
    let session = use_session();
    view! {
        <Show when=move || session.is_signed_in()>
            // The page itself says what it misses.
            <Late piece=NEWEST is_missed=false/>
        </Show>
    }
}

#[component]
fn Newest() -> impl IntoView {
    let all = Words::of_page();
    let (errors, words) = (all.errors(), all.sign_in_notice());
    let session = use_session();
    let put_out = PutOut::here();
    let unread =
        session.resource(|api| async move { api.get::<SignInNotices>(api::NOTICES).await });
    look_again(unread);
    let newest = Memo::new(move |_| {
        unread.with_latest(|unread| unread.and_then(|unread| unread.notices.first().cloned()))
    });
    let endings = Endings::new();
    let error = RwSignal::new(None::<(Uuid, String)>);
    let busy = RwSignal::new(false);
    let is_thanked = RwSignal::new(false);
    let path = use_location().pathname;
    Effect::new(move |_| {
        path.track();
        is_thanked.set(false);
    });
    let asker = Asker::here();
    let remove = move |session_id: Uuid| {
        unread.update(|unread| {
            unread
                .notices
                .retain(|notice| notice.session_id != session_id)
        });
        // An older one may follow.
        unread.refetch();
    };
    let was_me = move |session_id: Uuid| {
        if busy.get_untracked() {
            return;
        }
        busy.set(true);
        error.set(None);
        asker.ask(note_read(session, session_id), move |outcome| {
            busy.set(false);
            match outcome {
                Ok(()) => {
                    remove(session_id);
                    is_thanked.set(true);
                    // The button with the focus has disappeared.
                    focus_heading();
                }
                Err(why) => error.set(Some((session_id, (errors.call)(&why)))),
            }
        });
    };
    let navigate = use_navigate();
    let on_ended = move |which: Which| {
        let Which::One(session_id) = which else {
            return;
        };
        let navigate = navigate.clone();
        let ended = newest.get_untracked();
        let ended = ended.filter(|notice| notice.session_id == session_id);
        put_out.note(ended.map(|notice| all.device(notice.device)));
        asker.ask(note_read(session, session_id), move |outcome| {
            if outcome.is_ok() {
                remove(session_id);
            }
            let is_there = path.get_untracked() == paths::PASSWORD;
            navigate(
                &format!("{}?{}", paths::PASSWORD, paths::NOT_ME),
                Default::default(),
            );
            // The page stays, and the button that had the focus has disappeared.
            if is_there {
                focus_heading();
            }
        });
    };
    view! {
        // Screen readers announce what appears in it. The dialog is not in it, because they would announce
        // its text twice.
        <div aria-live="polite">
            {move || newest.get().map(|notice| {
                let session_id = notice.session_id;
                // An error about another notice does not belong here.
                let error = Signal::derive(move || {
                    let about = error.get().filter(|(about, _)| *about == session_id);
                    about.map(|(_, text)| text)
                });
                view! { <NoticeOf notice busy error on_was_me=was_me endings/> }
            })}
            // Another notice may follow, and then there is more to do.
            {move || (is_thanked.get() && newest.read().is_none()).then(|| view! {
                <div class="site-notice">
                    <p class="center status-line">{words.thanks}</p>
                </div>
            })}
        </div>
        <EndDialog endings on_done=on_ended/>
    }
}

/// One notice, with its buttons.
#[component]
fn NoticeOf(
    notice: SignInNotice,
    #[prop(into)] busy: Signal<bool>,
    #[prop(into)] error: Signal<Option<String>>,
    #[prop(into)] on_was_me: Callback<Uuid>,
    endings: Endings,
) -> impl IntoView {
    let SignInNotice {
        session_id,
        at,
        ip,
        device,
    } = notice;
    let all = Words::of_page();
    let words = all.sign_in_notice();
    let device = all.device(device);
    let which = Which::One(session_id);
    let is_new = RwSignal::new(true);
    set_timeout(
        move || {
            is_new.try_set(false);
        },
        NOT_MEANT_FOR,
    );
    let question = (all.end_sessions().question)(&device);
    let connection = ip.map(|ip| [words.connection, &ip].concat());
    let ending = endings.is_under_way(which);
    view! {
        <aside class="site-notice sign-in-notice" aria-labelledby="sign-in-notice">
            <div class="center">
                <div class="notice notice-danger">
                    <div class="stack">
                        <h2 id="sign-in-notice">{words.heading}</h2>
                        <p>
                            {words.signed_in} <DateTime at=at/> {words.device}
                            <strong>{device}</strong> {words.was_it_you} {connection}
                        </p>
                        <FormError text=error/>
                        <FormError text=endings.error_about(which)/>
                    </div>
                    <div class="cluster">
                        <Button
                            on_press=move || on_was_me.run(session_id)
                            busy=Signal::derive(move || busy.get() || is_new.get())
                            text=words.was_me
                        />
                        <Button
                            kind=Kind::Danger
                            on_press=move || endings.ask(which, question.clone())
                            busy=Signal::derive(move || ending.get() || is_new.get())
                            text=words.was_not_me
                        />
                    </div>
                </div>
            </div>
        </aside>
    }
}

/// Notes that the person has read it, so that no session shows it any more.
async fn note_read(session: Session, session_id: Uuid) -> Result<(), holdfast_client::CallError> {
    let path = format!("{}/{session_id}/read", api::NOTICES);
    let request = session.api().request(Method::POST, &path);
    request.send().await?.nothing()
}

/// Looks again on every page that the person opens, when they come back to the tab, and once a minute
/// while they look at a page. On the page of the sessions, it looks as often as that page looks for
/// sessions.
fn look_again(unread: SessionResource<SignInNotices>) {
    let path = use_location().pathname;
    Effect::new(move |before: Option<()>| {
        path.track();
        if before.is_some() {
            unread.refetch();
        }
    });
    when_shown_again(move || unread.refetch());
    let looks = StoredValue::new(0_u8);
    watch_while_shown(move || {
        let Some(looked) = looks.try_get_value() else {
            return;
        };
        let look = (looked + 1) % LOOKS_OF_A_MINUTE;
        looks.set_value(look);
        if look == 0 || path.get_untracked() == paths::SESSIONS {
            unread.refetch();
        }
    });
}
