use leptos::prelude::*;

use crate::words::Words;

/// The outline of text that is still loading.
#[component]
pub fn Skeleton(
    /// How many lines.
    #[prop(default = 3)]
    lines: usize,
) -> impl IntoView {
    let lines = (0..lines)
        .map(|_| view! { <span class="skeleton-line"></span> })
        .collect_view();
    let loading = Words::of_page().frame().loading;
    view! {
        <div class="skeleton" aria-busy="true">
            <span class="visually-hidden">{loading}</span>
            {lines}
        </div>
    }
}

/// The outline of a word that is still loading, within a line of text.
#[component]
pub fn Pending() -> impl IntoView {
    let loading = Words::of_page().frame().loading;
    view! {
        <span class="skeleton-word" aria-busy="true">
            <span class="visually-hidden">{loading}</span>
        </span>
    }
}
