use leptos::prelude::*;
use leptos_meta::Title;

use super::{Button, PageHeading};
use crate::pieces::{Awaited, Piece};
use crate::words::Words;

/// Says that the code of a page did not arrive, and offers to try again. When it has arrived, this
/// shows the page.
#[component]
pub fn MissingPage(
    /// The piece of the page.
    page: Piece,
) -> impl IntoView {
    let words = Words::of_page().frame();
    let page = Awaited::new(page);
    let told = move || {
        if page.is_missing() {
            words.missing_page_still
        } else {
            words.missing_page_hint
        }
    };
    move || match page.view() {
        Some(page) => page,
        None => view! {
            <Title text=words.missing_page/>
            <div class="center stack narrow">
                <PageHeading text=words.missing_page/>
                <p class="lead" role="status">{told}</p>
                <div class="cluster">
                    <Button on_press=move || page.load() busy=page.busy text=words.try_again/>
                    // Without `rel`, the router would stay on this page.
                    <a class="button" href="" rel="external">{words.load_again}</a>
                </div>
            </div>
        }
        .into_any(),
    }
}
