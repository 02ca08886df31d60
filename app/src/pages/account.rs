use holdfast_client::{RequireSession, use_session};
use holdfast_protocol::wire::{Account, paths as api};
use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::{
    Button, Card, DateTime, Fact, FormError, LoadError, PageHeading, Skeleton,
};
use crate::paths;

/// The account that is signed in, and how long its session lives.
#[component]
pub fn AccountPage() -> impl IntoView {
    view! {
        <Title text="Your account"/>
        <div class="center stack">
            <PageHeading text="Your account"/>
            <RequireSession fallback=|| view! { <div class="card"><Skeleton/></div> }>
                <div class="grid">
                    <AccountCard/>
                    <SessionCard/>
                    <LinkCard
                        id="username-card"
                        heading="Username"
                        text="Choose another name to sign in with."
                        href=paths::USERNAME
                        link="Change username"
                    />
                    <LinkCard
                        id="password-card"
                        heading="Password"
                        text="Changing it signs you out everywhere but here."
                        href=paths::PASSWORD
                        link="Change password"
                    />
                    <LinkCard
                        id="recovery-card"
                        heading="Recovery code"
                        text="With it you get back in if you forget your password."
                        href=paths::RECOVERY_CODE
                        link="Your recovery code"
                    />
                    <LinkCard
                        id="data-card"
                        heading="Your data"
                        text="Take a copy of everything that is stored about you, or delete your account."
                        href=paths::DATA
                        link="Your data"
                    />
                </div>
            </RequireSession>
        </div>
    }
}

/// The account, fetched with the access token.
#[component]
fn AccountCard() -> impl IntoView {
    let session = use_session();
    let account = session.resource(|api| async move { api.get::<Account>(api::ACCOUNT).await });
    let checking = Signal::derive(move || account.is_refetching());
    let error = Memo::new(move |_| account.error().map(|error| error.to_string()));
    let is_known = Memo::new(move |_| account.with_latest(|known| known.is_some()));
    let load_error = Signal::derive(move || error.get().filter(|_| !is_known.get()));
    let check_error = Signal::derive(move || error.get().filter(|_| is_known.get()));

    view! {
        <Card id="account-card" heading="Account">
            {move || match account.latest() {
                Some(account) => view! {
                    <p class="signed-in-as">
                        "Signed in as " <strong>{account.username}</strong>
                    </p>
                    <dl class="facts">
                        <Fact name="Member since"><DateTime at=account.created_at date_only=true/></Fact>
                    </dl>
                }
                .into_any(),
                None if load_error.get().is_some() => ().into_any(),
                None => view! { <Skeleton lines=2/> }.into_any(),
            }}
            <LoadError text=load_error busy=checking on_retry=move || account.refetch()/>
            <FormError text=check_error/>
            // It stays when the check fails, because it has the focus.
            <Show when=move || load_error.get().is_none()>
                <div>
                    <Button
                        on_press=move || account.refetch()
                        busy=checking
                        text=Signal::derive(move || {
                            if checking.get() { "Checking…" } else { "Check again" }.to_owned()
                        })
                    />
                </div>
            </Show>
        </Card>
    }
}

/// This browser's session.
#[component]
fn SessionCard() -> impl IntoView {
    let session = use_session();
    let facts = Memo::new(move |_| session.facts());
    view! {
        <Card id="session-card" heading="This session">
            {move || facts.get().map(|facts| view! {
                <dl class="facts">
                    <Fact name="Last renewed"><DateTime at=facts.renewed_at/></Fact>
                    <Fact name="Ends at the latest"><DateTime at=facts.ends_at/></Fact>
                    <Fact name="Ends if not used"><DateTime at=facts.idle_ends_at/></Fact>
                </dl>
                <p class="hint">
                    {if facts.remember {
                        "A renewal changes the token. It never changes the last day."
                    } else {
                        "Closing the browser signs you out before that."
                    }}
                </p>
            })}
            <div class="cluster">
                <Button on_press=move || session.sign_out() text="Sign out"/>
                <a href=paths::SESSIONS>"All your sessions"</a>
            </div>
        </Card>
    }
}

/// A card that leads to another page.
#[component]
fn LinkCard(
    id: &'static str,
    heading: &'static str,
    text: &'static str,
    href: &'static str,
    link: &'static str,
) -> impl IntoView {
    view! {
        <Card id heading>
            <p>{text}</p>
            <p>
                <a class="button" href=href>{link}</a>
            </p>
        </Card>
    }
}
