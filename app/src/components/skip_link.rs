use leptos::prelude::*;

/// Lets people with a keyboard or a screen reader skip the navigation.
#[component]
pub fn SkipLink() -> impl IntoView {
    // `external` leaves the click to the browser, because the router would change the address
    // and not move the focus.
    view! { <a class="skip-link" href="#content" rel="external">"Skip to content"</a> }
}
