use leptos::prelude::*;
use leptos::task::spawn_local;
use leptos_meta::Title;

use super::{Button, PageHeading};
use crate::pieces::Piece;

/// Says that the code of a page did not arrive, and offers to try again. When it has arrived, this
/// shows the page.
#[component]
pub fn MissingPage(
    /// The piece of the page.
    page: Piece,
) -> impl IntoView {
    let has_arrived = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let failures = RwSignal::new(1_u32);
    let retry = move || {
        busy.set(true);
        spawn_local(async move {
            let outcome = page.load().await;
            // The person has gone to another page meanwhile.
            if busy.is_disposed() {
                return;
            }
            busy.set(false);
            match outcome {
                Ok(()) => has_arrived.set(true),
                Err(_) => failures.update(|failures| *failures += 1),
            }
        });
    };
    let told = move || {
        if failures.get() > 1 {
            "The page has still not arrived. If other pages work, load this page again: there may \
             be a newer version of it."
        } else {
            "Check your connection, and try again."
        }
    };
    move || match has_arrived.get().then(|| page.view_now()).flatten() {
        Some(page) => page,
        None => view! {
            <Title text="This page did not arrive"/>
            <div class="center stack narrow">
                <PageHeading text="This page did not arrive"/>
                <p class="lead" role="status">{told}</p>
                <div class="cluster">
                    <Button on_press=retry busy text="Try again"/>
                    // Without `rel`, the router would stay on this page.
                    <a class="button" href="" rel="external">"Load the page again"</a>
                </div>
            </div>
        }
        .into_any(),
    }
}
