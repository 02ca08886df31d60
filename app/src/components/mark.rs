use leptos::prelude::*;

/// The logo: a holdfast, the branching part by which kelp holds on to its rock while the sea
/// pulls at it. It is decoration, because the name is beside it.
#[component]
pub fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true" focusable="false">
            <path
                class="mark-stipe"
                d="M16 2.5c2.6 2.6 2.6 5.6 0 8.2s-2.6 3.9 0 6.3"
            />
            <path
                class="mark-grip"
                d="M16 16.5c-1.2 3.6-4.4 3.7-6.6 5.4S6.2 25.4 5 28.5M16 16.5c1.2 3.6 4.4 3.7 6.6 5.4s3.2 3.5 4.4 6.6M16 16.5v12"
            />
        </svg>
    }
}
