use leptos::html::Dialog;
use leptos::prelude::*;

use super::{Button, Kind};

/// Asks before an action that cannot be undone. The browser keeps the focus in the dialog,
/// closes it with Escape, and returns the focus to the element that opened it.
#[component]
pub fn ConfirmDialog(
    /// The question. `None` while the dialog is closed.
    #[prop(into)]
    question: Signal<Option<String>>,
    /// The text of the button that does it.
    action: &'static str,
    /// Called when the person confirms.
    #[prop(into)]
    on_confirm: Callback<()>,
    /// Called when the person refuses.
    #[prop(into)]
    on_cancel: Callback<()>,
) -> impl IntoView {
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let asks = question.get().is_some();
        let Some(dialog) = dialog.get() else {
            return;
        };
        if asks && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !asks {
            dialog.close();
        }
    });
    // The text stays while the dialog closes.
    let words = Memo::new(move |before: Option<&String>| {
        question
            .get()
            .or_else(|| before.cloned())
            .unwrap_or_default()
    });
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="dialog-question"
            on:close=move |_| on_cancel.run(())
        >
            <div class="stack">
                <h2 id="dialog-question">{move || words.get()}</h2>
                <div class="cluster">
                    <Button on_press=on_cancel text="Cancel"/>
                    <Button kind=Kind::Danger on_press=on_confirm text=action/>
                </div>
            </div>
        </dialog>
    }
}
