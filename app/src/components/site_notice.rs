use leptos::prelude::*;

use super::Button;
use crate::words::Words;

/// A message that the person has to read. It stays at the top of every page until it was
/// dismissed. The region is always there, so that screen readers announce new text in it.
#[component]
pub fn SiteNotice(
    /// What to say; nothing while there is nothing.
    #[prop(into)]
    text: Signal<Option<&'static str>>,
    /// Called when the person dismisses it.
    #[prop(into)]
    on_dismiss: Callback<()>,
) -> impl IntoView {
    let words = Words::of_page().frame();
    view! {
        <div class="site-notice" role="status">
            {move || text.get().map(|text| view! {
                <div class="center">
                    <div class="notice">
                        <p>{text}</p>
                        <Button on_press=on_dismiss text=words.dismiss label=words.dismiss_this/>
                    </div>
                </div>
            })}
        </div>
    }
}
