//! The WebAssembly entry. All other code of the browser is in `app`.

use leptos::prelude::location;
use wasm_bindgen::JsError;
use wasm_bindgen::prelude::wasm_bindgen;

/// Loads the code that the page needs at once. The script in the page calls this before [`hydrate`].
///
/// # Errors
/// If the code does not arrive.
#[wasm_bindgen]
pub async fn load() -> Result<(), JsError> {
    console_error_panic_hook::set_once();
    let path = location().pathname().unwrap_or_default();
    holdfast_app::load(&path)
        .await
        .map_err(|_| JsError::new("the code of this page did not arrive"))
}

/// Takes over the page that the server rendered.
#[wasm_bindgen]
pub fn hydrate() {
    console_error_panic_hook::set_once();
    leptos::mount::hydrate_body(holdfast_app::root);
}
