use leptos::html::H2;
use leptos::prelude::*;

use super::Button;
use crate::focus::focus_heading;
use crate::words::Words;

/// Says that data could not be loaded, and offers to try again.
///
/// The notice stays while the data load again, so that its button keeps the focus. When the
/// load succeeds, the notice disappears, and the focus moves to the heading of the page, or to
/// another one that the caller names.
#[component]
pub fn LoadError(
    /// In words for the person; nothing while all is well.
    #[prop(into)]
    text: Signal<Option<String>>,
    /// Whether the data load again.
    #[prop(into)]
    busy: Signal<bool>,
    /// Called to load the data again.
    #[prop(into)]
    on_retry: Callback<()>,
    /// The heading that gets the focus. It can be focused by a script.
    #[prop(optional)]
    heading: Option<NodeRef<H2>>,
) -> impl IntoView {
    let has_failed = Memo::new(move |_| text.read().is_some());
    let is_retried = RwSignal::new(false);
    Effect::new(move |_| {
        if !has_failed.get() && is_retried.get_untracked() {
            is_retried.set(false);
            match heading.and_then(|heading| heading.get_untracked()) {
                Some(heading) => {
                    let _ = heading.focus();
                }
                None => focus_heading(),
            }
        }
    });
    // If a retry fails, a later success does not move the focus, because the person has not asked
    // for it.
    Effect::new(move |was_busy: Option<bool>| {
        let is_busy = busy.get();
        if was_busy == Some(true) && !is_busy && has_failed.get_untracked() {
            is_retried.set(false);
        }
        is_busy
    });
    let retry = move || {
        is_retried.set(true);
        on_retry.run(());
    };
    let try_again = Words::of_page().frame().try_again;
    view! {
        <Show when=move || has_failed.get()>
            <div class="notice cluster" role="alert">
                <p>{move || text.get()}</p>
                <Button on_press=retry busy text=try_again/>
            </div>
        </Show>
    }
}
