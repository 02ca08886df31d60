use leptos::prelude::*;
use leptos_router::components::A;

use super::{Button, Mark};
use crate::paths;

/// The head of every page. Both variants of the navigation are always in the document, and
/// `style/session.css` shows one of them. So the server can render the head without knowing
/// whether the person is signed in, and the person never sees the wrong variant.
#[component]
pub fn SiteHeader(
    /// Signs out.
    #[prop(into)]
    on_sign_out: Callback<()>,
) -> impl IntoView {
    view! {
        <header class="site-header">
            <div class="center cluster">
                <a href="/" class="site-name">
                    <Mark/>
                    "Holdfast"
                </a>
                <nav class="site-nav if-signed-out" aria-label="Site">
                    <A href=paths::SIGN_IN>"Sign in"</A>
                    <A href=paths::SIGN_UP>"Create account"</A>
                </nav>
                <nav class="site-nav if-signed-in" aria-label="Account">
                    <A href=paths::ACCOUNT>"Account"</A>
                    <A href=paths::SESSIONS>"Sessions"</A>
                    <A href=paths::ACTIVITY>"Activity"</A>
                    <Button on_press=on_sign_out text="Sign out"/>
                </nav>
            </div>
        </header>
    }
}
