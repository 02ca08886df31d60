use leptos::prelude::*;

/// Kelp on its rock, for the home page. Decoration.
#[component]
pub fn Illustration() -> impl IntoView {
    view! {
        <svg class="illustration" viewBox="0 0 360 420" aria-hidden="true" focusable="false">
            <rect class="illustration-water" width="360" height="420"/>
            <path
                class="illustration-ripple"
                d="M0 40c40-14 80-14 120 0s80 14 120 0 80-14 120 0M0 72c40-12 80-12 120 0s80 12 120 0 80-12 120 0"
            />
            <path
                class="illustration-rock"
                d="M0 420v-34c22-20 56-30 92-32 24-2 38-16 66-18 32-2 48 12 76 16 52 6 100 20 126 44v24z"
            />
            <g class="illustration-blade">
                <path d="M176 228c-30-36-66-62-58-112 3-18 14-30 30-40-8 30-4 50 10 74s24 48 18 78z"/>
                <path d="M180 176c-8-44 10-84 46-104 22-12 46-14 68-6-34 8-52 24-66 48s-24 46-48 62z"/>
                <path d="M178 262c30-40 58-46 88-66 20-13 34-30 42-50 8 42-6 74-38 92s-62 12-92 24z"/>
                <path d="M176 270c-26-30-60-28-88-44-20-12-32-30-36-52 22 18 40 24 62 32 30 11 56 28 62 64z"/>
            </g>
            <path
                class="illustration-stipe"
                d="M182 318c-14-34 8-58 0-92s-14-56-4-92"
            />
            <g class="illustration-grip">
                <path d="M182 312c-14 20-44 18-66 32s-26 24-46 30"/>
                <path d="M182 312c-8 26-28 28-36 46s-10 24-24 34"/>
                <path d="M182 312c0 28-6 34-4 52s-6 24-4 34"/>
                <path d="M184 312c8 26 26 28 34 44s12 24 24 34"/>
                <path d="M184 312c16 18 46 18 66 32s26 22 46 28"/>
            </g>
        </svg>
    }
}
