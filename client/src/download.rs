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

/// Lets the browser save these bytes under this name.
pub(super) fn save(bytes: &ArrayBuffer, file_name: &str) -> Result<(), JsValue> {
    let options = BlobPropertyBag::new();
    options.set_type(MEDIA_TYPE);
    let file = Blob::new_with_u8_array_sequence_and_options(&Array::of1(bytes), &options)?;
    let address = Url::create_object_url_with_blob(&file)?;
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
