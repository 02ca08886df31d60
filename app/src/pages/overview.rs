use std::sync::Arc;

use holdfast_client::host::{Caller, HostFuture};
use holdfast_client::{CallError, SessionClient, use_session};
use holdfast_protocol::wire::Overview;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::components::{DateTime, Fact, LoadError, Skeleton};
use crate::paths;

/// How the host looks up an [`Overview`]. It lends this to the calls of [`find_overview`].
#[derive(Clone)]
pub struct Overviews(pub Arc<dyn Fn(Caller) -> HostFuture<Overview> + Send + Sync>);

/// The caller's account in a few words.
///
/// # Errors
/// [`CallError`], like every call.
#[server(client = SessionClient, prefix = "/api/fn", endpoint = "overview", input = GetUrl)]
pub async fn find_overview() -> Result<Overview, CallError> {
    use holdfast_client::host::{caller, lent};
    let Overviews(find) = lent()?;
    find(caller()?).await
}

/// Shows a signed-in person their account and its newest sign-in, so that they notice a
/// sign-in that they do not know.
#[component]
pub fn OverviewFacts() -> impl IntoView {
    let session = use_session();
    let found = LocalResource::new(move || {
        session.reload_trigger();
        find_overview()
    });
    // Loaded data stay while they load again.
    let known = RwSignal::new(None::<Overview>);
    let loading = RwSignal::new(false);
    Effect::new(move |_| {
        if let Some(outcome) = found.get() {
            loading.set(false);
            if let Ok(overview) = outcome {
                known.set(Some(overview));
            }
        }
    });
    let error = Memo::new(move |_| match found.get() {
        // If the person has just been signed out, the page soon shows this, so it needs no error.
        Some(Err(CallError::SignedOut)) | None => None,
        Some(outcome) => outcome.err().map(|error| error.to_string()),
    });

    let trouble = Memo::new(move |_| error.get().filter(|_| known.read().is_none()));
    let load_again = move || {
        loading.set(true);
        found.refetch();
    };

    view! {
        <LoadError text=trouble busy=loading on_retry=load_again/>
        {move || match (known.get(), error.get()) {
            (Some(overview), _) => view! { <Facts overview/> }.into_any(),
            (None, Some(_)) => ().into_any(),
            (None, None) => view! { <Skeleton lines=2/> }.into_any(),
        }}
    }
}

#[component]
fn Facts(overview: Overview) -> impl IntoView {
    let Overview {
        username,
        sessions,
        newest,
    } = overview;
    view! {
        <dl class="facts">
            <Fact name="Signed in as"><strong>{username}</strong></Fact>
            <Fact name="Sessions">
                <a href=paths::SESSIONS>
                    {if sessions == 1 {
                        "Only this one".to_owned()
                    } else {
                        format!("{sessions} at the moment")
                    }}
                </a>
            </Fact>
            <Fact name="Newest sign-in">
                <DateTime at=newest.at/>
                <br/>
                {newest.device}
                {if newest.current { ", this browser" } else { ", another browser" }}
            </Fact>
        </dl>
    }
}
