use js_sys::{Date, Object, Reflect};
use leptos::prelude::*;

/// A point in time, in the browser's time zone. Only the browser renders it: the server does
/// not know the zone, and would render another text.
#[component]
pub fn DateTime(
    /// Unix seconds.
    #[prop(into)]
    at: Signal<i64>,
    /// Show only the date.
    #[prop(optional)]
    date_only: bool,
) -> impl IntoView {
    let date = move || {
        #[expect(clippy::cast_precision_loss, reason = "exact for 280 million years")]
        Date::new(&(at.get() as f64 * 1000.0).into())
    };
    let machine = move || String::from(date().to_iso_string());
    let person = move || {
        let style = Object::new();
        let _ = Reflect::set(&style, &"dateStyle".into(), &"medium".into());
        if !date_only {
            let _ = Reflect::set(&style, &"timeStyle".into(), &"short".into());
        }
        // The page is in English. In most countries the day comes before the month.
        String::from(date().to_locale_string("en-GB", &style))
    };
    view! { <time datetime=machine>{person}</time> }
}
