use leptos::prelude::*;

/// Leads keyboards and screen readers past the navigation.
#[component]
pub fn SkipLink() -> impl IntoView {
    view! { <a class="skip-link" href="#content">"Skip to content"</a> }
}
