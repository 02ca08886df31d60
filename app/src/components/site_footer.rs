use leptos::prelude::*;
use leptos::tachys::html::InertElement;

use crate::paths;
use crate::words::{Language, Words};

/// The foot of every page, with the switch to the other language. The switch leads to the server, which
/// keeps the choice and leads back; the script in the page adds which page that is (`start.js`).
#[component]
pub fn SiteFooter() -> impl IntoView {
    let words = Words::of_page().frame();
    let (slogan, flow, path) = (words.slogan, words.flow, paths::FLOW);
    // With `rel`, the router leaves the click to the browser.
    let switch = match Language::of_page() {
        Language::English => {
            r#"<a href="/language/de" rel="external nofollow" lang="de" hreflang="de">Deutsch</a>"#
        }
        Language::German => {
            r#"<a href="/language/en" rel="external nofollow" lang="en" hreflang="en">English</a>"#
        }
    };
    // Nothing in it changes, so it is one text, and not a view of each element.
    let foot = format!(
        r#"<div class="center cluster"><p>Holdfast</p><p><a href="{path}">{flow}</a></p><p>{slogan}</p><p>{switch}</p></div>"#
    );
    view! { <footer class="site-footer">{InertElement::new(foot)}</footer> }
}
