use leptos::prelude::*;

/// Tells password managers whose password a form is about, if the form does not ask for the name.
#[component]
pub fn HiddenUsername(#[prop(into)] username: Signal<String>) -> impl IntoView {
    view! {
        <input
            class="visually-hidden"
            type="text"
            autocomplete="username"
            readonly
            tabindex="-1"
            aria-hidden="true"
            prop:value=username
        />
    }
}
