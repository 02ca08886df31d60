use leptos::prelude::*;
use leptos_router::components::A;

use super::{Button, Mark};
use crate::paths;
use crate::words::Words;

/// The head of every page. Both variants of the navigation are always in the document, and
/// `style/session.css` shows one of them. So the server can render the head without knowing
/// whether the person is signed in, and the person never sees the wrong variant.
#[component]
pub fn SiteHeader(
    /// Signs out.
    #[prop(into)]
    on_sign_out: Callback<()>,
) -> impl IntoView {
    let words = Words::of_page().frame();
    view! {
        <header class="site-header">
            <div class="center cluster">
                <a href="/" class="site-name">
                    <Mark/>
                    "Holdfast"
                </a>
                <nav class="site-nav if-signed-out" aria-label=words.navigation_signed_out>
                    <A href=paths::SIGN_IN>{words.sign_in}</A>
                    <A href=paths::SIGN_UP>{words.create_account}</A>
                </nav>
                <nav class="site-nav if-signed-in" aria-label=words.navigation_signed_in>
                    <A href=paths::ACCOUNT>{words.account}</A>
                    <A href=paths::SESSIONS>{words.sessions}</A>
                    <A href=paths::ACTIVITY>{words.activity}</A>
                    <Button on_press=on_sign_out text=words.sign_out/>
                </nav>
            </div>
        </header>
    }
}
