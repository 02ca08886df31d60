use leptos::html::Textarea;
use leptos::prelude::*;
use leptos::tachys::html::attribute::custom::custom_attribute;
use wasm_bindgen::JsCast;
use web_sys::HtmlElement;

use super::text_field::{describes, notes};

/// A labelled field for a long code, which a phone shows in two lines. It is one line for the form all the
/// same: the Enter key sends the form, and a line break that the person pastes becomes a space.
#[component]
pub fn CodeField(
    /// The label.
    label: &'static str,
    /// Its name in the form, and its id.
    name: &'static str,
    /// A hint: what is accepted.
    hint: &'static str,
    /// What is wrong with it.
    #[prop(into)]
    error: Signal<Option<String>>,
    /// The element, whose value is read when the form is sent.
    node: NodeRef<Textarea>,
    /// Called while the person types.
    #[prop(into)]
    on_type: Callback<()>,
) -> impl IntoView {
    let hint = Signal::stored(Some(hint.to_owned()));
    let one_line = move || {
        if let Some(field) = node.get_untracked() {
            let typed = field.value();
            if typed.contains('\n') {
                field.set_value(&typed.replace('\n', " "));
            }
        }
    };
    view! {
        <div class="field">
            <label for=name>{label}</label>
            <textarea
                node_ref=node
                class="input input-code"
                id=name
                name=name
                rows="2"
                autocomplete="off"
                autocapitalize="characters"
                dir="auto"
                spellcheck="false"
                {..custom_attribute("autocorrect", "off")}
                aria-invalid=move || error.get().is_some().then_some("true")
                aria-describedby=describes(name, hint, error)
                on:keydown=move |event| {
                    if event.key() == "Enter" && !event.is_composing() {
                        event.prevent_default();
                        press_submit(node);
                    }
                }
                on:input=move |_| {
                    one_line();
                    on_type.run(());
                }
            ></textarea>
            {notes(name, hint, error)}
        </div>
    }
}

/// Presses the button that sends the form of this field.
fn press_submit(node: NodeRef<Textarea>) {
    let form = node.get_untracked().map(|field| field.closest("form"));
    let form = form.and_then(|form| form.ok().flatten());
    let button = form.map(|form| form.query_selector("[type=submit]"));
    let button = button.and_then(|button| button.ok().flatten());
    if let Some(button) = button.and_then(|button| button.dyn_into::<HtmlElement>().ok()) {
        button.click();
    }
}
