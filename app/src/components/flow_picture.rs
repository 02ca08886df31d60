use leptos::prelude::*;

/// What the browser and the server say in turn. The third and the fourth line are the renewal.
const LINES: [&str; 6] = [
    "“My page, please.”",
    "“Your pass has run out.”",
    "“A new one, please.”",
    "“Here is a new one.”",
    "“My page, please.”",
    "“Here it is.”",
];

/// How a browser gets a new pass, for the home page. The lines appear one after the other, once.
#[component]
pub fn FlowPicture() -> impl IntoView {
    view! {
        <svg
            class="flow-picture"
            viewBox="0 0 360 290"
            role="img"
            aria-label="A browser asks for a page. Its pass has run out. It gets a new pass, asks again, and gets the page."
            inner_html=shapes("Your browser", "The server", LINES)
        ></svg>
    }
}

/// The lanes and the lines as text, because a view of so many elements would be a part of the code that
/// every first visit downloads.
fn shapes(browser: &str, server: &str, lines: [&str; 6]) -> String {
    let mut shapes = format!(
        "<path class=flow-picture-lanes d=\"M60 36v246M300 36v246\"/>\
         <text x=60 y=20>{browser}</text><text x=300 y=20>{server}</text>"
    );
    let mut y = 72;
    for (number, words) in lines.into_iter().enumerate() {
        let arrow = if number % 2 == 0 {
            "M60 0h234m-8-6 8 6-8 6"
        } else {
            "M300 0H66m8-6-8 6 8 6"
        };
        shapes.push_str(&format!(
            "<g transform=\"translate(0 {y})\"><path d=\"{arrow}\"/><text x=180 y=-8>{words}</text></g>"
        ));
        y += 40;
    }
    shapes
}
