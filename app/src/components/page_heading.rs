use leptos::html::H1;
use leptos::prelude::*;

use super::Hydrated;

/// The heading of a page. After a link within the app the focus is here, so a screen reader
/// reads the name of the new page. On the first page of a visit the browser sets the focus.
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
