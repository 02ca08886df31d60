use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use crate::words::Words;

/// How a browser gets a new pass, for the home page. The lines appear one after the other, once.
#[component]
pub fn FlowPicture() -> impl IntoView {
    let words = Words::of_page().home();
    let (browser, server, picture) = (words.picture_browser, words.picture_server, words.picture);
    // Nothing in it changes, so it is one text, and not a view of each element.
    let mut svg = format!(
        "<svg class=\"flow-picture\" viewBox=\"0 0 360 290\" role=\"img\" aria-label=\"{picture}\">\
         <path class=\"flow-picture-lanes\" d=\"M60 36v246M300 36v246\"/>\
         <text x=\"60\" y=\"20\">{browser}</text><text x=\"300\" y=\"20\">{server}</text>"
    );
    let mut y = 72;
    for (number, words) in words.picture_lines.iter().enumerate() {
        let arrow = if number % 2 == 0 {
            "M60 0h234m-8-6 8 6-8 6"
        } else {
            "M300 0H66m8-6-8 6 8 6"
        };
        svg.push_str(&format!(
            "<g transform=\"translate(0 {y})\"><path d=\"{arrow}\"/><text x=\"180\" y=\"-8\">{words}</text></g>"
        ));
        y += 40;
    }
    svg.push_str("</svg>");
    InertElement::new(svg)
}
