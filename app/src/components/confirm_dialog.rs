use leptos::html::Dialog;
use leptos::prelude::*;

use super::{Button, Kind};

/// Asks before something that cannot be taken back. The browser keeps the focus in it,
/// closes it with Escape, and gives the focus back to what opened it.
#[component]
pub fn ConfirmDialog(
    /// What would be done, as a question; nothing while nothing is asked.
    #[prop(into)]
    question: Signal<Option<String>>,
    /// The button that does it.
    action: &'static str,
    /// It shall be done.
    #[prop(into)]
    on_confirm: Callback<()>,
    /// It shall not.
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
    // The words stay while the dialog goes.
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
