//! The style of the page, which is a file of its own in the release. Other pages do not load it.

use std::time::Duration;

use leptos::prelude::*;

use crate::components::Hydrated;
use crate::focus::{self, focus_heading};

/// How long the page waits for its style.
const PATIENCE: Duration = Duration::from_secs(5);

/// The address of the file, or `None` if the style of all pages contains it. The server provides it;
/// the browser reads it from `data-flow-style` of the document.
#[derive(Clone)]
pub struct FlowStyle(pub Option<String>);

impl FlowStyle {
    fn of_page() -> Self {
        use_context().unwrap_or_else(|| {
            if cfg!(not(target_family = "wasm")) {
                return Self(None);
            }
            let document = document().document_element();
            Self(document.and_then(|it| it.get_attribute("data-flow-style")))
        })
    }
}

/// Loads the style, and shows the page when it has come. Without the style the page can be read, too, so
/// it is also shown if the style does not come within some seconds.
#[component]
pub fn Styled(children: Children) -> impl IntoView {
    let address = FlowStyle::of_page().0;
    // The document that the server sends has the style already.
    let is_awaited = address.is_some() && Hydrated::of_page().get_untracked();
    let is_loading = RwSignal::new(is_awaited);
    let show = move || {
        // Nothing hidden can have the focus. So the heading gets it now, unless the person has moved it.
        if is_loading.try_get_untracked() == Some(true) {
            is_loading.set(false);
            request_animation_frame(|| {
                if focus::is_lost() {
                    focus_heading();
                }
            });
        }
    };
    if is_awaited {
        set_timeout(show, PATIENCE);
    }
    // The head of a document that the server sends has the style. A second link within the page would let the
    // browser draw the top of the page before the rest.
    let sheet = address.filter(|_| is_awaited).map(|address| {
        view! {
            <link
                rel="stylesheet"
                href=address
                on:load=move |_| show()
                on:error=move |_| show()
            />
        }
    });
    view! {
        {sheet}
        <div hidden=move || is_loading.get()>{children()}</div>
    }
}
