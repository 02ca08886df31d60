use leptos::prelude::*;

use super::Hydrated;
use crate::words::Words;

/// Shows the passwords of a form, or hides them again.
#[component]
pub fn ShowPassword(
    /// Whether the characters are shown.
    show: RwSignal<bool>,
) -> impl IntoView {
    let hydrated = Hydrated::of_page();
    let text = Words::of_page().fields().show_password;
    view! {
        <button
            type="button"
            class="toggle"
            aria-pressed=move || if show.get() { "true" } else { "false" }
            disabled=move || !hydrated.get()
            on:click=move |_| show.update(|show| *show = !*show)
        >
            {text}
        </button>
    }
}
