use leptos::prelude::*;

/// Kelp on its rock, for the home page. Decoration.
#[component]
pub fn Illustration() -> impl IntoView {
    view! {
        <svg class="illustration" viewBox="0 0 360 420" aria-hidden="true" focusable="false">
            <path class="illustration-water" d="M0 70c40-18 80-18 120 0s80 18 120 0 80-18 120 0v350H0z"/>
            <path
                class="illustration-ripple"
                d="M0 112c40-14 80-14 120 0s80 14 120 0 80-14 120 0M0 150c40-12 80-12 120 0s80 12 120 0 80-12 120 0"
            />
            <path
                class="illustration-rock"
                d="M18 420c6-40 44-62 86-66 22-2 36-14 62-16 30-2 44 12 70 16 48 6 92 22 106 66z"
            />
            <g class="illustration-stipe">
                <path d="M182 316c-16-42 22-72 8-118s-40-64-18-118"/>
                <path d="M180 316c-44-34-30-80-58-116s-34-50-24-84"/>
                <path d="M184 316c40-30 34-76 62-106s36-58 24-98"/>
            </g>
            <g class="illustration-blade">
                <path d="M172 80c26 4 40-14 36-44-26 2-42 18-36 44z"/>
                <path d="M187 150c24 8 46-4 52-32-28-4-50 8-52 32z"/>
                <path d="M186 236c-26 2-42-16-38-44 28 4 42 20 38 44z"/>
                <path d="M98 116c-24-8-30-30-16-54 22 12 30 32 16 54z"/>
                <path d="M116 192c-24 10-46-2-52-28 26-6 48 4 52 28z"/>
                <path d="M270 112c24-8 32-30 18-54-24 10-32 30-18 54z"/>
                <path d="M256 196c22 12 46 2 54-24-26-8-48 0-54 24z"/>
            </g>
            <g class="illustration-grip">
                <path d="M182 312c-14 20-44 18-62 34s-22 22-40 28"/>
                <path d="M182 312c-8 26-26 26-34 44s-10 26-24 36"/>
                <path d="M182 312c0 28-6 34-4 52s-6 24-4 34"/>
                <path d="M184 312c8 26 24 26 32 42s12 26 24 34"/>
                <path d="M184 312c16 18 44 18 62 32s24 24 42 28"/>
            </g>
        </svg>
    }
}
