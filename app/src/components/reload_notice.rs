use leptos::prelude::*;

use super::Button;
use crate::words::Words;

/// Says that the page waits for a reload, and may offer it. The page shows no account then.
#[component]
pub fn ReloadNotice(
    /// Why it waits; nothing if it does not.
    #[prop(into)]
    text: Signal<Option<&'static str>>,
    /// Whether the person can reload it.
    #[prop(into)]
    can_reload: Signal<bool>,
    /// Called to reload the page.
    #[prop(into)]
    on_reload: Callback<()>,
) -> impl IntoView {
    let waits = Memo::new(move |_| text.get().is_some());
    let words = Words::of_page().frame();
    view! {
        <Show when=move || waits.get()>
            <div class="site-notice">
                <div class="center">
                    <div class="notice" role="alert">
                        <p>{move || text.get()}</p>
                        <Show when=move || can_reload.get()>
                            <Button on_press=on_reload text=words.reload/>
                        </Show>
                    </div>
                </div>
            </div>
        </Show>
    }
}
