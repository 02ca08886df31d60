use leptos::prelude::*;

use super::Button;

/// Something that the person has to read, at the top of every page until it was read. The
/// region is always there, so that screen readers announce what appears in it.
#[component]
pub fn SiteNotice(
    /// What to say; nothing while there is nothing.
    #[prop(into)]
    text: Signal<Option<&'static str>>,
    /// It was read.
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
