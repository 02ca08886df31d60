use leptos::prelude::*;

/// A calm line below the header. It is always there, so that screen readers
/// announce what appears in it; empty, it takes no room.
#[component]
pub fn StatusBar(
    /// What to say.
    #[prop(into)]
    text: Signal<Option<&'static str>>,
) -> impl IntoView {
    view! { <p class="status-bar" role="status">{move || text.get()}</p> }
}
