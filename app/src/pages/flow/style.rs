//! The style of the page, which is a file of its own in the release. Other pages do not load it.

use leptos::prelude::*;

use crate::components::Hydrated;

/// The address of the file, or `None` if the style of all pages contains it. The server provides it;
/// the browser reads it from `data-flow-style` of the document.
#[derive(Clone)]
pub struct FlowStyle(pub Option<String>);

impl FlowStyle {
    fn of_page() -> Self {
        use_context().unwrap_or_else(|| {
            let document = document().document_element();
            Self(document.and_then(|it| it.get_attribute("data-flow-style")))
        })
    }
}

/// Loads the style, and shows the page when it has come. Without the style the page can be read, too, so
/// it is also shown if the style does not come.
#[component]
pub fn Styled(children: Children) -> impl IntoView {
    let address = FlowStyle::of_page().0;
    // The document that the server sends has the style already.
    let is_loading = address.is_some() && Hydrated::of_page().get_untracked();
    let is_loading = RwSignal::new(is_loading);
    let sheet = address.map(|address| {
        view! {
            <link
                rel="stylesheet"
                href=address
                on:load=move |_| is_loading.set(false)
                on:error=move |_| is_loading.set(false)
            />
        }
    });
    view! {
        {sheet}
        <div hidden=move || is_loading.get()>{children()}</div>
    }
}
