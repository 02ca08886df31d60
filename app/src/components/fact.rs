use leptos::prelude::*;

/// A name and what stands behind it, in a `<dl class="facts">`.
#[component]
pub fn Fact(
    /// The name.
    name: &'static str,
    /// What stands behind it.
    children: Children,
) -> impl IntoView {
    view! {
        <div>
            <dt>{name}</dt>
            <dd>{children()}</dd>
        </div>
    }
}
