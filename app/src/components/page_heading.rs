use leptos::html::H1;
use leptos::prelude::*;

use super::Hydrated;

/// The heading of a page. Whoever comes by a link within the app finds the focus
/// here: a screen reader then reads where one has arrived. On the first page of a
/// visit the browser puts the focus where it belongs.
#[component]
pub fn PageHeading(
    /// The heading.
    text: &'static str,
) -> impl IntoView {
    let heading = NodeRef::<H1>::new();
    let came_by_link = Hydrated::of_page().get_untracked();
    Effect::new(move |_| {
        if came_by_link && let Some(heading) = heading.get() {
            let _ = heading.focus();
        }
    });
    view! {
        <h1 node_ref=heading tabindex="-1" class="page-heading">
            {text}
        </h1>
    }
}
