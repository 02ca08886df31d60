//! Files that the browser gives to the person.

use gloo_timers::callback::Timeout;
use js_sys::{Array, ArrayBuffer};
use leptos::prelude::document;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::{Blob, BlobPropertyBag, HtmlAnchorElement, Url};

/// How long the browser may take until it has begun to read the file.
const BEGINS_WITHIN_MS: u32 = 60_000;

/// The media type of every file. With it, no browser shows the file as a page of this origin, which
/// could read the tokens. The system chooses the program for the file by its name.
const MEDIA_TYPE: &str = "application/octet-stream";

/// Gives a text that the app has made to the person as a file of this name, in UTF-8. Call it in the handler
/// of an event. The browser may ask the person first, or choose another name, and it does not say what became
/// of the file.
///
/// To give the person an answer of the server, use [`ApiAnswer::download`](super::ApiAnswer::download).
pub fn save_text(text: &str, file_name: &str) {
    let parts = Array::of1(&JsValue::from_str(text));
    let file = Blob::new_with_str_sequence_and_options(&parts, &options());
    if let Err(why) = file.and_then(|file| offer(&file, file_name)) {
        leptos::logging::error!("The browser has not saved the file: {why:?}");
    }
}

/// Lets the browser save these bytes under this name.
pub(super) fn save(bytes: &ArrayBuffer, file_name: &str) -> Result<(), JsValue> {
    let file = Blob::new_with_u8_array_sequence_and_options(&Array::of1(bytes), &options())?;
    offer(&file, file_name)
}

fn options() -> BlobPropertyBag {
    let options = BlobPropertyBag::new();
    options.set_type(MEDIA_TYPE);
    options
}

fn offer(file: &Blob, file_name: &str) -> Result<(), JsValue> {
    let address = Url::create_object_url_with_blob(file)?;
    // The link is never in the document, so no code of the page sees the click.
    let link: HtmlAnchorElement = document().create_element("a")?.unchecked_into();
    link.set_href(&address);
    link.set_download(file_name);
    link.click();
    // A browser may begin to read after the click. Without this, the file would stay in memory for
    // as long as the page lives.
    let revoke = move || {
        let _ = Url::revoke_object_url(&address);
    };
    Timeout::new(BEGINS_WITHIN_MS, revoke).forget();
    Ok(())
}
