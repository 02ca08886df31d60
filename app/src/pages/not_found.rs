use leptos::prelude::*;
use leptos_meta::Title;

use crate::components::PageHeading;
use crate::words::Words;

/// The page for an unknown address. The server answers it with 404.
#[component]
pub fn NotFoundPage() -> impl IntoView {
    let words = Words::of_page().frame();
    view! {
        <Title text=words.not_found/>
        <div class="center stack narrow">
            <PageHeading text=words.not_found/>
            <p class="lead">{words.not_found_text}</p>
            <p>
                <a class="button" href="/">{words.not_found_link}</a>
            </p>
        </div>
    }
}
