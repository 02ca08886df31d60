//! The guard of pages that only make sense for a signed-in person.

use holdfast_protocol::renewal::{Ending, View};
use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use leptos_router::location::{BrowserUrl, Location};

use super::config::OnAnonymous;
use super::session::{Session, use_session};

/// Shows its children to a signed-in person. While nothing is known, as in the server's rendering, it
/// shows `fallback`.
///
/// If it is certain that no person is signed in, it shows `anonymous`. Without this property, it does
/// what [`Config::on_anonymous`](super::Config::on_anonymous) says: it leads the person to the
/// sign-in page, or shows nothing. The sign-in page itself leads the person back. It needs no
/// `<Router>`: without one, it loads the sign-in page as a new document.
///
/// Put it around the content of a route, inside the page. Before another person is shown, the page
/// reloads. If that is not possible, because the browser stores nothing, the children are built
/// again. If the same account gets a new session, the children stay.
///
/// This only guards what is *shown*. The server must protect secret data: load them with
/// [`Session::resource`].
///
/// ```
/// use holdfast_client::RequireSession;
/// use leptos::prelude::*;
///
/// #[component]
/// fn NotePage() -> impl IntoView {
///     view! {
///         <h1>"Your note"</h1>
///         <RequireSession fallback=|| view! { <p>"One moment…"</p> }>
///             <p>"Only you can see this."</p>
///         </RequireSession>
///     }
/// }
///
/// #[component]
/// fn Greeting() -> impl IntoView {
///     view! {
///         <RequireSession
///             fallback=|| ()
///             anonymous=|| view! { <a href="/sign-in">"Sign in"</a> }
///         >
///             <p>"Welcome back."</p>
///         </RequireSession>
///     }
/// }
/// ```
#[component]
pub fn RequireSession(
    /// Shown until the browser has read its storage.
    #[prop(into)]
    fallback: ViewFn,
    /// Shown to a person who is not signed in, in place of leading them to another page.
    #[prop(optional, into)]
    anonymous: Option<ViewFn>,
    /// The page.
    children: ChildrenFn,
) -> impl IntoView {
    let session = use_session();
    if anonymous.is_none()
        && let OnAnonymous::GoTo(page) = session.on_anonymous()
    {
        lead_away(session, page);
    }
    let shown = Memo::new(move |_| match session.view() {
        View::Unknown => Shown::Fallback,
        View::Anonymous { .. } => Shown::Anonymous,
        View::SignedIn { .. } => Shown::Children,
    });
    let in_place_of_children = move || match shown.get() {
        Shown::Fallback => Some(fallback.run()),
        Shown::Anonymous => anonymous.as_ref().map(ViewFn::run),
        Shown::Children => None,
    };
    view! {
        {in_place_of_children}
        // The account is the key. So the view is built again for another account, without the text
        // that was typed.
        <For each=move || session.account_id() key=|account_id| *account_id let:_account_id>
            {children()}
        </For>
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Shown {
    Fallback,
    Anonymous,
    Children,
}

/// Goes to the page that `page` names, as soon as it is certain that no person is signed in.
fn lead_away(session: Session, page: fn(Option<&str>) -> String) {
    // The server renders with a router that has no `BrowserUrl`. But there no effect runs.
    let router = use_context::<BrowserUrl>().map(|_| (use_navigate(), use_location()));
    Effect::new(move |_| {
        if !session.is_anonymous() {
            return;
        }
        // A person who signs out or deletes the account does not want to come back, and the next
        // person may be another one.
        let has_left = matches!(
            session.ending(),
            Some(Ending::SignedOut | Ending::AccountDeleted)
        );
        let target = |here: String| page(Some(here.as_str()).filter(|_| !has_left));
        match &router {
            Some((navigate, here)) => {
                let options = NavigateOptions {
                    replace: true,
                    ..NavigateOptions::default()
                };
                navigate(&target(address_of(here)), options);
            }
            None => {
                let location = window().location();
                let parts = [location.pathname(), location.search(), location.hash()];
                let here = parts.map(Result::unwrap_or_default).concat();
                let _ = location.replace(&target(here));
            }
        }
    });
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::session::provide_session;

    fn render(config: Config, anonymous: Option<ViewFn>) {
        Owner::new().with(|| {
            provide_session(config);
            let children: ChildrenFn = ToChildren::to_children(|| "children");
            let _ = match anonymous {
                Some(anonymous) => view! {
                    <RequireSession fallback=|| "fallback" anonymous>{children()}</RequireSession>
                }
                .into_any(),
                None => view! {
                    <RequireSession fallback=|| "fallback">{children()}</RequireSession>
                }
                .into_any(),
            };
        });
    }

    #[test]
    fn a_guard_needs_no_router() {
        let leading = Config::sign_in_at(|_| "/sign-in".to_owned());
        for config in [Config::default(), leading] {
            render(config, None);
            render(config, Some(ViewFn::from(|| "anonymous")));
        }
    }
}
