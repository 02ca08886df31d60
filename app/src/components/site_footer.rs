use leptos::prelude::*;

use crate::paths;

/// The foot of every page.
#[component]
pub fn SiteFooter() -> impl IntoView {
    view! {
        <footer class="site-footer">
            <div class="center cluster">
                <p>"Holdfast"</p>
                <p><a href=paths::FLOW>"The flow, while it happens"</a></p>
                <p>"Sign in once and stay signed in. A stolen token does not live."</p>
            </div>
        </footer>
    }
}
