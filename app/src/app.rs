//! The whole page.

use holdfast_client::{Config, Ending, Notice, Reload, View, provide_session, use_session};
use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::Router;
use leptos_router::hooks::use_location;

use crate::components::{
    Hydrated, RecoveryOffer, ReloadNotice, SiteFooter, SiteHeader, SiteNotice, SkipLink, StatusBar,
};
use crate::focus::focus_heading;
use crate::kept::Kept;
use crate::pages::SignInNoticeBar;
use crate::put_out::PutOut;
use crate::routes::{PageOnItsWay, Pages, load_for_sign_out};
use crate::words::Words;
use crate::{paths, way_back};

/// What the client has to know of these pages.
pub(crate) const CONFIG: Config = Config::sign_in_at(way_back::sign_in);

/// The whole page.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    let session = provide_session(CONFIG);
    let words = Words::of_page().frame();
    let hydrated = Hydrated::provide();
    let on_its_way = PageOnItsWay::provide();
    Kept::provide();
    PutOut::provide();
    Effect::new(move |_| {
        if session.is_signed_in() {
            load_for_sign_out();
        }
    });

    Effect::new(move |_| {
        hydrated.set();
        mark_document("hydrated", "true");
    });
    // The script in `shell.rs` sets the same mark before the page is drawn.
    Effect::new(move |_| match session.view() {
        // The page shows no account any more, but a person is signed in, and may sign out.
        View::Unknown if session.waits_for_reload().is_some() => mark_document("session", "maybe"),
        View::Unknown => {}
        View::Anonymous { .. } => mark_document("session", "none"),
        View::SignedIn { .. } => mark_document("session", "maybe"),
    });

    // Only this page has the session, so a reload would end it. The script in `shell.rs` asks before it.
    let is_only_here =
        move || session.is_signed_in() && session.notice() == Some(Notice::ThisTabOnly);
    Effect::new(move |_| mark_document("stores", if is_only_here() { "nothing" } else { "" }));

    let status = move || {
        if session.notice() == Some(Notice::Outdated) {
            Some(words.updated)
        } else if session.is_reconnecting() {
            Some(words.reconnecting)
        } else if is_only_here() {
            Some(words.stores_nothing)
        } else if session.is_anonymous() && session.is_leaving() {
            Some(words.is_leaving)
        } else if session.is_anonymous()
            && session.notice() == Some(Notice::ThisTabOnly)
            && session.ending().is_none()
        {
            Some(words.reads_nothing)
        } else {
            on_its_way.is_awaited.get().then_some(words.loading_page)
        }
    };

    // Every page says why the session is over, until the person has read it.
    let read = RwSignal::new(false);
    Effect::new(move |_| {
        if session.is_signed_in() {
            read.set(false);
        }
    });
    let why = move || match session.told() {
        Some(told) => Some((words.told)(told)),
        None => {
            let unread = session.ending().filter(|_| !read.get());
            unread.map(words.why)
        }
    };
    // Both buttons disappear after they were pressed, so the focus must move. Only what was shown
    // was read; the reason of an ending may come after it.
    let dismiss = move || {
        if session.told().is_some() {
            session.told_was_read();
        } else {
            read.set(true);
            session.ending_was_read();
        }
        focus_heading();
    };
    let sign_out = move || {
        session.sign_out();
        focus_heading();
    };

    view! {
        <Title formatter=|page: String| if page.is_empty() {
            "Holdfast".to_owned()
        } else {
            format!("{page} · Holdfast")
        }/>
        <Router>
            <SkipLink/>
            <SiteHeader on_sign_out=sign_out/>
            <StatusBar text=Signal::derive(status)/>
            <ReloadNotice
                text=Signal::derive(move || session.waits_for_reload().map(words.waits))
                can_reload=Signal::derive(move || {
                    matches!(session.waits_for_reload(), Some(Reload::ByPerson { .. }))
                })
                on_reload=move || session.reload()
            />
            <SiteNotice text=Signal::derive(why) on_dismiss=dismiss/>
            <OwnEnding read/>
            <SignInNoticeBar/>
            <Offer/>
            <main id="content" class="site-main" tabindex="-1">
                <Pages/>
            </main>
            <SiteFooter/>
        </Router>
    }
}

/// What a person has done by themselves, they know: on the next page, no message tells it again.
#[component]
fn OwnEnding(
    /// Whether the person has read why the session is over.
    read: RwSignal<bool>,
) -> impl IntoView {
    let session = use_session();
    let path = use_location().pathname;
    Effect::new(move |before: Option<String>| {
        let here = path.get();
        let is_own = matches!(
            session.ending(),
            Some(Ending::SignedOut | Ending::AccountDeleted)
        );
        // From a page of the account, the ending itself leads to the sign-in page.
        let has_gone =
            before.is_some_and(|before| before != here && !paths::needs_session(&before));
        if is_own && has_gone {
            read.set(true);
            session.ending_was_read();
        }
        here
    });
}

/// Offers a recovery code on every page except the one that has it.
#[component]
fn Offer() -> impl IntoView {
    let session = use_session();
    let path = use_location().pathname;
    // Every page reads anew whether to offer one, because another tab may have confirmed it.
    let show = Memo::new(move |_| {
        path.get() != paths::RECOVERY_CODE && session.is_offered_a_recovery_code()
    });
    view! { <RecoveryOffer show href=paths::RECOVERY_CODE/> }
}

/// Sets `data-…` on `<html>`, for style sheets and tests.
fn mark_document(name: &str, value: &str) {
    if let Some(root) = document().document_element() {
        let _ = root.set_attribute(&format!("data-{name}"), value);
    }
}
