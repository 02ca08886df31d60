use leptos::prelude::*;

use crate::paths;
use crate::words::Words;

/// The way on for a signed-in person who is asked for the password and has forgotten it.
#[component]
pub fn ForgotPassword(
    /// Called when the person follows the link.
    #[prop(into)]
    on_follow: Callback<()>,
) -> impl IntoView {
    let words = Words::of_page().fields();
    view! {
        <p class="hint">
            {words.forgot}
            <a href=paths::RECOVER on:click=move |_| on_follow.run(())>{words.recover}</a>
            {words.recover_after}
        </p>
    }
}
