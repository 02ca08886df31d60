use leptos::prelude::*;

/// Leads keyboards and screen readers past the navigation.
#[component]
pub fn SkipLink() -> impl IntoView {
    // `external` leaves the click to the browser: the router would change the address and
    // not move the focus.
    view! { <a class="skip-link" href="#content" rel="external">"Skip to content"</a> }
}
