use leptos::prelude::*;

/// Offers a recovery code to a person who has not confirmed that they keep one. Every page shows
/// it, below its head.
#[component]
pub fn RecoveryOffer(
    /// Whether to offer one.
    #[prop(into)]
    show: Signal<bool>,
    /// The page that has or makes the code.
    href: &'static str,
) -> impl IntoView {
    view! {
        <Show when=move || show.get()>
            <aside class="site-notice recovery-offer" aria-label="Recovery code">
                <div class="center">
                    <div class="notice">
                        <p>
                            "If you forget your password, only a recovery code lets you back in. "
                            "You have not confirmed yet that you keep one."
                        </p>
                        <a class="button" href=href>"Get your recovery code"</a>
                    </div>
                </div>
            </aside>
        </Show>
    }
}
