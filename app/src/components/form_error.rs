use leptos::prelude::*;

/// An error of a whole form. Screen readers announce it as soon as it appears.
#[component]
pub fn FormError(
    /// The error in words for the person; nothing if there is none.
    #[prop(into)]
    text: Signal<Option<String>>,
) -> impl IntoView {
    move || {
        text.get().map(|text| {
            view! { <p class="notice notice-danger" role="alert">{text}</p> }
        })
    }
}
