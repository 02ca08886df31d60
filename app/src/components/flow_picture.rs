use leptos::prelude::*;

/// What the browser and the server say in turn, and whether the line is about the renewal.
const LINES: [(&str, bool); 6] = [
    ("“My page, please.”", false),
    ("“Your pass has run out.”", false),
    ("“A new one, please.”", true),
    ("“Here is a new one.”", true),
    ("“My page, please.”", false),
    ("“Here it is.”", false),
];

/// How a browser gets a new pass, for the home page. The lines appear one after the other, once.
#[component]
pub fn FlowPicture() -> impl IntoView {
    let line = |(number, (words, is_renewal)): (usize, (&'static str, bool))| {
        let y = 72 + 40 * number;
        let arrow = if number % 2 == 0 {
            format!("M60 {y}h234m-8-6 8 6-8 6")
        } else {
            format!("M300 {y}H66m8-6-8 6 8 6")
        };
        view! {
            <g class:is-renewal=is_renewal>
                <path d=arrow/>
                <text x="180" y=y - 8>{words}</text>
            </g>
        }
    };
    view! {
        <svg
            class="flow-picture"
            viewBox="0 0 360 290"
            role="img"
            aria-label="A browser asks for a page. Its pass has run out. It gets a new pass, asks again, and gets the page."
        >
            <path class="flow-picture-lanes" d="M60 36v246M300 36v246"/>
            <text x="60" y="20">"Your browser"</text>
            <text x="300" y="20">"The server"</text>
            {LINES.into_iter().enumerate().map(line).collect_view()}
        </svg>
    }
}
