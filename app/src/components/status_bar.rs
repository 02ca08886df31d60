use leptos::prelude::*;

/// A line below the header. It is always there, so that screen readers announce new text in
/// it. When it is empty, it takes no room.
#[component]
pub fn StatusBar(
    /// What to say.
    #[prop(into)]
    text: Signal<Option<&'static str>>,
) -> impl IntoView {
    view! { <p class="status-bar" role="status">{move || text.get()}</p> }
}
