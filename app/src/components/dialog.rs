use leptos::html;
use leptos::prelude::*;

/// A form that a person has to answer before they go on. The browser keeps the focus in the dialog,
/// closes it with Escape, and returns the focus to the element that opened it.
#[component]
pub fn Dialog(
    /// The question. `None` while the dialog is closed; then it has no content.
    #[prop(into)]
    question: Signal<Option<String>>,
    /// The dialog itself.
    node: NodeRef<html::Dialog>,
    /// The field that gets the focus.
    first: NodeRef<html::Input>,
    /// Called when the dialog was closed, also by Escape.
    #[prop(into)]
    on_close: Callback<()>,
    /// What is below the question.
    children: ChildrenFn,
) -> impl IntoView {
    let is_open = Memo::new(move |_| question.get().is_some());
    Effect::new(move |_| {
        let Some(dialog) = node.get() else { return };
        if !is_open.get() {
            return dialog.close();
        }
        // The field exists only after the content was made.
        let Some(first) = first.get() else { return };
        if !dialog.open() {
            let _ = dialog.show_modal();
        }
        let _ = first.focus();
    });
    view! {
        <dialog
            node_ref=node
            class="dialog"
            aria-labelledby=move || is_open.get().then_some("dialog-question")
            on:close=move |_| on_close.run(())
        >
            <Show when=move || is_open.get()>
                <div class="stack">
                    <h2 id="dialog-question">{move || question.get()}</h2>
                    {children()}
                </div>
            </Show>
        </dialog>
    }
}
