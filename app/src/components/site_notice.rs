use leptos::prelude::*;

use super::Button;

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
    view! {
        <div class="site-notice" role="status">
            {move || text.get().map(|text| view! {
                <div class="center">
                    <div class="notice">
                        <p>{text}</p>
                        <Button on_press=on_dismiss text="Dismiss" label="Dismiss this message"/>
                    </div>
                </div>
            })}
        </div>
    }
}
