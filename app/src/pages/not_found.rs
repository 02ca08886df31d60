use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::PageHeading;

/// The page for an unknown address. The server answers it with 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    view! {
        <Title text="Page not found"/>
        <div class="center stack narrow">
            <PageHeading text="Page not found"/>
            <p class="lead">"There is nothing at this address. It may have been mistyped."</p>
            <p>
                <a class="button" href="/">"Go to the start"</a>
            </p>
        </div>
    }
}
