//! One button that counts, taken over from `public/page.html`.

use leptos::prelude::*;

/// Takes over the page.
#[wasm_bindgen::prelude::wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_body(|| {
        let (count, set_count) = signal(0);
        view! { <button on:click=move |_| set_count.update(|count| *count += 1)>{count}</button> }
    });
}
