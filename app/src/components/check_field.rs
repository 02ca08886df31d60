use leptos::html::Input;
use leptos::prelude::*;

/// A labelled checkbox, checked at first.
#[component]
pub fn CheckField(
    /// The label.
    label: &'static str,
    /// Its name in the form, and its id.
    name: &'static str,
    /// What it means, in a sentence.
    hint: &'static str,
    /// The element, whose state is read when the form is sent.
    node: NodeRef<Input>,
) -> impl IntoView {
    let hint_id = format!("{name}-hint");
    view! {
        <div class="check-field">
            <input
                node_ref=node
                type="checkbox"
                id=name
                name=name
                value="yes"
                checked
                aria-describedby=hint_id.clone()
            />
            <div>
                <label for=name>{label}</label>
                <p id=hint_id class="hint">{hint}</p>
            </div>
        </div>
    }
}
