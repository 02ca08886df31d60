//! The guard of pages that only make sense for somebody.

use holdfast_protocol::renewal::{Ending, View};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::location::Location;

use super::use_session;
use crate::{routes, way_back};

/// Shows its children to whoever is signed in, and brings everybody else to the
/// sign-in page and back afterwards. While nothing is known, which is how the
/// server renders it, it shows `fallback`.
///
/// Put it around what a route shows, inside of the page. The children are built anew
/// when another person signs in, so nothing of one person is left for the next.
///
/// This guards what is *shown*. What is protected is protected by the server: load it
/// in a `LocalResource`, through [`Session::api`](super::Session::api) or a server
/// function.
#[component]
pub fn RequireSession(
    /// Shown until the browser has looked into its storage.
    #[prop(into)]
    fallback: ViewFn,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let session = use_session();
    let navigate = use_navigate();
    let here = use_location();
    Effect::new(move |_| {
        if !session.is_anonymous() {
            return;
        }
        // Whoever signs out does not want to come back; the next person might not
        // be the same.
        let target = match session.ending() {
            Some(Ending::SignedOut) => routes::SIGN_IN.to_owned(),
            _ => way_back::sign_in_and_return(&address_of(&here)),
        };
        let options = NavigateOptions {
            replace: true,
            ..NavigateOptions::default()
        };
        navigate(&target, options);
    });
    // Another person's session is another page: it is built anew for them.
    move || match session.session_id() {
        Some(_) => children().into_any(),
        None if matches!(session.view(), View::Unknown) => fallback.run(),
        None => ().into_any(),
    }
}

/// The address of the present page: path, query and hash.
fn address_of(here: &Location) -> String {
    let mut address = here.pathname.get_untracked();
    let search = here.search.get_untracked();
    if !search.is_empty() {
        address.push('?');
        address.push_str(&search);
    }
    // With its `#`, where there is one.
    address.push_str(&here.hash.get_untracked());
    address
}
