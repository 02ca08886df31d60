use leptos::prelude::*;

use crate::words::Words;

/// Offers a recovery code to a person who has not confirmed that they keep one. Every page shows
/// it, below its head and below the messages that cannot wait.
#[component]
pub fn RecoveryOffer(
    /// Whether to offer one.
    #[prop(into)]
    show: Signal<bool>,
    /// The page that has or makes the code.
    href: &'static str,
) -> impl IntoView {
    let words = Words::of_page().frame();
    view! {
        <Show when=move || show.get()>
            <aside class="site-notice recovery-offer" aria-label=words.offer_heading>
                <div class="center">
                    <div class="notice">
                        <p>{words.offer}</p>
                        <a class="button" href=href>{words.offer_link}</a>
                    </div>
                </div>
            </aside>
        </Show>
    }
}
