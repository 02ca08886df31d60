use leptos::prelude::*;

use crate::words::Words;

/// Lets people with a keyboard or a screen reader skip the navigation.
#[component]
pub fn SkipLink() -> impl IntoView {
    // `external` leaves the click to the browser, because the router would change the address
    // and not move the focus.
    let skip = Words::of_page().frame().skip;
    view! { <a class="skip-link" href="#content" rel="external">{skip}</a> }
}
