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
                d="M16 16.5c-1.2 3.6-4.2 3.7-6.4 5.2S6.4 25.400 5 28.500M16 16.500c1.200 3.600 4.200 3.700 6.400 5.200s3.200 3.700 4.600 6.800M16 16.500c-.4 4.400-3 6-3.600 12M16 16.500c.4 4.400 3 6 3.600 12"
            />
        </svg>
    }
}
