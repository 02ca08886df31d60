use leptos::html::Input;
use leptos::prelude::*;

use super::Hydrated;
use super::text_field::{FieldNotes, described_by};

/// A labelled password, with what is wrong with it.
#[component]
pub fn PasswordField(
    /// What to enter.
    label: &'static str,
    /// Its name in the form, and its id.
    name: &'static str,
    /// `current-password` or `new-password`, for password managers.
    autocomplete: &'static str,
    /// Whether the characters are shown.
    show: RwSignal<bool>,
    /// What is accepted, or how far one has come.
    #[prop(optional, into)]
    hint: Signal<Option<String>>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The element, to read its value from when the form is sent.
    node: NodeRef<Input>,
    /// Told the value while it is typed.
    #[prop(optional, into)]
    on_type: Option<Callback<String>>,
) -> impl IntoView {
    let describes = described_by(name, hint, error);
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                node_ref=node
                class="input"
                type=move || if show.get() { "text" } else { "password" }
                id=name
                name=name
                autocomplete=autocomplete
                autocapitalize="none"
                spellcheck="false"
                aria-invalid=move || error.get().is_some().then_some("true")
                aria-describedby=describes
                on:input=move |event| {
                    if let Some(on_type) = on_type {
                        on_type.run(event_target_value(&event));
                    }
                }
            />
            <FieldNotes name hint error/>
        </div>
    }
}

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
