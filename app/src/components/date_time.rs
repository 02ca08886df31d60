use js_sys::{Date, Object, Reflect};
use leptos::prelude::*;

/// A point in time, in the browser's time zone. For the browser only: the server
/// does not know the zone, and would render something else.
#[component]
pub fn DateTime(
    /// Unix seconds.
    #[prop(into)]
    at: Signal<i64>,
    /// Leave out the time of day.
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
        // The page is in English; the day comes before the month nearly everywhere.
        String::from(date().to_locale_string("en-GB", &style))
    };
    view! { <time datetime=machine>{person}</time> }
}
