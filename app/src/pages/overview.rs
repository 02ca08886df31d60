use std::sync::Arc;

use holdfast_client::host::{Caller, HostFuture};
use holdfast_client::{CallError, SessionClient, use_session};
use holdfast_protocol::wire::Overview;
use leptos::prelude::*;
use leptos::server_fn::codec::GetUrl;

use crate::components::{DateTime, Fact, LoadError, Skeleton, number_in_words};
use crate::paths;
use crate::pieces::piece;
use crate::words::Words;

piece!(OVERVIEW: OverviewFacts in account, load_overview, make_overview);

/// How the host looks up an [`Overview`]. It lends this to the calls of the server function behind
/// the home page, which fails without it.
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
    let errors = Words::of_page().errors();
    let session = use_session();
    let found = session.resource(|_| find_overview());
    let loading = Signal::derive(move || found.is_refetching());
    let error = Memo::new(move |_| found.error().map(|error| (errors.call)(&error)));
    let trouble = Memo::new(move |_| {
        let is_known = found.with_latest(|known| known.is_some());
        error.get().filter(|_| !is_known)
    });

    view! {
        <LoadError text=trouble busy=loading on_retry=move || found.refetch()/>
        {move || match (found.latest(), error.get()) {
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
    let all = Words::of_page();
    let words = all.overview();
    let count = match sessions {
        1 => words.only_this.to_owned(),
        _ => (words.count)(&number_in_words(sessions.into(), all)),
    };
    view! {
        <dl class="facts">
            <Fact name=words.signed_in_as><strong>{username}</strong></Fact>
            <Fact name=words.sessions>
                <a href=paths::SESSIONS>
                    {count}
                </a>
            </Fact>
            <Fact name=words.newest>
                <DateTime at=newest.at/>
                <br/>
                {all.device(newest.device)}
                {if newest.current { words.this_browser } else { words.another_browser }}
            </Fact>
        </dl>
    }
}
