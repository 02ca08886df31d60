use leptos::html::Input;
use leptos::prelude::*;
use leptos::tachys::html::attribute::custom::custom_attribute;

/// A labelled field for a line of text or a password, with its error.
#[component]
pub fn TextField(
    /// The label.
    label: &'static str,
    /// Its name in the form, and its id.
    name: &'static str,
    /// What a password manager should fill in.
    autocomplete: &'static str,
    /// For a password: whether its characters are shown.
    #[prop(optional)]
    show: Option<RwSignal<bool>>,
    /// A hint: what is accepted, or what is still missing.
    #[prop(optional, into)]
    hint: Signal<Option<String>>,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The element, whose value is read when the form is sent: a password manager may have
    /// filled it in before the client listened to events.
    node: NodeRef<Input>,
    /// The keyboard of a phone, if it is not the usual one.
    #[prop(optional)]
    inputmode: Option<&'static str>,
    /// What the keyboard of a phone writes in capital letters: `none`, `characters`, or the first letter
    /// of `sentences`.
    #[prop(default = "none")]
    autocapitalize: &'static str,
    /// Called with the value while the person types.
    #[prop(optional, into)]
    on_type: Option<Callback<String>>,
) -> impl IntoView {
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <input
                node_ref=node
                class="input"
                type=move || match show {
                    Some(show) if !show.get() => "password",
                    _ => "text",
                }
                id=name
                name=name
                autocomplete=autocomplete
                inputmode=inputmode
                autocapitalize=autocapitalize
                // The name of a browser, or a password that is shown, may be written from right to left.
                dir="auto"
                spellcheck="false"
                // A password that is shown is a text for the browser, and a phone would correct its words.
                {..custom_attribute("autocorrect", "off")}
                aria-invalid=move || error.get().is_some().then_some("true")
                aria-describedby=describes(name, hint, error)
                on:input=move |event| {
                    if let Some(on_type) = on_type {
                        on_type.run(event_target_value(&event));
                    }
                }
            />
            {notes(name, hint, error)}
        </div>
    }
}

/// The id of what describes the field of this name.
pub(super) fn describes(
    name: &'static str,
    hint: Signal<Option<String>>,
    error: Signal<Option<String>>,
) -> impl Fn() -> Option<String> + Copy + Send + Sync + 'static {
    move || match (error.get().is_some(), hint.get().is_some()) {
        (true, _) => Some(format!("{name}-error")),
        (false, true) => Some(format!("{name}-hint")),
        (false, false) => None,
    }
}

/// The error of the field of this name, or its hint.
pub(super) fn notes(
    name: &'static str,
    hint: Signal<Option<String>>,
    error: Signal<Option<String>>,
) -> impl Fn() -> AnyView + Copy + Send + Sync + 'static {
    move || match (error.get(), hint.get()) {
        (Some(error), _) => view! {
            <p id=format!("{name}-error") class="field-error" role="alert">{error}</p>
        }
        .into_any(),
        (None, Some(hint)) => {
            view! { <p id=format!("{name}-hint") class="hint">{hint}</p> }.into_any()
        }
        (None, None) => ().into_any(),
    }
}
