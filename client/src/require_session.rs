//! The guard of pages that only make sense for a signed-in person.

use holdfast_protocol::renewal::{Ending, View};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::location::Location;

use super::use_session;

/// Shows its children to a signed-in person, and leads every other person to the sign-in page and
/// back afterwards. While nothing is known, as in the server's rendering, it shows `fallback`.
///
/// Put it around the content of a route, inside the page. Before another person is shown, the page
/// reloads. If that is not possible, because the browser stores nothing, the children are built
/// again. If the same account gets a new session, the children stay.
///
/// This only guards what is *shown*. The server must protect secret data: load them in a
/// `LocalResource`, through [`Session::api`](super::Session::api) or a server function.
#[component]
pub fn RequireSession(
    /// Shown until the browser has read its storage.
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
        // A person who signs out does not want to come back, and the next person may be another
        // one.
        let target = match session.ending() {
            Some(Ending::SignedOut) => session.sign_in_page(None),
            _ => session.sign_in_page(Some(&address_of(&here))),
        };
        let options = NavigateOptions {
            replace: true,
            ..NavigateOptions::default()
        };
        navigate(&target, options);
    });
    let is_unknown = Memo::new(move |_| matches!(session.view(), View::Unknown));
    view! {
        {move || is_unknown.get().then(|| fallback.run())}
        // The account is the key. So the view is built again for another account, without the text
        // that was typed.
        <For each=move || session.account_id() key=|account_id| *account_id let:_account_id>
            {children()}
        </For>
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
    // The hash has its `#`, if there is one.
    address.push_str(&here.hash.get_untracked());
    address
}
