use leptos::prelude::*;
use leptos_meta::Title;

use super::{Button, PageHeading};
use crate::pieces::{Awaited, Piece};

/// Says that the code of a page did not arrive, and offers to try again. When it has arrived, this
/// shows the page.
#[component]
pub fn MissingPage(
    /// The piece of the page.
    page: Piece,
) -> impl IntoView {
    let page = Awaited::new(page);
    let told = move || {
        if page.is_missing() {
            "The page has still not arrived. If other pages work, load this page again: there may \
             be a newer version of it."
        } else {
            "Check your connection, and try again."
        }
    };
    move || match page.view() {
        Some(page) => page,
        None => view! {
            <Title text="This page did not arrive"/>
            <div class="center stack narrow">
                <PageHeading text="This page did not arrive"/>
                <p class="lead" role="status">{told}</p>
                <div class="cluster">
                    <Button on_press=move || page.load() busy=page.busy text="Try again"/>
                    // Without `rel`, the router would stay on this page.
                    <a class="button" href="" rel="external">"Load the page again"</a>
                </div>
            </div>
        }
        .into_any(),
    }
}
