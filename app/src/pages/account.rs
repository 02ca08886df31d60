use holdfast_client::{RequireSession, use_session};
use holdfast_protocol::wire::{Account, paths as api};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{
    Button, Card, DateTime, Fact, FormError, LoadError, PageHeading, Pending, Skeleton,
};
use crate::paths;
use crate::words::{Link, Words};

/// The account that is signed in, and how long its session lives.
#[component]
pub fn AccountPage() -> impl IntoView {
    let words = Words::of_page().account();
    view! {
        <Title text=words.heading/>
        <div class="center stack needs-session">
            <PageHeading text=words.heading/>
            <RequireSession fallback=|| view! {
                <div class="page-skeleton"><div class="card"><Skeleton/></div></div>
            }>
                <div class="grid">
                    <AccountCard/>
                    <SessionCard/>
                    <LinkCard
                        id="username-card"
                        words=&words.username
                        href=paths::USERNAME
                    />
                    <LinkCard
                        id="password-card"
                        words=&words.password
                        href=paths::PASSWORD
                    />
                    <LinkCard
                        id="recovery-card"
                        words=&words.recovery
                        href=paths::RECOVERY_CODE
                    />
                    <LinkCard
                        id="data-card"
                        words=&words.data
                        href=paths::DATA
                    />
                </div>
            </RequireSession>
        </div>
    }
}

/// The account, fetched with the access token.
#[component]
fn AccountCard() -> impl IntoView {
    let all = Words::of_page();
    let words = all.account();
    let session = use_session();
    let account = session.resource(|api| async move { api.get::<Account>(api::ACCOUNT).await });
    let checking = Signal::derive(move || account.is_refetching());
    let error = Memo::new(move |_| account.error().map(|error| (all.errors().call)(&error)));
    let is_known = Memo::new(move |_| account.with_latest(|known| known.is_some()));
    let load_error = Signal::derive(move || error.get().filter(|_| !is_known.get()));
    let check_error = Signal::derive(move || error.get().filter(|_| is_known.get()));
    // From the answer to a press until the next one.
    let is_checked = RwSignal::new(false);
    Effect::new(move |was_checking: Option<bool>| {
        let is_checking = checking.get();
        let is_answered = was_checking == Some(true) && !is_checking;
        is_checked.set(is_answered && untrack(|| matches!(account.get(), Some(Ok(_)))));
        is_checking
    });

    view! {
        <Card id="account-card" heading=words.account>
            // What is still loading has the height of what comes, so that nothing below it moves, unless
            // the name needs more than a line.
            <Show when=move || load_error.get().is_none()>
                <p class="signed-in-as">
                    {words.signed_in_as}
                    <strong>{move || match account.latest() {
                        Some(account) => account.username.into_any(),
                        None => view! { <Pending/> }.into_any(),
                    }}</strong>
                </p>
                <dl class="facts">
                    <Fact name=words.member_since>
                        {move || match account.latest() {
                            Some(account) => view! {
                                <DateTime at=account.created_at date_only=true/>
                            }
                            .into_any(),
                            None => view! { <Pending/> }.into_any(),
                        }}
                    </Fact>
                </dl>
            </Show>
            <LoadError text=load_error busy=checking on_retry=move || account.refetch()/>
            <FormError text=check_error/>
            // It stays when the check fails, because it has the focus.
            <Show when=move || load_error.get().is_none()>
                <div>
                    <Button
                        on_press=move || account.refetch()
                        busy=checking
                        text=Signal::derive(move || {
                            if checking.get() { words.checking } else { words.check }.to_owned()
                        })
                    />
                </div>
            </Show>
            <p class="status-line" role="status">
                {move || (is_checked.get() && error.read().is_none()).then_some(words.checked)}
            </p>
        </Card>
    }
}

/// This browser's session.
#[component]
fn SessionCard() -> impl IntoView {
    let words = Words::of_page().account();
    let session = use_session();
    let facts = Memo::new(move |_| session.facts());
    view! {
        <Card id="session-card" heading=words.this_session>
            {move || facts.get().map(|facts| view! {
                <dl class="facts">
                    <Fact name=words.renewed><DateTime at=facts.renewed_at/></Fact>
                    <Fact name=words.ends><DateTime at=facts.ends_at/></Fact>
                    <Fact name=words.idle_ends><DateTime at=facts.idle_ends_at/></Fact>
                </dl>
                <p class="hint">
                    {if facts.remember {
                        words.remembered
                    } else {
                        words.not_remembered
                    }}
                </p>
            })}
            <div class="cluster">
                <Button on_press=move || session.sign_out() text=words.sign_out/>
                <a href=paths::SESSIONS>{words.all_sessions}</a>
            </div>
        </Card>
    }
}

/// A card that leads to another page.
#[component]
fn LinkCard(id: &'static str, words: &'static Link, href: &'static str) -> impl IntoView {
    view! {
        <Card id heading=words.heading>
            <p>{words.text}</p>
            <p>
                <a class="button" href=href>{words.link}</a>
            </p>
        </Card>
    }
}
