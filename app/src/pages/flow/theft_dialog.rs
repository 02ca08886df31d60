use leptos::html::Dialog;
use leptos::prelude::*;
use uuid::Uuid;

use crate::components::{Button, Kind};
use crate::words::FlowWords;

/// Asks before an old refresh token is presented, because that ends the session. The browser keeps the
/// focus in the dialog, closes it with Escape, and returns the focus to the button that opened it.
#[component]
pub(super) fn TheftDialog(
    /// The session about which it asks. `None` while the dialog is closed.
    asked: RwSignal<Option<Uuid>>,
    /// Called with that session when the person confirms.
    #[prop(into)]
    on_confirm: Callback<Uuid>,
) -> impl IntoView {
    let words = &FlowWords::of_page().theft;
    let dialog = NodeRef::<Dialog>::new();
    Effect::new(move |_| {
        let asks = asked.read().is_some();
        let Some(dialog) = dialog.get() else { return };
        if asks && !dialog.open() {
            let _ = dialog.show_modal();
        } else if !asks {
            dialog.close();
        }
    });
    let cancel = move || asked.set(None);
    let confirm = move || {
        if let Some(session_id) = asked.get_untracked() {
            asked.set(None);
            on_confirm.run(session_id);
        }
    };
    view! {
        <dialog
            node_ref=dialog
            class="dialog"
            aria-labelledby="theft-question"
            on:close=move |_| cancel()
        >
            <div class="stack">
                <h2 id="theft-question">{words.question}</h2>
                <div class="cluster">
                    <Button on_press=cancel text=words.cancel/>
                    <Button kind=Kind::Danger on_press=confirm text=words.confirm/>
                </div>
            </div>
        </dialog>
    }
}
