use leptos::prelude::*;

use super::Hydrated;

/// Shows the passwords of a form, or hides them again.
#[component]
pub fn ShowPassword(
    /// Whether the characters are shown.
    show: RwSignal<bool>,
) -> impl IntoView {
    let hydrated = Hydrated::of_page();
    view! {
        <button
            type="button"
            class="toggle"
            aria-pressed=move || if show.get() { "true" } else { "false" }
            disabled=move || !hydrated.get()
            on:click=move |_| show.update(|show| *show = !*show)
        >
            "Show password"
        </button>
    }
}
