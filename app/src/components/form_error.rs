use leptos::prelude::*;

/// What went wrong with a whole form. Announced as soon as it appears.
#[component]
pub fn FormError(
    /// In words for the person; nothing while all is well.
    #[prop(into)]
    text: Signal<Option<String>>,
) -> impl IntoView {
    move || {
        text.get().map(|text| {
            view! { <p class="notice notice-danger" role="alert">{text}</p> }
        })
    }
}
