use leptos::prelude::*;

use super::Button;

/// Says that something could not be loaded, and offers to try again.
#[component]
pub fn LoadError(
    /// In words for the person.
    text: String,
    /// Loads it again.
    #[prop(into)]
    on_retry: Callback<()>,
) -> impl IntoView {
    view! {
        <div class="notice cluster" role="alert">
            <p>{text}</p>
            <Button on_press=on_retry text="Try again"/>
        </div>
    }
}
